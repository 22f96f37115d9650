"""Printed forms read back as themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.forms import Keyword, List, Literal, Symbol
from rtfsc.syntax.printer import print_form, print_forms
from rtfsc.syntax.reader import read


def printed(text: str) -> str:
    sink = Sink()
    forms = read(SourceFile("<test>", text), sink)
    assert sink.diagnostics == []
    return print_forms(forms)


@pytest.mark.parametrize(
    "text",
    [
        '(defn f [x:Int y :int z : [:vector T]] {:a 1 "b" [2 3]})',
        "'(a `(b ~c ~@d ~ @e) @:k)",
        "#(+ % %1)",
        "^{:a 1} x",
        '"a\\n\\t\\r\\\\\\"é"',
        "[1 -5 1.5 1.0e16 1.5e-5 ##Inf ##-Inf ##NaN nil true false]",
        "(f resource://a/b )",
        "['resource://a/b ]",
        "2025-07-01T12:30:00_250Z",
        "(quote)",
        "(quote a b)",
        "{:a 1 :a 2}",
        "a.b:v1/c",
        ".m",
    ],
)
def test_canonical_text_prints_as_itself(text: str) -> None:
    assert printed(text) == text + "\n"


def test_comments_and_blanks_are_dropped() -> None:
    assert printed("( a ; b\n , c #| d |# )\n\n e") == "(a c)\ne\n"


def test_context_ref_of_another_form_is_written_out() -> None:
    span = Span(0, 0)
    assert print_form(List([Symbol("context-ref", span), List([], span)], span)) == "(context-ref ())"


def test_depth_is_not_limited() -> None:
    form = List([], Span(0, 0))
    for _ in range(20_000):
        form = List([form], Span(0, 0))
    assert print_form(form) == "(" * 20_001 + ")" * 20_001


@given(st.floats())
def test_floats_read_back(value: float) -> None:
    text = print_form(Literal(T.FLOAT, value, Span(0, 0)))
    assert printed(text) == text + "\n"
    if value == value:
        (form,) = read(SourceFile("<test>", text), Sink())
        assert isinstance(form, Literal) and form.value == value


_ATOMS = st.sampled_from(
    [
        "nil",
        "true",
        "1",
        "-2.5",
        '"s\\n"',
        ":k",
        ":a/b",
        "x",
        "a.b",
        "%1",
        "&",
        ":",
        "resource://x ",
        "@c",
        "@:c",
    ]
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(inner, max_size=4).map(" ".join)
    values = inner.filter(lambda text: text != ":")
    pairs = st.lists(values, max_size=3).map(lambda values: " ".join(f":k {value}" for value in values))
    return st.one_of(
        items.map("({})".format),
        items.map("[{}]".format),
        items.map("#({})".format),
        pairs.map(lambda text: f"{{{text}}}"),
        st.tuples(st.sampled_from(["'", "`", "~", "~@", "~ ", "^:m ", "^{:a 1} "]), inner).map("".join),
    )


@given(st.recursive(_ATOMS, _nested, max_leaves=20))
@settings(max_examples=200, deadline=None)
def test_any_text_reads_back(text: str) -> None:
    once = printed(text)
    assert printed(once) == once


def test_keyword_of_a_macro_is_not_glued_to_a_symbol() -> None:
    forms = [Symbol("x", Span(0, 1)), Keyword("k", Span(5, 7))]
    assert print_form(List(forms, Span(0, 9))) == "(x :k)"
