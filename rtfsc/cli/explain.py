"""``rtfsc explain CODE``: what a diagnostic means, with an example."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", help="for example S003 or R005")


def run(options: argparse.Namespace) -> int:
    from rtfsc.diagnostics.codes import explain

    try:
        print(explain(options.code.upper()))
    except KeyError:
        raise UsageError(f"no diagnostic has the code '{options.code}'") from None
    return OK
