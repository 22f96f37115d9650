"""``rtfsc explain CODE``: what a diagnostic means, with an example."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", help="for example S003, R005 or T003")


def run(options: argparse.Namespace) -> int:
    from rtfsc.diagnostics.codes import explain

    text = explain(options.code)
    if text is None:
        raise UsageError(f"no diagnostic has the code '{options.code}'")
    print(text)
    return OK
