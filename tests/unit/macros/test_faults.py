"""What is said about macros that fail, and where."""

from __future__ import annotations

import pytest

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.driver import Compilation, compile_text


def faults(text: str) -> list[Diagnostic]:
    compilation = compile_text(text)
    with pytest.raises(DiagnosticError):
        compilation.check()
    return compilation.sink.diagnostics


def told(text: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Code, text under the mark, and each label with the text under it."""
    return [
        (d.code, text[slice(*d.span)], [(text[slice(*span)], label) for span, label in d.labels])
        for d in faults(text)
        if d.span is not None
    ]


def test_an_error_in_a_macro_is_shown_at_the_call_with_its_place() -> None:
    text = "(defmacro m [x] (nth x 5)) (m [1])"
    assert told(text) == [("X001", "(m [1])", [("(nth x 5)", "raised here"), ("m", "m is defined here")])]
    assert faults(text)[0].message == "The macro m failed: Index 5 out of bounds for collection of length 1"


def test_the_stack_of_expansions_is_shown() -> None:
    text = "(defmacro low [x] (/ x 0)) (defmacro mid [x] `(low ~x)) (defmacro top [x] x) (top (mid 3))"
    (code, at, labels), *more = told(text)
    assert (code, at, more) == ("X001", "(mid 3)", [])
    assert labels == [
        ("(/ x 0)", "raised here"),
        ("low", "low is defined here"),
        ("mid", "in the expansion of mid, defined here"),
        ("(top (mid 3))", "in the expansion of top"),
    ]


def test_an_error_in_a_function_that_macros_use() -> None:
    text = "(defn f [x] (inc x)) (defmacro m [x] (f x)) (m :a)"
    assert told(text) == [("X001", "(m :a)", [("(inc x)", "raised here"), ("m", "m is defined here")])]


def test_an_error_in_a_value_that_macros_use() -> None:
    text = "(def table (nth [1] 5)) (defmacro m [] table) (m)"
    assert [(code, at) for code, at, _ in told(text)] == [("X001", "(nth [1] 5)")]


def test_faults_in_expanded_code_name_the_macro() -> None:
    text = "(defmacro m [x] `(if ~x)) (m 1)"
    assert told(text) == [("F001", "(m 1)", [("m", "in code that the macro m made, defined here")])]


def test_faults_in_arguments_do_not() -> None:
    assert told("(defmacro m [x] `(do ~x)) (m (if))") == [("F001", "(if)", [])]


def test_unknown_names_in_expanded_code_warn_with_the_macro() -> None:
    text = "(defmacro m [] `(nowhere)) (m)"
    compilation = compile_text(text)
    compilation.check()
    (warning,) = compilation.sink.diagnostics
    assert (warning.code, text[slice(*warning.span)]) == ("N001", "(m)")
    assert [label for _, label in warning.labels] == ["in code that the macro m made, defined here"]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("(defmacro m [x] x) (m)", "X002", "(m)"),
        ("(defmacro m [x & y] x) (m)", "X002", "(m)"),
        ("(defmacro m [] inc) (m)", "X005", "(m)"),
        ('(defmacro m [] (symbol "a b")) (m)', "X005", "(m)"),
        ('(defmacro m [] (keyword "1(")) (m)', "X005", "(m)"),
        ('(defmacro m [] [1 (Exception. "x")]) (m)', "X005", "(m)"),
        ("(defmacro m [] `(m)) (m)", "X004", "(m)"),
        ("(defmacro m [& x] `(m 1 ~@x)) (m)", "X004", "(m)"),
        ("(defmacro m [] (range 600000)) (m)", "X004", "(m)"),
        ("(defmacro m [] (reduce (fn [a x] [a]) [] (range 5000))) (m)", "X004", "(m)"),
        ("(defmacro m [] (loop [] (recur))) (m)", "X001", "(m)"),
        ("(defmacro m [] (map (fn [i] (range 1000000)) (range 1000))) (m)", "X001", "(m)"),
        ("(defmacro m [] (call :a.b 1)) (m)", "X001", "(m)"),
        ("(defmacro)", "X003", "(defmacro)"),
        ("(defmacro m)", "X003", "(defmacro m)"),
        ("(defmacro m [])", "X003", "[]"),
        ("(defmacro m (x) x)", "X003", "(x)"),
        ("(defmacro :m [] 1)", "X003", ":m"),
        ("(defmacro let [] 1)", "X003", "let"),
        ("(defmacro catch [] 1)", "X003", "catch"),
        ("(f (defmacro m [] 1))", "X003", "(defmacro m [] 1)"),
        ("(defmacro m [x] (if)) 1", "F001", "(if)"),
        ("(defmacro m [x x] x)", "F007", "x"),
        ("~x", "X006", "~x"),
        ("(do `(a ~(b ~c)))", "X006", "~c"),
        ("`~@x", "X006", "~@x"),
    ],
)
def test_refused(text: str, code: str, at: str) -> None:
    diagnostic = next(d for d in faults(text) if d.severity == "error")
    assert (diagnostic.code, text[slice(*diagnostic.span)]) == (code, at)


def test_one_run_finds_several_faults() -> None:
    text = "(defmacro m [x] (/ 1 x)) (m 0) (m) [(m 1) (m :a)]"
    assert [code for code, _, _ in told(text)] == ["X001", "X002", "X001"]


def test_a_stack_of_many_expansions_is_cut() -> None:
    (fault,) = faults('(defmacro m [n] (if (= n 0) (throw "end") `(do (m ~(- n 1))))) (m 200)')
    assert fault.message.endswith("end") and len(fault.labels) <= 12


def test_no_fault_without_a_call() -> None:
    compilation = Compilation(compile_text("(defmacro m [x] (/ 1 0)) 5").source)
    compilation.check()
    assert not compilation.sink.diagnostics


def test_a_macro_as_a_value_or_before_its_definition_is_an_unknown_name_with_advice() -> None:
    compilation = compile_text("(defn f [a] (m a)) (defmacro m [x] x) (map m [1])")
    compilation.check()
    advice = "it is a macro: it can be called, after its definition"
    assert [(d.code, d.hint) for d in compilation.sink.diagnostics] == [("N001", advice)] * 2
