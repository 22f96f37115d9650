"""Special forms and sugar, as trees."""

from __future__ import annotations

import pytest

from rtfsc.ast import build
from rtfsc.ast.dump import dump
from rtfsc.diagnostics import Sink
from rtfsc.ir.walk import deep
from rtfsc.source import SourceFile
from rtfsc.syntax.reader import read


def built(text: str) -> tuple[str, list[str]]:
    source = SourceFile("<test>", text)
    sink = Sink(source)
    program = build(read(source, sink), sink)
    return " ".join(dump(program).split()), [d.code for d in sink.diagnostics]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(if a b)", "(If a b nil)"),
        ("(when a b c)", "(If a (Do b c) nil)"),
        ("(unless a b)", "(If a nil b)"),
        ("(cond a 1 :else 2)", "(If a 1 2)"),
        ("(-> x f (g 1) :k)", "(Call :k (Call g (Call f x) 1))"),
        ("(->> x f (g 1))", "(Call g 1 (Call f x))"),
        ("(and a b)", "(And a b)"),
        ("(.m t 1)", "(Call m t 1)"),
        ("(. m t 1)", "(Call m t 1)"),
        ("#(f % %2)", "(Fn [%1 %2] (Call f %1 %2))"),
        ("#(f %&)", "(Fn [& %&] (Call f %&))"),
        ("#(f 1)", "(Fn [] (Call f 1))"),
        ("'(a [b 1] {:k c})", "'('a ['b 1] {:k 'c})"),
        ("()", "'()"),
        ("{:a 1 :b 2 :a 3}", "{:a 3 :b 2}"),
        ("{:a x}", "(Map (:a x))"),
        ("(iffy 1)", "(Call iffy 1)"),
        ("(λ [x] x)", "(Fn [x] x)"),
        ("^{:a 1} (f)", "(Call f)"),
        ("(match v [a & r] r {:k 1} 2 _ 3)", "(Match v ([a & r] r) ({:k 1} 2) (_ 3))"),
        ("(match v [:vector :int] 1)", "(Match v (<[:vector :int]> 1))"),
        ("(match v [:vector x] x)", "(Match v ([:vector x] x))"),
        ("(try a (catch Foo e b) (finally c))", "(Try a (catch Foo Foo e b) (finally c))"),
        ("(let [{:keys [a] b :k :or {a 1} & r :as m} v] a)", "(Let ({:a a :k b :or 1 & r :as m} v) a)"),
    ],
)
def test_tree(text: str, shown: str) -> None:
    assert built(text) == (shown, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("(if a b c d)", "F001"),
        ("(if a)", "F001"),
        ("(let [x] 1)", "F001"),
        ("(let [x 1])", "F001"),
        ("(fn name [x] x)", "F001"),
        ("(fn [x])", "F001"),
        ("(defn f ([x] x) ([x y] y))", "F001"),
        ("(def)", "F001"),
        ("(cond a)", "F001"),
        ("(match x)", "F001"),
        ("(try 1)", "F001"),
        ("(try 1 (catch e e))", "F001"),
        ("(try 1 (finally 2) 3)", "F001"),
        ("(for [a] a)", "F001"),
        ("(case x y 1)", "F001"),
        ("#(f #(g %))", "F001"),
        ("(quote)", "F001"),
        ("(fn [a & b c] a)", "F001"),
        ("(recur 1)", "F003"),
        ("(let [5 1] 1)", "F001"),
        ("(fn [5] 1)", "F005"),
        ("(match x (1 2) 3)", "F005"),
        ("(let [{:keys a} 1] a)", "F005"),
        ("(fn [a a] a)", "F007"),
        ("(let [[a a] 1] a)", "F007"),
        ("{[1] 2}", "S011"),
        ("(match x {y 1} 2)", "S011"),
        ("(defmacro m [x] x)", "X003"),
        ("(do (import m))", "M007"),
        ("~x", "X006"),
        ("`~@x", "X006"),
        ("`(a ~(b ~c))", "X006"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert built(text)[1] == [code]


def test_one_run_finds_several_faults() -> None:
    assert built("(if) (let [a (fn)] (cond 1)) (def)")[1] == ["F001", "F001", "F001", "F001"]


def test_names_of_soft_forms_may_be_defined() -> None:
    assert built("(defn when [x] x) (when 1)") == ("(Def when (Fn [x] x)) (Call when 1)", [])
    assert built("(let [cond inc] (cond 1)) (cond 1 2)")[0] == "(Let (cond inc) (Call cond 1)) 2"
    assert built("(fn [call] (call 1))") == ("(Fn [call] (Call call 1))", [])


def test_too_long_chains_are_refused() -> None:
    with deep():
        assert built(f"(cond {'a 1 ' * 1001})")[1] == ["F008"]
        assert built(f"(cond {'a 1 ' * 1000})")[1] == []
    assert built(f"(fn [{' '.join(f'a{i}' for i in range(201))}] 1)")[1] == ["F008"]
