"""Exports: types, docs, effects, examples."""

from __future__ import annotations

from rtfsc.diagnostics import Sink
from rtfsc.ir.nodes import Export
from rtfsc.lower import lower
from rtfsc.sema.interface import examples, show_types
from rtfsc.source import SourceFile


def exports(text: str) -> dict[str, Export]:
    source = SourceFile("<test>", text)
    return {e.name: e for e in lower(source, Sink(source)).exports}


def test_declared_types_and_docs() -> None:
    f = exports('(defn f "Adds.\n example: (f 1 2) => 3" [a : Int [b c] & r : String?] : Float a)')["f"]
    assert (f.func, f.params, f.rest) == ("f", ["a", "p2", "r"], True)
    assert f.param_types == [":int", ":any", "[:union :nil :string]"]
    assert (f.result_type, f.doc) == (":float", "Adds.\n example: (f 1 2) => 3")
    assert f.examples == ["(f 1 2)"]


def test_values_and_redefinition() -> None:
    found = exports('(def x 1) (def x : String "a") (defn g [] 1) (defn g [y] y)')
    assert list(found) == ["x", "g"]
    assert (found["x"].func, found["x"].result_type) == (None, ":string")
    assert (found["g"].func, found["g"].params) == ("g", ["y"])


def test_effects_from_metadata() -> None:
    text = '(defn ^{:effects [[:network {:host "a"}] :fs] :doc "d"} f [] 1)'
    f = exports(text)["f"]
    assert (f.effects, f.doc) == (("network", "fs"), "d")


def test_examples_are_the_calls() -> None:
    assert examples("Text\n example: (f [1 2]) => 3\nexample:(g)\n example: => 4") == ["(f [1 2])", "(g)"]


def test_interface_as_text() -> None:
    source = SourceFile("<test>", "(def k 1) (defn f [a & r : Int] : Bool true)")
    assert show_types(lower(source, Sink(source))) == "k : :any\nf : [:fn [:any & :int] :bool]\n"
