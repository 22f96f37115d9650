"""What is said to the user about source text, and the sink that collects it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, NoReturn

from rtfsc.source import SourceFile, Span

Severity = Literal["error", "warning"]
Label = tuple[Span, str]
"""A second place that helps to understand the first, and what to say there."""

LIMIT: Final = 100
ADVICE: Final = frozenset({"N006"})
"""Codes of warnings about programs that work: nothing is refused for them."""


class Diagnostic(NamedTuple):
    """``code`` is listed in ``codes.toml`` (or, for run-time kinds, in ``rtfsc/errors.toml``);
    ``span`` is None only where no text is at hand (an unreadable file)."""

    code: str
    message: str
    span: Span | None
    labels: tuple[Label, ...] = ()
    hint: str | None = None
    severity: Severity = "error"


class DiagnosticError(Exception):
    """The program is refused. ``diagnostics`` has at least one error; ``source`` is the file that the
    spans are in, None where none could be read; ``dropped``: how many more there were."""

    def __init__(
        self, diagnostics: Iterable[Diagnostic], source: SourceFile | None = None, dropped: int = 0
    ) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        self.source = source
        self.dropped = dropped
        super().__init__(self.diagnostics, source, dropped)

    def __str__(self) -> str:
        from rtfsc.diagnostics.render import render

        return render(self.diagnostics, self.source, "concise")

    @property
    def first(self) -> Diagnostic:
        """The first error: the one to show where only one fits."""
        return next((d for d in self.diagnostics if d.severity == "error"), self.diagnostics[0])

    @property
    def code(self) -> str:
        return self.first.code

    @property
    def message(self) -> str:
        return self.first.message

    @property
    def span(self) -> Span | None:
        return self.first.span


class Sink:
    """Collects diagnostics of one source file. The same code at the same place is kept once; of each
    severity at most ``limit`` are kept and ``dropped`` counts the others. ``notes``: a label for all that is
    said about a span; ``macros``: names that are those of macros."""

    __slots__ = (
        "_error_count",
        "_kept",
        "_seen",
        "_warning_count",
        "dropped",
        "limit",
        "macros",
        "notes",
        "source",
    )

    def __init__(self, source: SourceFile | None = None, limit: int = LIMIT) -> None:
        self.source = source
        self.limit = limit
        self.notes: Mapping[Span, Label] = {}
        self.macros: Container[str] = ()
        self.dropped = 0
        self._kept: list[Diagnostic] = []
        self._seen: set[tuple[str, Span | None]] = set()
        self._error_count = 0
        self._warning_count = 0

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        labels: Sequence[Label] = (),
        hint: str | None = None,
    ) -> None:
        self.add(Diagnostic(code, message, span, tuple(labels), hint, "error"))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        labels: Sequence[Label] = (),
        hint: str | None = None,
    ) -> None:
        self.add(Diagnostic(code, message, span, tuple(labels), hint, "warning"))

    def add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, diagnostic.span)
        if key in self._seen:
            return
        self._seen.add(key)
        note = self.notes.get(diagnostic.span) if diagnostic.span is not None else None
        if note is not None:
            diagnostic = diagnostic._replace(labels=(*diagnostic.labels, note))
        if diagnostic.severity == "error":
            self._error_count += 1
            kept = self._error_count
        else:
            self._warning_count += 1
            kept = self._warning_count
        if kept > self.limit:
            self.dropped += 1
            return
        self._kept.append(diagnostic)

    @property
    def has_errors(self) -> bool:
        return self._error_count > 0

    @property
    def is_full(self) -> bool:
        """Whether another error would be dropped, so that looking for more is in vain."""
        return self._error_count >= self.limit

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All that were kept, by place in the text."""
        return sorted(self._kept, key=lambda d: d.span or (-1, -1))

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "warning"]

    def fail(self) -> NoReturn:
        raise DiagnosticError(self.diagnostics, self.source, self.dropped)

    def raise_if_errors(self) -> None:
        """Raises `DiagnosticError` with everything collected, warnings included, if there is an error."""
        if self.has_errors:
            self.fail()
