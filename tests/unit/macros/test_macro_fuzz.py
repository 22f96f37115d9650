"""Random macros and calls: expansion ends, with forms or with diagnostics; both engines see the same data."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtfsc.diagnostics import DiagnosticError, Sink
from rtfsc.driver import compile_text
from rtfsc.evaluation import evaluate
from rtfsc.macros.data import Exchange
from rtfsc.macrotime import MacroTime
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.forms import Form
from rtfsc.syntax.printer import print_form
from rtfsc.syntax.reader import read
from runtime.values.limits import Limits

ATOMS = st.sampled_from(
    ["a", "b", "x", "m", "n", "1", "2.5", '"s"', ":k", ":int", "nil", "true", "&", "%", ":", "_", "()", "[]"]
)
HEADS = ["m", "n", "do", "if", "let", "fn", "quote", "first", "rest", "list", "+", "gensym", "->", "defmacro",
         "match", "try", "catch", "defn", "def", "count", "symbol", "loop", "recur", "map"]  # fmt: skip
MARKS = st.sampled_from(["'", "`", "~", "~@", "#", "^:x "])


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(inner, max_size=4).map(" ".join)
    return st.one_of(
        st.tuples(st.sampled_from(HEADS), items).map(lambda p: f"({p[0]} {p[1]})"),
        items.map("({})".format),
        items.map("[{}]".format),
        st.tuples(inner, inner).map(lambda p: f"{{:k {p[0]} x {p[1]}}}"),
        st.tuples(MARKS, items).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["'", "`", "~", "~@"]), inner).map("".join),
    )


FORMS = st.recursive(ATOMS, _compound, max_leaves=12)
PARAMETERS = st.sampled_from(["[]", "[a]", "[a b]", "[& x]", "[a & b]", "[[a b]]", "[{:keys [a]}]"])
MACROS = st.tuples(st.sampled_from(["m", "n"]), PARAMETERS, FORMS).map(
    lambda p: f"(defmacro {p[0]} {p[1]} {p[2]})"
)
PROGRAMS = st.lists(st.one_of(MACROS, FORMS), min_size=1, max_size=5).map(" ".join)
SPAN = Span(0, 1)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(PROGRAMS)
def test_expansion_of_anything_ends(text: str) -> None:
    compilation = compile_text(f"(defmacro m [a & b] `(do ~a ~@b)) {text}")
    try:
        forms = compilation.expanded
        for form in forms:
            assert print_form(form)
        compilation.check()
    except DiagnosticError as error:
        assert error.diagnostics
    for diagnostic in compilation.sink.diagnostics:
        for span in (diagnostic.span, *(span for span, _ in diagnostic.labels)):
            assert span is not None
            assert 0 <= span.start <= span.end <= len(compilation.source.text)


@FUZZ
@given(FORMS)
def test_quoted_data_and_templates_are_the_same_on_both_engines(form: str) -> None:
    for mark in ("'", "`"):
        source = SourceFile("<fuzz>", f"(let [a 1 b [2 3] x '(y)] {mark}{form})")
        outcomes = []
        for engine in ("evaluator", "wasm"):
            try:
                outcomes.append(evaluate(source, engine, 2, Limits(deadline_ms=60_000)))
            except DiagnosticError as error:
                outcomes.append((error.code, error.span))
        assert outcomes[0] == outcomes[1]


def _read(text: str) -> list[Form]:
    sink = Sink()
    forms = read(SourceFile("<fuzz>", text), sink)
    return [] if sink.has_errors else forms


@FUZZ
@given(FORMS)
def test_forms_come_back_from_data(text: str) -> None:
    """As they are if their places are known, else with short functions written out."""
    for form in _read(text):
        with MacroTime(Sink()) as load:
            exchange = Exchange(load.atoms, SPAN, 10_000, str)
            data = exchange.data(form)
            known = print_form(exchange.form(data))
            anew = Exchange(load.atoms, SPAN, 10_000, str).form(data)
        again = Exchange(load.atoms, SPAN, 10_000, str)
        assert again.data(anew) == data
        if "#" not in text:
            assert known == print_form(form)
