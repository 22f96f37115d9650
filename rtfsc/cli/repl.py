"""``rtfsc repl``: an interactive session."""

from __future__ import annotations

import argparse
import sys

from rtfsc.cli.common import OK, add_engine, add_level, add_limits, add_path, limits_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="loaded first, as by :load")
    add_engine(parser, default="evaluator")
    add_level(parser, default=1)
    add_limits(parser)
    add_path(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.repl.console import Console
    from rtfsc.repl.session import Session
    from rtfsc.repl.terminal import line_editing, read_piped, read_typed

    session = Session(options.engine, options.level, limits_of(options), (".", *options.path))
    console = Console(session, options)
    for file in options.files:
        console.load(file)
    if not sys.stdin.isatty():
        console.run(read_piped)
        return OK
    from rtfsc.version import __version__

    print(f"rtfsc {__version__}, {session.engine} engine; :help lists the commands, Ctrl-D ends the session")
    with line_editing(session):
        console.run(read_typed)
    return OK
