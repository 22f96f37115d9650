"""``rtfsc check``: every diagnostic of every file; warnings fail too, as `build` would refuse them."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, PROGRAM_ERROR, progress, read_source, rtfs_files, show
from rtfsc.diagnostics import DiagnosticError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders; '-' reads standard input")


def run(options: argparse.Namespace) -> int:
    failed = False
    for path in progress(rtfs_files(options.paths), "checking"):
        failed |= not _is_clean(path, options.output_format)
    return PROGRAM_ERROR if failed else OK


def _is_clean(path: str, format: str) -> bool:
    from rtfsc.driver import Compilation

    try:
        compilation = Compilation(read_source(path))
        compilation.refuse_warnings()
    except DiagnosticError as error:
        show(error.diagnostics, error.source, format)
        return False
    return True
