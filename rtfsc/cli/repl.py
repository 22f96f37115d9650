"""``rtfsc repl``: an interactive session."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rtfsc.cli.common import (
    OK,
    UsageError,
    add_allow,
    add_engine,
    add_level,
    add_limits,
    add_path,
    limits_of,
)
from rtfsc.cli.delegating import add_delegation, worlds_of
from rtfsc.cli.failures import guarded, show

if TYPE_CHECKING:
    from rtfsc.evaluation import World


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="loaded first, as by :load")
    add_engine(parser, default="evaluator")
    add_level(parser, default=1)
    add_limits(parser)
    add_path(parser)
    add_allow(parser)
    add_delegation(parser)


def run(options: argparse.Namespace) -> int:
    with worlds_of(options) as worlds:
        return _converse(options, worlds())


def _converse(options: argparse.Namespace, world: World) -> int:
    from rtfsc.repl.console import Console
    from rtfsc.repl.session import Session
    from rtfsc.repl.terminal import line_editing, read_piped, read_typed

    session = Session(options.engine, options.level, limits_of(options), (".", *options.path), world)
    console = Console(session, partial(_guard, options), partial(show, style=options.output_format))
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


def _guard(options: argparse.Namespace, action: Callable[[], None]) -> None:
    """Whatever goes wrong is shown, and the session goes on."""
    from rtfsc.repl.commands import BadCommand

    def run(_: argparse.Namespace) -> int:
        try:
            action()
        except BadCommand as error:
            raise UsageError(str(error)) from None
        return OK

    guarded(run, options)
