"""A session: definitions stay, expressions are evaluated once.

Each form that is entered is evaluated in a program of all definitions so far and itself. The value of a
``def`` is computed once too: where it is plain data, what is kept is the value. A new definition takes the
place of the older one of its name, for functions that were defined before as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.evaluation import TARGETS, World, alone, evaluate_compiled
from rtfsc.options import CompileOptions
from rtfsc.repl.entries import Piece, pieces
from rtfsc.source import SourceFile

NAME = "<repl>"
_LONGEST_VALUE = 100_000


@dataclass(frozen=True, slots=True)
class Definition:
    """``text`` is what programs are made of; ``original`` what was typed; ``head`` as in `Piece`."""

    name: str
    text: str
    original: str
    head: str


@dataclass(frozen=True, slots=True)
class Answer:
    """``shown``: the printed value, or the name of what is defined and no value. ``warnings``: those about
    what was entered, in ``source``."""

    value: str
    shown: str
    defines: str | None
    warnings: list[Diagnostic]
    source: SourceFile


class Session:
    """``engine``: ``evaluator`` or ``wasm``. ``path``: where modules are looked for. ``world``: that of
    all that is evaluated."""

    def __init__(
        self, engine: str, level: int, limits: Any, path: tuple[str, ...] = (), world: World = alone
    ) -> None:
        self.engine, self.level, self.limits, self.path, self.world = engine, level, limits, path, world
        self.definitions: list[Definition] = []

    @property
    def names(self) -> list[str]:
        """Of the definitions, those that expressions can use."""
        return [d.name for d in self.definitions if " " not in d.name]

    def find(self, name: str) -> Definition | None:
        """The newest of this name."""
        return next((d for d in reversed(self.definitions) if d.name == name), None)

    def pieces(self, text: str) -> list[Piece]:
        """The forms of an entry. Raises `DiagnosticError`."""
        return pieces(SourceFile(NAME, text))

    def evaluate(self, piece: Piece) -> Answer:
        """Raises `DiagnosticError` and `RtfsError`; the definitions are then as before."""
        program, start = self.program(piece.text)
        compilation = self.compilation(program)
        try:
            outcome = evaluate_compiled(compilation, self.engine, self.limits, self.world)
        except DiagnosticError as error:
            raise self._about_entry(error, start) from None
        warnings = [d for d in outcome.diagnostics if d.span is None or d.span.start >= start]
        if outcome.error is not None:
            outcome.error.source, outcome.error.warnings = program, warnings
            raise outcome.error
        assert outcome.value is not None
        if piece.defines is not None:
            self._accept(piece, outcome.value)
        shown = piece.defines if piece.defines and piece.head != "def" else outcome.value
        if shown.startswith("#<function") and piece.defines:
            shown = piece.defines
        return Answer(outcome.value, shown, piece.defines, warnings, program)

    def program(self, text: str) -> tuple[SourceFile, int]:
        """All definitions and then this text; with where it starts."""
        before = "".join(f"{definition.text}\n" for definition in self.definitions)
        return SourceFile(NAME, before + text), len(before)

    def compilation(self, program: SourceFile, level: int | None = None) -> Compilation:
        level = self.level if level is None else level
        options = CompileOptions(level=level, target=TARGETS[self.engine], path=self.path)
        return Compilation(program, options)

    def _about_entry(self, error: DiagnosticError, start: int) -> DiagnosticError:
        """Without the warnings about earlier definitions, which have been shown."""
        if error.source is None or error.source.name != NAME:
            return error
        kept = [
            d for d in error.diagnostics if d.severity == "error" or d.span is None or d.span.start >= start
        ]
        return DiagnosticError(kept, error.source, error.dropped)

    def _accept(self, piece: Piece, value: str) -> None:
        assert piece.defines is not None
        new = Definition(piece.defines, piece.text, piece.text, piece.head)
        if piece.head == "def":
            new = self._written(new, value)
        others = [d for d in self.definitions if d.name != new.name]
        if len(others) == len(self.definitions) or self._holds([*others, new]):
            self.definitions = [*others, new]
        else:  # it needs the one that it would replace
            self.definitions.append(new)

    def _holds(self, definitions: list[Definition]) -> bool:
        """Whether these can be evaluated by themselves."""
        text = "".join(f"{definition.text}\n" for definition in definitions)
        try:
            return evaluate_compiled(self._plain(text), "evaluator", self.limits).error is None
        except DiagnosticError:
            return False

    def _written(self, definition: Definition, value: str) -> Definition:
        """With the value in place of its expression, if it can be written down."""
        if len(value) > _LONGEST_VALUE:
            return definition
        try:
            again = evaluate_compiled(self._plain(f"'{value}"), "evaluator", self.limits)
        except DiagnosticError:
            return definition
        if again.value != value:
            return definition
        return replace(definition, text=f"(def {definition.name} '{value} )")

    def _plain(self, text: str) -> Compilation:
        options = CompileOptions(level=0, target=TARGETS["evaluator"], path=self.path)
        return Compilation(SourceFile(NAME, text), options)
