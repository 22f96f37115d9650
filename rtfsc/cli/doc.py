"""``rtfsc doc NAME``: what a name of the library, of the language or of a file means."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, UsageError, add_path, read_source, search_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a library function, a special form, or what FILE exports")
    parser.add_argument("file", nargs="?", help="a source file; '-' reads standard input")
    parser.add_argument(
        "--card", action="store_true", help="the language on one card, for an assistant that is to write RTFS"
    )
    add_path(parser)


def run(options: argparse.Namespace) -> int:
    if options.card:
        from rtfsc.reference.card import card

        print(card(), end="")
        return OK
    if options.name is None:
        raise UsageError("what is to be looked up? (or --card)")
    from rtfsc.reference.lookup import UnknownName, describe_name

    try:
        print(_of_file(options) if options.file else describe_name(options.name))
    except UnknownName as error:
        raise UsageError(str(error)) from None
    return OK


def _of_file(options: argparse.Namespace) -> str:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions
    from rtfsc.reference.lookup import describe_export

    source = read_source(options.file)
    compile_options = CompileOptions(path=search_path(options, source))
    return describe_export(Compilation(source, compile_options), options.name)
