"""Reads entries from a terminal or a pipe and shows what comes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from rtfsc.diagnostics import Diagnostic
from rtfsc.repl import commands
from rtfsc.repl.entries import is_complete
from rtfsc.repl.inspection import Inspected
from rtfsc.repl.session import Answer, Session
from rtfsc.source import SourceFile

PROMPT, CONTINUATION = "rtfs> ", "    > "


Guard: TypeAlias = Callable[[Callable[[], None]], None]
Show: TypeAlias = Callable[[Sequence[Diagnostic], SourceFile], None]


class Console:
    """``guard`` runs what may fail in any way and shows how it failed; ``show`` is for warnings."""

    def __init__(self, session: Session, guard: Guard, show: Show) -> None:
        self.session, self._guard, self._show = session, guard, show

    def run(self, read_line: Callable[[str], str | None]) -> None:
        """Until the input ends. ``read_line`` takes a prompt and answers a line, None at the end. Ctrl-C
        drops what was begun to be written, and never ends the session, whenever it comes."""
        while True:
            try:
                entry = self._read_entry(read_line)
                if entry is None:
                    return
                self._guard(partial(self._obey, entry))
            except KeyboardInterrupt:
                print()
            except commands.Quit:
                return

    def _read_entry(self, read_line: Callable[[str], str | None]) -> str | None:
        """The lines of one entry; what was begun is taken as it is where the input ends."""
        lines: list[str] = []
        while True:
            line = read_line(CONTINUATION if lines else PROMPT)
            if line is None:
                return "\n".join(lines) if lines else None
            lines.append(line)
            if self._is_done(lines):
                return "\n".join(lines)

    @staticmethod
    def _is_done(lines: list[str]) -> bool:
        command = commands.find(lines[0])
        return is_complete(command[1] + "\n" + "\n".join(lines[1:]) if command else "\n".join(lines))

    def _obey(self, text: str) -> None:
        command = commands.find(text.partition("\n")[0])
        if command is None:
            self.evaluate(text)
        else:
            rest = text.partition("\n")[2]
            commands.run(self, command[0], f"{command[1]}\n{rest}".strip())

    def evaluate(self, text: str) -> None:
        """Shows the value of each form. Raises what `Session.evaluate` raises."""
        for piece in self.session.pieces(text):
            answer = self.session.evaluate(piece)
            self.warn(answer)
            self.say(answer.shown)

    def load(self, path: str) -> None:
        """Evaluates the forms of a file, saying only how many definitions they were."""
        defined = 0
        for piece in self.session.pieces(SourceFile.read(path).text):
            answer = self.session.evaluate(piece)
            self.warn(answer)
            defined += answer.defines is not None
        self.say(f"{defined} definition{'' if defined == 1 else 's'} from {path}")

    def warn(self, about: Answer | Inspected) -> None:
        if about.warnings:
            sys.stdout.flush()
            self._show(about.warnings, about.source)

    @staticmethod
    def say(text: Any) -> None:
        print(text, flush=True)
