"""What Ctrl-C does to a session: it drops what was begun to be written, and ends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfsc.repl.commands import Quit
from rtfsc.repl.console import Console


def entries(*typed: str | type[BaseException] | None, after: dict[str, type[BaseException]]) -> list[str]:
    """What was to be evaluated, given what was typed; ``after``: what is raised when an entry was."""
    obeyed: list[str] = []
    left = iter(typed)

    def read_line(prompt: str) -> str | None:
        line = next(left)
        if isinstance(line, type):
            raise line
        return line

    def guard(work: Callable[[], None]) -> None:
        entry: str = work.args[0]  # type: ignore[attr-defined]
        obeyed.append(entry)
        if entry in after:
            raise after[entry]

    session: Any = None
    Console(session, guard, lambda *_: None).run(read_line)
    return obeyed


def test_what_was_begun_is_dropped() -> None:
    assert entries("1", "(+ 1", KeyboardInterrupt, "(+ 2", "3)", None, after={}) == ["1", "(+ 2\n3)"]


def test_an_interrupt_that_comes_as_an_entry_ends_does_not_end_the_session() -> None:
    assert entries("1", "2", None, after={"1": KeyboardInterrupt}) == ["1", "2"]


def test_the_command_that_ends_it_does() -> None:
    assert entries("1", ":quit", "2", None, after={":quit": Quit}) == ["1", ":quit"]
