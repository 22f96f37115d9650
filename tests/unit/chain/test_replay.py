"""Recorded programs again: the same on both engines, and the first thing that differs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted
from test_recorder import apply, open_runtime, price

import rtfsc
from rtfsc import Keyword, Runtime, capability
from rtfsc.driver import compile_text
from rtfsc.source import SourceFile
from runtime.chain.audit import Audit
from runtime.chain.chain import Chain
from runtime.chain.errors import ChainDamaged, Unrecorded
from runtime.chain.kept import FOLDER
from runtime.chain.runs import records, runs
from runtime.delegation.setup import open_delegation
from runtime.replaying import Replayed, replay

ENGINES = ["wasm", "evaluator"]
PAIRS = list(itertools.product(ENGINES, ENGINES))
_count = itertools.count()


@capability("my.next")
def following() -> int:
    """Another value each time: what a replay must not ask."""
    return next(_count)


@capability("my.fails")
def fails(text: str) -> None:
    raise rtfsc.RtfsError("ApplicationError", text, {Keyword("why"): [1, text]}, Keyword("my/error"))


GRANT = [price, apply, following, fails]


def record(home: Path, engine: str, source: str, calls: Any = lambda module: None, **options: Any) -> Runtime:
    runtime = open_runtime(home, engine, audit=Audit(record=True), grant=GRANT, **options)
    calls(runtime.compile(source))
    runtime.close()
    return runtime


def again(runtime: Runtime, engine: str, source: str | None = None) -> list[Replayed]:
    """All runs on record, replayed."""
    changed = None if source is None else SourceFile("changed.rtfs", source)
    numbers = [run.number for run in runs(records(runtime.paths.chain))]
    return [replay(runtime, number, engine, changed) for number in numbers]


PROGRAM = """
(def start (call :my.next))
(defn cost [item] (step "sum" {"params" 1} (call :my.price item 3)))
(defn back [x] (call :my.apply (fn [i] (+ i (call :my.next))) x))
(defn caught [] (try (call :my.fails "no") (catch e [(:type e) (:message e) (:data e)])))
(defn uncaught [] (step "s" (call :my.fails "no")))
(defn remember [k] (context/set :k k) (context/get :k))
(defn many [n] (step-parallel (cost "a") (reduce + 0 (map (fn [i] (call :my.next)) (range n)))))
(defn all [] [start (call :my.next) nil 1.5 "ü" :k 'sym {:a [1 #{}]}])
"""
PROGRAM = PROGRAM.replace(" #{}", " 2").replace('{"params" 1} ', "")


def calls(module: Any) -> None:
    module.cost("tea")
    module.back(4)
    module.caught()
    with pytest.raises(rtfsc.RtfsError, match="no"):
        module.uncaught()
    module.remember("x")
    module.many(5)
    module.all()


@pytest.mark.parametrize("recorded,replayed", PAIRS)
def test_a_run_does_the_same_again(tmp_path: Path, recorded: str, replayed: str) -> None:
    runtime = record(tmp_path, recorded, PROGRAM, calls)
    asked = next(_count)
    found = again(runtime, replayed)
    assert next(_count) == asked + 1  # nobody asked the world
    assert [(r.divergence, r.note) for r in found] == [(None, "")] * 8
    assert sum(r.actions for r in found) > 20


@pytest.mark.parametrize("recorded,replayed", PAIRS)
def test_the_context_that_was_given(tmp_path: Path, recorded: str, replayed: str) -> None:
    source = "(defn f [] (context/get :user))\n(defn g [] (context/set :user 2) (f))\n(f)"
    runtime = record(
        tmp_path, recorded, source, lambda m: [m.f(), m.g(), m.f()], context={"user": [1, {"a": "b"}]}
    )
    assert all(r.same and not r.note for r in again(runtime, replayed))


@pytest.mark.parametrize("engine", ENGINES)
def test_delegated_calls_are_answered_from_the_record(tmp_path: Path, engine: str) -> None:
    source = '(defn ^:delegation :remote "m" twice [x : Int] : Int x)'
    answers: list[Any] = [(True, 8), (False, None)]
    runtime = record(
        tmp_path, engine, source, lambda m: [m.twice(4), m.twice(4)], delegate=lambda _: answers.pop(0)
    )
    for replayed in ENGINES:
        assert all(r.same and not r.note for r in again(runtime, replayed))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "changed,number,text",
    [
        ('(defn cost [item] (call :my.price item 4))', 1, "call my.price ("),
        ('(defn cost [item] (call :my.next))', 1, "call my.next"),
        ('(defn cost [item] (do (call :my.price item 3) (call :my.next)))', None, "call my.next"),
        ('(defn cost [item] 7.5)', 1, "the program ends"),
        ('(defn cost [item] (+ 1.0 (call :my.price item 3)))', 0, "value 8.5"),
        ('(defn cost [item] (do (call :my.price item 3) (throw "broken")))', 0, "broken"),
        ('(defn cost [item] (step "x" (call :my.price item 3)))', 1, "step x"),
    ],
)  # fmt: skip
def test_the_first_thing_that_differs(
    tmp_path: Path, engine: str, changed: str, number: int | None, text: str
) -> None:
    source = "(defn cost [item] (call :my.price item 3))"
    runtime = record(tmp_path, engine, source, lambda m: m.cost("tea"))
    run = runs(records(runtime.paths.chain))[-1]
    divergence = again(runtime, engine, changed)[-1].divergence
    assert divergence is not None and text in divergence.now
    assert divergence.number == (None if number is None else run.number + number)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_that_ends_otherwise(tmp_path: Path, engine: str) -> None:
    runtime = record(tmp_path, engine, '(defn f [x] (step "s" x))', lambda m: m.f(1))
    found = again(runtime, engine, '(defn f [x] (step "s" (+ x 1)))')[-1]
    assert found.divergence is not None
    assert (found.divergence.recorded, found.divergence.now) == ("step s gives 1", "step s gives 2")


def test_a_run_whose_process_died(tmp_path: Path) -> None:
    """As far as the record goes."""
    runtime = record(tmp_path, "wasm", "(defn f [] (call :my.next) (call :my.next))", lambda m: m.f())
    path = runtime.paths.chain / "actions.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))  # the end of the run, of its last call, and the head
    (runtime.paths.chain / "head.json").unlink()
    found = again(runtime, "evaluator")[-1]
    assert found.same and "record ends" in found.note


@pytest.mark.parametrize("recorded,replayed", PAIRS)
def test_limits_are_a_matter_of_the_engine(tmp_path: Path, recorded: str, replayed: str) -> None:
    def spin(module: Any) -> None:
        with pytest.raises(rtfsc.FuelExhausted):
            module.spin(10_000_000)

    source = "(defn spin [n] (loop [i 0] (if (< i n) (recur (+ i 1)) i)))"
    runtime = record(tmp_path, recorded, source, spin, limits=rtfsc.Limits(fuel=10_000))
    found = again(runtime, replayed)[-1]
    assert found.same and bool(found.note) == (recorded != replayed)


def test_functions_as_values_cannot_be_had_again(tmp_path: Path) -> None:
    runtime = record(tmp_path, "wasm", "(defn f [g] (g 1))", lambda m: m.f(rtfsc.HostFunction(abs)))
    with pytest.raises(Unrecorded, match="not kept"):
        again(runtime, "wasm")


def test_what_was_not_kept_or_was_changed(tmp_path: Path) -> None:
    runtime = open_runtime(tmp_path / "digests", grant=GRANT)
    runtime.compile(PROGRAM).cost("tea")
    runtime.close()
    with pytest.raises(Unrecorded, match="not kept"):
        again(runtime, "wasm")
    runtime = record(tmp_path / "changed", "wasm", PROGRAM, calls)
    for path in (runtime.paths.chain / FOLDER).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Unrecorded, match="was changed"):
        again(runtime, "wasm")
    with pytest.raises(Unrecorded, match="no run 999"):
        replay(runtime, 999)


def test_a_changed_chain_is_not_replayed(tmp_path: Path) -> None:
    runtime = record(tmp_path, "wasm", PROGRAM, calls)
    path = runtime.paths.chain / "actions.log"
    path.write_bytes(path.read_bytes().replace(b"my.next", b"my.last", 1))
    with pytest.raises(ChainDamaged):
        again(runtime, "wasm")


def test_a_stored_module_is_found_by_its_digest(tmp_path: Path) -> None:
    runtime = Runtime.init(home=tmp_path, store=tmp_path / "store", audit=Audit(record=True), grant=GRANT)
    runtime.publish(SourceFile("shop.rtfs", "(defn cost [item] (+ 1 (call :my.price item 3)))"), inputs=1)
    (entry,) = runtime.store.list()
    runtime.get(entry).cost("tea")
    runtime.close()
    digest = runs(records(runtime.paths.chain))[-1].plan
    assert digest == entry.digest
    assert all(r.same for r in again(runtime, "wasm"))
    (runtime.paths.chain / FOLDER / digest[:2] / digest[2:]).unlink()
    with Runtime(home=tmp_path, store=tmp_path / "store") as other:
        assert all(r.same for r in again(other, "wasm"))
        with pytest.raises(Unrecorded, match="other engine"):
            again(other, "evaluator")
    with pytest.raises(Unrecorded, match="not kept"):
        again(Runtime(home=tmp_path), "wasm")


def test_a_chain_is_opened_by_its_own_process_only(tmp_path: Path) -> None:
    """Replays write nothing."""
    runtime = record(tmp_path, "wasm", PROGRAM, calls)
    before = (runtime.paths.chain / "actions.log").read_bytes()
    again(Runtime(home=tmp_path), "wasm")
    assert (runtime.paths.chain / "actions.log").read_bytes() == before
    assert isinstance(runtime.auditor and runtime.auditor.chain, Chain)


RULE = '[[rule]]\nsymbol = "{}"\ntarget = "remote-m"\n'


@pytest.mark.parametrize("recorded,replayed", PAIRS)
def test_functions_that_a_policy_routes(tmp_path: Path, recorded: str, replayed: str) -> None:
    """On record as delegated calls, whether the program asks or they are routed before it is."""
    source = "(defn f [x : Int] : Int (* 2 x))\n(defn g [x : Int] : Int (+ (f x) (f (+ x 1))))\n(g 1)"

    def delegating(symbol: str) -> Any:
        model = Scripted("42", "43", "44", "45", id="m")
        model.cost_per_call = lambda: 0.125  # type: ignore[method-assign]
        return open_delegation(text=RULE.format(symbol), models=[model])

    runtime = record(tmp_path, recorded, source, lambda m: [m.g(2), m.f(3)], delegation=delegating("f"))
    found = runs(records(runtime.paths.chain))
    assert [child.type for run in found for child in run.children] == ["delegate"] * 5
    assert found[0].cost == "0.25" and found[0].children[0].cost == "0.125"
    assert [(r.divergence, r.note) for r in again(runtime, replayed)] == [(None, "")] * 3


def test_exports_that_are_routed_before_the_program_is_asked(tmp_path: Path) -> None:
    text = RULE.format("f")
    delegating = open_delegation(text=text, models=[Scripted("42", "43", id="m")])
    runtime = open_runtime(tmp_path, audit=Audit(record=True), delegation=delegating)
    wasm = compile_text("(defn f [x : Int] : Int (* 2 x))").artifact
    assert runtime.load(wasm).f(3) == 42
    runtime.close()
    run = runs(records(runtime.paths.chain))[-1]
    assert [(child.type, child.details) for child in run.children] == [("delegate", {"where": "outside"})]
    assert [(r.divergence, r.note) for r in again(runtime, "wasm")] == [(None, "")] * 2
