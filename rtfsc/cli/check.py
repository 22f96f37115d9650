"""``rtfsc check``: every diagnostic of every file; warnings fail too where `build` would refuse them."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import OK, PROGRAM_ERROR, add_path, progress, read_source, rtfs_files, search_path
from rtfsc.cli.failures import show
from rtfsc.diagnostics import DiagnosticError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders; '-' reads standard input")
    add_path(parser)
    parser.add_argument(
        "--strict", action="store_true", help="also report types that cannot be proved beforehand"
    )


def run(options: argparse.Namespace) -> int:
    clean = [_is_clean(path, options) for path in progress(rtfs_files(options.paths), "checking")]
    return OK if all(clean) else PROGRAM_ERROR


def _is_clean(path: str, options: argparse.Namespace) -> bool:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions

    style = options.output_format
    # Here the diagnostics are the result; for people they stay beside the progress bar.
    stream = sys.stderr if style == "full" else sys.stdout
    try:
        source = read_source(path)
        compilation = Compilation(
            source, CompileOptions(path=search_path(options, source), strict=options.strict)
        )
        compilation.refuse_warnings()
    except DiagnosticError as error:
        show(error.diagnostics, error.source, style, dropped=error.dropped, stream=stream)
        return False
    if compilation.sink.diagnostics:
        show(compilation.sink.diagnostics, source, style, dropped=compilation.sink.dropped, stream=stream)
    return True
