"""Whatever the text, the reader answers with forms or diagnostics whose spans are in the text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rtfsc.diagnostics import Sink
from rtfsc.diagnostics.codes import static_codes
from rtfsc.diagnostics.render import render
from rtfsc.source import SourceFile
from rtfsc.syntax.printer import print_forms
from rtfsc.syntax.reader import read

PIECES = [
    "(", ")", "[", "]", "{", "}", "#(", "'", "`", "~", "~@", "@", "^", "^:delegation", ":local", "&", ":",
    ".", "#", "#|", "|#", '"', "\\", '\\"', ";", "\n", " ", "\t", "\n(", "a", "-", "5", "1.5", "e5", "0x",
    ":k", "::", "nil", "true", "##Inf", "resource://", "2025-07-01T12:30:00Z",
    "123e4567-e89b-12d3-a456-426614174000",
    "é", "日", "\x00", "\ufeff", "\u202e", "%", "%&", "λ", ",", "😀",
]  # fmt: skip


def check(text: str) -> None:
    source, sink = SourceFile("<fuzz>", text), Sink()
    forms = read(source, sink)
    for diagnostic in sink.diagnostics:
        assert diagnostic.code in static_codes()
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start < diagnostic.span.end <= len(text)
        assert all(0 <= span.start <= span.end <= len(text) for span, _ in diagnostic.labels)
    for style in ("full", "concise", "json"):
        assert bool(render(sink.diagnostics, source, style)) == bool(sink.diagnostics)  # type: ignore[arg-type]
    if not sink.diagnostics:
        printed = print_forms(forms)
        again = Sink()
        assert print_forms(read(SourceFile("<again>", printed), again)) == printed
        assert again.diagnostics == []


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_pieces_of_syntax(text: str) -> None:
    check(text)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    check(text)
