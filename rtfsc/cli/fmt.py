"""``rtfsc fmt``: source files in one layout."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import OK, PROGRAM_ERROR, UsageError, progress, read_source, rtfs_files
from rtfsc.cli.failures import show_refusal
from rtfsc.diagnostics import DiagnosticError
from rtfsc.source import SourceFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", help="files or folders; '-' formats standard input to standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; list the files that would change, exit 1 if any"
    )


def run(options: argparse.Namespace) -> int:
    if "-" in options.paths and len(options.paths) > 1:
        raise UsageError("'-' cannot be mixed with files")
    results = [_format(path, options) for path in progress(rtfs_files(options.paths), "formatting")]
    return OK if all(results) else PROGRAM_ERROR


def _format(path: str, options: argparse.Namespace) -> bool:
    """Whether all is well: not so for a file with syntax errors, which is left as it is."""
    from rtfsc.syntax.format import format_source

    try:
        source = read_source(path)
        text = format_source(source)
    except DiagnosticError as error:
        show_refusal(error, options.output_format)
        return False
    if options.check:
        return _is_formatted(path, source, text)
    if path == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    elif not _has_text(path, text):
        _replace(path, text)
        print(f"formatted {path}")
    return True


def _is_formatted(path: str, source: SourceFile, text: str) -> bool:
    same = source.text == text if path == "-" else _has_text(path, text)
    if not same:
        print(source.name)
    return same


def _has_text(path: str, text: str) -> bool:
    with open(path, "rb") as file:
        return file.read() == text.encode()


def _replace(path: str, text: str) -> None:
    """Through links, and with the permissions that the file had."""
    import os
    import stat

    from rtfsc.files import write_atomically

    target = os.path.realpath(path)
    mode = stat.S_IMODE(os.stat(target).st_mode)
    write_atomically(target, text.encode())
    os.chmod(target, mode)
