from __future__ import annotations

import pytest

from rtfsc.diagnostics import DiagnosticError, Sink
from rtfsc.source import SourceFile, Span


def test_sorted_by_place() -> None:
    sink = Sink()
    sink.error("S002", "b", Span(5, 6))
    sink.warning("S001", "a", Span(1, 2))
    assert [d.message for d in sink.diagnostics] == ["a", "b"]
    assert [d.message for d in sink.errors] == ["b"]
    assert [d.message for d in sink.warnings] == ["a"]


def test_same_code_at_same_place_is_kept_once() -> None:
    sink = Sink()
    for _ in range(3):
        sink.error("S001", "a", Span(0, 1))
    sink.error("S002", "b", Span(0, 1))
    assert [d.code for d in sink.diagnostics] == ["S001", "S002"]


def test_warnings_never_crowd_out_errors() -> None:
    sink = Sink(limit=3)
    for at in range(10):
        sink.warning("S001", "w", Span(at, at + 1))
    assert not sink.has_errors and not sink.is_full
    for at in range(5):
        sink.error("S002", "e", Span(at, at + 1))
    assert (len(sink.warnings), len(sink.errors), sink.dropped) == (3, 3, 9)
    assert sink.is_full


def test_warnings_alone_do_not_raise() -> None:
    sink = Sink()
    sink.warning("S001", "w", Span(0, 1))
    sink.raise_if_errors()
    sink.error("S002", "e", Span(3, 4))
    with pytest.raises(DiagnosticError) as caught:
        sink.raise_if_errors()
    assert [d.code for d in caught.value.diagnostics] == ["S001", "S002"]
    assert (caught.value.code, caught.value.message, caught.value.span) == ("S002", "e", (3, 4))


def test_error_as_text_is_concise() -> None:
    sink = Sink(SourceFile("a.rtfs", "ab\ncd"))
    sink.error("S001", "bad", Span(4, 5))
    with pytest.raises(DiagnosticError, match=r"^a\.rtfs:2:2: S001 bad$"):
        sink.raise_if_errors()
