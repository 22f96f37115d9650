"""Where a form after a name is a type and where it is a value (C49)."""

from __future__ import annotations

import pytest

from rtfsc.ast import build
from rtfsc.ast.dump import dump
from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile
from rtfsc.syntax.reader import read


def tree(text: str) -> str:
    source = SourceFile("<test>", text)
    sink = Sink(source)
    program = build(read(source, sink), sink)
    sink.raise_if_errors()
    return " ".join(dump(program).split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(let [k :a] k)", "(Let (k :a) k)"),
        ("(let [k :int] k)", "(Let (k :int) k)"),
        ("(let [k :int 5] k)", "(Let (k : :int 5) k)"),
        ("(let [k :Int 5] k)", "(Let (k : :Int 5) k)"),
        ("(let [k :other j 5] k)", "(Let (k :other) (j 5) k)"),
        ("(let [k : Other 5] k)", "(Let (k : Other 5) k)"),
        ("(let [k:other 5] k)", "(Let (k : :other 5) k)"),
        ("(let [a :int b :int] a)", "(Let (a :int) (b :int) a)"),
        ("(let [a :int 1 b :int] a)", "(Let (a : :int 1) (b :int) a)"),
        ("(let [a :int 1 b :int 2] a)", "(Let (a : :int 1) (b : :int 2) a)"),
        ("(let [a : [:vector :int]? nil] a)", "(Let (a : [:vector :int]? nil) a)"),
        ("(def m :fast)", "(Def m :fast)"),
        ("(def m :int)", "(Def m :int)"),
        ("(def m :int 5)", "(Def m : :int 5)"),
        ("(defn f [x :any-word] x)", "(Def f (Fn [x : :any-word] x))"),
        ("(defn f [x] :int)", "(Def f (Fn [x] :int))"),
        ("(defn f [x] :int x)", "(Def f (Fn [x] : :int x))"),
        ("(defn f [x] :ok x)", "(Def f (Fn [x] (Do :ok x)))"),
        ("(defn f [x] : Ok x)", "(Def f (Fn [x] : Ok x))"),
        ("(fn [& r : Int] r)", "(Fn [& r : Int] r)"),
        ("(defstruct P :x Int) (let [p :P 5] p)", None),
    ],
)
def test_type_or_value(text: str, shown: str | None) -> None:
    if shown is None:  # the name of a struct is a type too
        assert "(Let (p : :P 5) p)" in tree(text)
    else:
        assert tree(text) == shown
