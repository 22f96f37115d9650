"""Forms after expansion, and where in the text they stand."""

from __future__ import annotations

import pytest

from rtfsc.driver import compile_text
from rtfsc.syntax.forms import Form, List, Map, Vector
from rtfsc.syntax.printer import print_form
from rtfsc.syntax.reader import read

UNLESS = "(defmacro unless2 [c & body] `(if ~c nil (do ~@body)))"


def expanded(text: str) -> list[str]:
    return [print_form(form) for form in compile_text(text).expanded]


@pytest.mark.parametrize(
    ("macro", "call", "result"),
    [
        (UNLESS, "(unless2 a 1 2)", "(if a nil (do 1 2))"),
        (UNLESS, "(f [(unless2 a 1)] {:k (unless2 b 2)})", "(f [(if a nil (do 1))] {:k (if b nil (do 2))})"),
        (UNLESS, "'(unless2 a)", "'(unless2 a)"),
        (UNLESS, "`(unless2 ~(unless2 a 1))", "`(unless2 ~(if a nil (do 1)))"),
        (UNLESS, "`(x `(y ~(unless2 ~(unless2 a 1))))", "`(x `(y ~(unless2 ~(if a nil (do 1)))))"),
        (UNLESS, "(let [unless2 f] (unless2 1))", "(let [unless2 f] (unless2 1))"),
        (UNLESS, "(let [{:keys [unless2]} f] (unless2 1))", "(let [{:keys [unless2]} f] (unless2 1))"),
        (UNLESS, "(fn [& unless2] (unless2 1))", "(fn [& unless2] (unless2 1))"),
        (UNLESS, "(match x unless2 (unless2 1))", "(match x unless2 (unless2 1))"),
        (UNLESS, "(let [] (defn unless2 [] 1) (unless2))", "(let [] (defn unless2 [] 1) (unless2))"),
        (UNLESS, "(do (let [unless2 f] 1) (unless2 1))", "(do (let [unless2 f] 1) (if 1 nil (do)))"),
        (UNLESS, "(-> a (unless2 b) c)", "(c (if a nil (do b)))"),
        (UNLESS, "(-> a b c)", "(-> a b c)"),
        (UNLESS, "(->> a (unless2 b))", "(if b nil (do a))"),
        (UNLESS, "#(unless2 % %2)", "(fn [%1 %2] (if %1 nil (do %2)))"),
        (UNLESS, "#(f %)", "#(f %)"),
        (UNLESS, "^{:runtime.x 1} (unless2 a 1)", "^{:runtime.x 1} (if a nil (do 1))"),
        ("(defmacro m [x] x)", "(m ^{:a 1} x)", "^{:a 1} x"),
        ("(defmacro m [x] `(f ~x))", "(m {a :k & r})", "(f {a :k & r})"),
        ("(defmacro m [x] `(let [~x : :int 1] ~x))", "(m y)", "(let [y : :int 1] y)"),
        ("(defmacro m [x] `(fn [~x y:int] 1))", "(m z)", "(fn [z y : :int] 1)"),
        ("(defmacro m [n] `(defn ^{:doc \"d\"} ~n [] 1))", "(m f)", '(defn ^{:doc "d"} f [] 1)'),
        ("(defmacro m [x] (let [a (gensym) b (gensym :v)] `[~a ~b ~a ~x]))", "(m 1)", "[G__1 v__2 G__1 1]"),
        ("(defmacro m [] (gensym))", "[(m) (m) G__2]", "[G__1 G__3 G__2]"),
        ("(defmacro m [& x] `(f ~@x))", "(m 2025-01-01T00:00:00Z -0.0)", "(f 2025-01-01T00:00:00Z -0.0)"),
    ],
)  # fmt: skip
def test_expands_to(macro: str, call: str, result: str) -> None:
    assert expanded(f"{macro} {call}") == ["nil", result]


def test_a_macro_may_define_macros_and_functions_at_top_level() -> None:
    text = """
    (defmacro both [f m] `(do (defn ~f [x] x) (defmacro ~m [x] `(~'~f ~x))))
    (both f m)
    (m 5)"""
    assert expanded(text) == ["nil", "(do (defn f [x] x) nil)", "(f 5)"]


def test_a_module_gets_its_definitions_one_by_one() -> None:
    text = (
        "(module a (:exports [f]) (defmacro two [x y] `(do (def ~x 1) (def ~y 2))) (two p q) (defn f [] p))"
    )
    assert expanded(text) == ["(module a (:exports [f]) (def p 1) (def q 2) (defn f [] p))"]


def test_a_later_definition_takes_the_name_of_a_macro() -> None:
    assert expanded("(defmacro m [] 1) (m) (defn m [] (m)) (m)") == ["nil", "1", "(defn m [] (m))", "(m)"]


def test_expanded_forms_read_back() -> None:
    from rtfsc.diagnostics import Sink
    from rtfsc.source import SourceFile

    text = f"{UNLESS} (defmacro g [] (gensym)) (unless2 (g) [{{:a #(unless2 %)}}])"
    printed = expanded(text)
    sink = Sink()
    again = read(SourceFile("again", "\n".join(printed)), sink)
    assert [print_form(form) for form in again] == printed and not sink.diagnostics


def test_forms_of_arguments_keep_their_places_and_others_take_that_of_the_call() -> None:
    text = f"{UNLESS} (unless2 (f x) [y] (f x))"
    whole = compile_text(text).expanded[1]
    assert isinstance(whole, List)
    spelt = [text[form.span.start : form.span.end] for form in whole.items]
    call = "(unless2 (f x) [y] (f x))"
    assert spelt == [call, "(f x)", call, call]
    body = whole.items[3]
    assert isinstance(body, List)
    assert [text[form.span.start : form.span.end] for form in body.items[1:]] == ["[y]", "(f x)"]
    assert body.items[2].span.start == text.rindex("(f x)")


def test_every_form_lies_within_its_top_level_call() -> None:
    text = f"{UNLESS} (unless2 1 (unless2 [2 {{:k 3}}] #(unless2 % 4)))"
    start = text.rindex(" (unless2 1") + 1
    forms: list[Form] = [compile_text(text).expanded[1]]
    while forms:
        form = forms.pop()
        assert start <= form.span.start < form.span.end <= len(text)
        if isinstance(form, List | Vector):
            forms += form.items
        elif isinstance(form, Map):
            forms += [part for pair in form.pairs for part in pair]


def test_a_program_without_the_word_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "rtfsc.macros", raising=False)
    monkeypatch.delitem(sys.modules, "rtfsc.macrotime", raising=False)
    compilation = compile_text("(defn f [x] `(a ~x)) (f 1)")
    assert compilation.expanded is compilation.forms
    assert "rtfsc.macros" not in sys.modules


def test_macros_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtfsc import macrotime

    loads = []
    plain = macrotime.MacroTime.__call__

    def counted(self: macrotime.MacroTime, definitions: list[Form], names: list[str]) -> object:
        loads.append(names)
        return plain(self, definitions, names)

    monkeypatch.setattr(macrotime.MacroTime, "__call__", counted)
    assert (
        expanded(f"{UNLESS} (defmacro m [x] x) " + "(unless2 (m 1) (m 2))" * 5)[2:]
        == ["(if 1 nil (do 2))"] * 5
    )
    assert loads == [["unless2#1", "m#2"]]


def test_a_function_is_the_same_definition_with_and_without_a_macro() -> None:
    written = compile_text("(defn f [x] (* x x))").unoptimised.exports
    made = compile_text("(defmacro sq [x] `(* ~x ~x)) (defn f [x] (sq x))").unoptimised.exports
    assert [export.def_hash for export in made] == [export.def_hash for export in written]


def test_expansion_is_the_same_each_time() -> None:
    text = "(defmacro m [& xs] (let [v (gensym)] `(let [~v 1] [~v ~@xs]))) (m 1 (m 2) (m 3))"
    assert expanded(text) == expanded(text)
