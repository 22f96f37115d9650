"""What starts with a colon: one function a command, listed in `COMMANDS`."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from rtfsc.repl.console import Console
    from rtfsc.repl.inspection import Inspected


class Quit(BaseException):
    """The session is to end."""


class BadCommand(Exception):
    """A command was called in a way that cannot work; the message says how to mend it."""


class Command(NamedTuple):
    """``argument``: what it takes, in capitals if it must be there; empty if it takes nothing."""

    argument: str
    help: str
    run: Callable[[Console, str], None]


def find(line: str) -> tuple[Command, str] | None:
    """The command of a line and its argument; None if the line is none (``:a`` is a keyword)."""
    name, _, argument = line.strip().partition(" ")
    command = COMMANDS.get(name)
    return (command, argument.strip()) if command else None


def run(console: Console, command: Command, argument: str) -> None:
    """Raises `BadCommand` for an argument that is missing or too many."""
    name = next(name for name, known in COMMANDS.items() if known is command)
    if command.argument.isupper() and not argument:
        raise BadCommand(f"write {name} {command.argument}")
    if not command.argument and argument:
        raise BadCommand(f"{name} takes no argument")
    command.run(console, argument)


def _help(console: Console, argument: str) -> None:
    width = max(len(f"{name} {command.argument}") for name, command in COMMANDS.items())
    for name, command in COMMANDS.items():
        console.say(f"  {f'{name} {command.argument}':<{width}}  {command.help}")
    console.say("Anything else is RTFS. Input ends when its brackets are closed; Ctrl-C drops it.")


def _type(console: Console, argument: str) -> None:
    console.say(_inspected(console, argument).type())


def _ir(console: Console, argument: str) -> None:
    console.say(_inspected(console, argument).ir().rstrip())


def _wat(console: Console, argument: str) -> None:
    console.say(_inspected(console, argument).wat())


def _inspected(console: Console, argument: str) -> Inspected:
    from rtfsc.repl.inspection import Inspected, NothingToInspect

    try:
        inspected = Inspected(console.session, argument)
    except NothingToInspect as error:
        raise BadCommand(str(error)) from None
    console.warn(inspected)
    return inspected


def _time(console: Console, argument: str) -> None:
    start = perf_counter()
    console.evaluate(argument)
    console.say(
        f"{(perf_counter() - start) * 1000:.1f} ms on the {console.session.engine} engine, compiling included"
    )


def _doc(console: Console, argument: str) -> None:
    from rtfsc.reference.lookup import UnknownName, describe_export, describe_name

    session = console.session
    own = session.find(argument)
    try:
        if own is None:
            console.say(describe_name(argument, session.names))
        elif own.head == "defmacro":
            console.say(f"{own.name}: macro\n  {own.original}")
        else:
            program, _ = session.program(own.original)
            console.say(describe_export(session.compilation(program), argument))
    except UnknownName as error:
        raise BadCommand(str(error)) from None


def _load(console: Console, argument: str) -> None:
    console.load(argument)


def _engine(console: Console, argument: str) -> None:
    from rtfsc.evaluation import TARGETS

    if argument and argument not in TARGETS:
        raise BadCommand(f"the engines are {' and '.join(TARGETS)}, not {argument}")
    console.session.engine = argument or console.session.engine
    console.say(console.session.engine)


def _quit(console: Console, argument: str) -> None:
    raise Quit


COMMANDS: Final[dict[str, Command]] = {
    ":help": Command("", "this list", _help),
    ":type": Command("EXPR", "its type, without evaluating it", _type),
    ":ir": Command("EXPR", "its optimised IR; of a name: of its definition", _ir),
    ":wat": Command("EXPR", "the same as WebAssembly text", _wat),
    ":time": Command("EXPR", "evaluates it and says how long that took", _time),
    ":doc": Command("NAME", "what a name means: library, special form or own", _doc),
    ":load": Command("FILE", "evaluates the forms of a file", _load),
    ":engine": Command("[evaluator|wasm]", "shows or changes what evaluates", _engine),
    ":quit": Command("", "ends the session, as Ctrl-D does", _quit),
}
