"""Finds the ``deftest`` forms of a source and makes a program of each.

The program of a test is the source itself, in which the test is a ``do`` and all other tests are blank. All
else stays where it is, so that places in it are places in the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtfsc.diagnostics import Diagnostic, DiagnosticError, Sink
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.forms import Form, List, Symbol
from rtfsc.syntax.reader import read

_HEAD = "deftest"


@dataclass(frozen=True, slots=True)
class Test:
    """``head``: from the bracket to the end of the name."""

    name: str
    span: Span
    head: Span


class TestFile:
    """The tests of a source, in order. Raises `DiagnosticError` if it cannot be read, or names two alike."""

    def __init__(self, source: SourceFile) -> None:
        sink = Sink(source)
        forms = read(source, sink)
        sink.raise_if_errors()
        self.source = source
        self.tests = list(_tests(forms))
        _refuse_twins(self.tests, source)

    def program(self, test: Test | None) -> SourceFile:
        """The source with the body of this test in its place, or with no test."""
        text = self.source.text
        parts, at = [], 0
        for other in self.tests:
            span = other.head if other is test else other.span
            parts += [text[at : span.start], _hidden(text[span.start : span.end], other is test)]
            at = span.end
        return SourceFile(self.source.name, "".join([*parts, text[at:]]))

    def line(self, test: Test) -> int:
        return self.source.line_column(test.span.start)[0]


def _tests(forms: Sequence[Form]) -> Iterator[Test]:
    for form in forms:
        if isinstance(form, List) and len(form.items) > 1:
            head, name = form.items[:2]
            if isinstance(head, Symbol) and head.name == _HEAD and isinstance(name, Symbol):
                yield Test(name.name, form.span, Span(form.span.start, name.span.end))


def _hidden(text: str, is_chosen: bool) -> str:
    blank = "".join(char if char == "\n" else " " for char in text)
    return f"(do{blank[3:]}" if is_chosen else blank


def _refuse_twins(tests: Sequence[Test], source: SourceFile) -> None:
    seen: dict[str, Test] = {}
    for test in tests:
        first = seen.setdefault(test.name, test)
        if first is not test:
            labels = ((first.head, "the first one"),)
            twin = Diagnostic("F001", f"A second test is named {test.name}", test.head, labels)
            raise DiagnosticError([twin], source)
