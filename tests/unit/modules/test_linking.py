"""Programs of several modules, on both engines and at every level."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtfsc.driver import Compilation
from rtfsc.evaluation import Outcome, evaluate, evaluate_compiled
from rtfsc.ir.verify import verify
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile
from runtime.values.limits import Limits

ENGINES = pytest.mark.parametrize("engine", ["evaluator", "wasm", "separate"])
"""``separate``: WebAssembly, where each module is one of its own."""

SHOP = """
(module shop
  (:exports [total rate twice-total odd? Item])
  (import money :as m)
  (def base 10)
  (def rate (loop [i 0 acc base] (if (< i 3) (recur (inc i) (+ acc i)) acc)))
  (defstruct Item :price Int)
  (defn add-all [xs] (reduce m/add 0 xs))
  (defn total "All of them." [& xs : Int] : Int (add-all xs))
  (defn twice-total [xs] (map (fn [x] (* 2 x base)) xs))
  (defn even? [n] (if (= n 0) true (odd? (- n 1))))
  (defn odd? [n] (if (= n 0) false (even? (- n 1)))))
"""
MONEY = """
(module money
  (:exports [add zero fail])
  (def zero 0)
  (def steps (loop [i 0] (if (< i 5) (recur (inc i)) i)))
  (defn add [a b] (+ a b zero))
  (defn fail [x] (/ x zero)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.rtfs").write_text(SHOP, "utf-8")
    (tmp_path / "money.rtfs").write_text(MONEY, "utf-8")
    return tmp_path


def run(folder: Path, text: str, engine: str, level: int = 2, path: tuple[str, ...] = ()) -> Outcome:
    source, limits = SourceFile(str(folder / "main.rtfs"), text), Limits(deadline_ms=60_000)
    if engine == "separate":
        options = CompileOptions(level=level, path=path, separate=True)
        return evaluate_compiled(Compilation(source, options), "wasm", limits)
    return evaluate(source, engine, level, limits, path)


@ENGINES
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    "text, value",
    [
        ("(import shop) (shop/total 1 2 3)", "6"),
        ("(import shop) shop/rate", "13"),
        ("(import shop :as s) [(s/total) (s/odd? 7)]", "[0 true]"),
        ("(import shop :only [total rate]) (total rate 1)", "14"),
        ("(import shop :as s) (s/twice-total [1 2])", "[20 40]"),
        ("(import shop :as s) (map s/odd? [1 2])", "[true false]"),
        ("(import shop :as s) (apply s/total [1 2])", "3"),
        ("(import shop :as s) (s/Item {:price 3})", "{:price 3}"),
        ("(import shop) (import money) (+ (shop/total 1) (money/add 1 2))", "4"),
        ("(import shop :as s) (let [s/rate 1] s/rate)", "1"),
        ("(import shop :as s) (def s/rate 2) s/rate", "2"),
        ("(import shop)", "nil"),
        ("(import shop :only [rate]) (import shop :only [rate]) rate", "13"),
        ("(import stdlib :as std) (std/map std/inc [1 2])", "[2 3]"),
        ("(import stdlib :only [map]) (map inc [1])", "[2]"),
        ("(defn total [] 1) (import shop) [(total) (shop/total 2)]", "[1 2]"),
        ("(def base 1) (defn add [a b] :own) (import shop) [base (add 1 2) (shop/total 1 2)]", "[1 :own 3]"),
        ("(def k (loop [i 0] (if (< i 9) (recur (inc i)) i))) (import shop) [k shop/rate]", "[9 13]"),
        ("(module main (:exports [f]) (import shop) (defn f [x] (shop/total x)))",
         '{"name" "main" "exports" ["f"]}'),
    ],
)  # fmt: skip
def test_value(folder: Path, text: str, value: str, engine: str, level: int) -> None:
    outcome = run(folder, text, engine, level)
    assert (outcome.value, outcome.error) == (value, None)
    assert outcome.diagnostics == []


@ENGINES
def test_error_names_the_module_and_the_place_in_it(folder: Path, engine: str) -> None:
    outcome = run(folder, "(import money)\n(money/fail 1)", engine)
    error = outcome.error
    assert (error.kind, error.module) == ("DivisionByZero", "money")
    assert error.sources["money"].text[slice(*error.span)] == "(/ x zero)"


@ENGINES
def test_error_in_the_program_itself_names_no_module(folder: Path, engine: str) -> None:
    error = run(folder, "(import money) (money/add 1 2) (/ 1 0)", engine).error
    assert (error.module, error.span) == (None, (31, 38))


@ENGINES
def test_error_while_a_module_is_loaded(tmp_path: Path, engine: str) -> None:
    (tmp_path / "a.rtfs").write_text("(module a (:exports [x]) (def x (/ 1 0)))", "utf-8")
    error = run(tmp_path, "(import a) 1", engine).error
    assert (error.kind, error.module, error.span) == ("DivisionByZero", "a", (32, 39))


@ENGINES
def test_wrong_calls_of_imported_functions_are_foreseen(folder: Path, engine: str) -> None:
    outcome = run(folder, "(import money) (money/add 1)", engine)
    assert [d.code for d in outcome.diagnostics] == ["N002"]
    assert outcome.error.message == "Arity mismatch in add: expected 2, got 1"
    outcome = run(folder, '(import shop) (shop/total "x")', engine)
    assert outcome.error.kind == "TypeValidationError"


@ENGINES
def test_modules_are_evaluated_once_and_before_their_importers(tmp_path: Path, engine: str) -> None:
    names = "abcd"
    for name, imports in zip(names, ("bc", "d", "d", ""), strict=True):
        lines = [f"(import {other})" for other in imports]
        value = f"(str {' '.join(f'{other}/x' for other in imports)} :{name})"
        text = f"(module {name} (:exports [x]) {' '.join(lines)} (def x {value}))"
        (tmp_path / f"{name}.rtfs").write_text(text, "utf-8")
    source = SourceFile(str(tmp_path / "main.rtfs"), "(import a) a/x")
    compilation = Compilation(source)
    compilation.check()
    assert [unit.name for unit in compilation.units] == ["d", "b", "c", "a"]
    assert run(tmp_path, source.text, engine).value == '":d:b:d:c:a"'


@pytest.mark.parametrize("level", [0, 1, 2])
def test_linked_ir_is_sound(folder: Path, level: int) -> None:
    source = SourceFile(
        str(folder / "main.rtfs"), "(import shop) (import money) (defn f [x] (shop/total x)) (f 1)"
    )
    compilation = Compilation(source, CompileOptions(level=level))
    verify(compilation.unoptimised)
    verify(compilation.ir)


def test_exports_of_a_module_program_are_those_that_it_lists(folder: Path) -> None:
    source = SourceFile(str(folder / "shop.rtfs"), SHOP)
    module = Compilation(source).unoptimised
    assert [export.name for export in module.exports] == ["total", "rate", "twice-total", "odd?", "Item"]
    assert module.exports[0].doc == "All of them."


def test_definitions_keep_their_hashes_when_linked(folder: Path) -> None:
    alone = Compilation(SourceFile("<source>", "(defn add [a b] (+ a b)) (defn f [x] (add x 1))")).unoptimised
    (folder / "one.rtfs").write_text("(module one (:exports [add]) (defn add [a b] (+ a b)))", "utf-8")
    text = "(import one :as o) (defn f [x] (o/add x 1))"
    linked = Compilation(SourceFile(str(folder / "main.rtfs"), text)).unoptimised
    hashes = {export.name: export.def_hash for export in alone.exports}
    assert linked.exports[0].def_hash == hashes["f"]


def test_hash_of_a_definition_covers_what_it_calls_in_other_modules(folder: Path) -> None:
    def hash_of_f() -> str:
        source = SourceFile(str(folder / "main.rtfs"), "(import money) (defn f [x] (money/add x 1))")
        return Compilation(source).unoptimised.exports[0].def_hash

    before = hash_of_f()
    (folder / "money.rtfs").write_text(MONEY.replace("(+ a b zero)", "(- a b zero)"), "utf-8")
    assert hash_of_f() != before


@ENGINES
def test_modules_in_the_text_of_the_program(engine: str, tmp_path: Path) -> None:
    text = "(module a (:exports [f]) (defn f [x] (g x)) (defn g [x] (inc x))) "
    text += "(module b (:exports [h]) (import a) (defn h [x] (a/f (a/f x)))) "
    text += "(import b :as k) [(a/f 1) (b/h 1) (k/h 2)]"
    assert run(tmp_path, text, engine).value == "[2 3 4]"


# --- where modules are looked for


def test_folders_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("own", "first", "second", "third"):
        (tmp_path / name).mkdir()

    def put(name: str) -> None:
        (tmp_path / name / "a.rtfs").write_text(f"(module a (:exports [x]) (def x :{name}))", "utf-8")

    def found() -> str | None:
        path = (str(tmp_path / "first"), str(tmp_path / "second"))
        return run(tmp_path / "own", "(import a) a/x", "evaluator", path=path).value

    monkeypatch.setenv("RTFSC_PATH", str(tmp_path / "third"))
    for name in ("third", "second", "first", "own"):
        put(name)
        assert found() == f":{name}"


def test_program_that_is_a_module_itself_finds_its_siblings(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.rtfs").write_text("(module a.b.c (:exports [x]) (def x 1))", "utf-8")
    main = tmp_path / "a" / "b" / "main.rtfs"
    text = "(module a.b.main (:exports [y]) (import a.b.c) (def y a.b.c/x))"
    outcome = evaluate(SourceFile(str(main), text), "evaluator", 1, Limits())
    assert outcome.value == '{"name" "a.b.main" "exports" ["y"]}'
