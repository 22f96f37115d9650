"""Lines from a terminal with history and completion, or from a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rtfsc.repl.commands import COMMANDS
from rtfsc.repl.session import Session

_HISTORY_LENGTH = 2000
_DELIMITERS = " \t\n()[]{}\"'`~@^,;"

ReadLine = Callable[[str], "str | None"]


def read_piped(prompt: str) -> str | None:
    """Without a prompt: what is written is read by a program."""
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def read_typed(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        print()
        return None


@contextmanager
def line_editing(session: Session) -> Iterator[None]:
    """History in the user's data folder, completion of names; nothing where readline is missing."""
    try:
        import readline
    except ImportError:
        yield
        return
    from runtime.store.paths import user_home

    history = user_home() / "repl-history"
    with suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(_HISTORY_LENGTH)
    _complete_with(readline, Completer(session))
    try:
        yield
    finally:
        readline.set_completer(None)
        with suppress(OSError):  # a home that cannot be written costs the history alone
            history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            readline.write_history_file(history)
            os.chmod(history, 0o600)


def _complete_with(readline: Any, completer: Completer) -> None:
    readline.set_completer_delims(_DELIMITERS)
    readline.set_completer(completer)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")


class Completer:
    """Called by readline with the word so far and 0, 1, … until it answers None."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: list[str] = []

    def __call__(self, word: str, state: int) -> str | None:
        if state == 0:
            self._found = self.matches(word)
        return self._found[state] if state < len(self._found) else None

    def matches(self, word: str) -> list[str]:
        """Commands for a word with a colon, else names: one's own, of the library, of special forms."""
        from rtfsc.reference.lookup import known_names

        names = COMMANDS if word.startswith(":") else [*self._session.names, *known_names()]
        return sorted({name for name in names if word and name.startswith(word)})
