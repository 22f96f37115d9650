"""Programs on record, from both engines alike."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import rtfsc
from rtfsc import Runtime, capability
from runtime.chain.audit import Audit
from runtime.chain.errors import Unrecorded
from runtime.chain.kept import Kept
from runtime.chain.runs import Action, records, runs
from runtime.chain.values import decoded
from runtime.chain.verify import verify
from runtime.host.cost import charge
from runtime.replaying import replay
from runtime.store.errors import StoreError
from runtime.trust.errors import KeyFileError

ENGINES = ["wasm", "evaluator"]


@capability("my.price")
def price(item: str, n: int = 1) -> float:
    charge(0.25)
    return 2.5 * n


@capability("my.apply")
def apply(f: Any, x: Any) -> Any:
    return f(x)


def open_runtime(home: Path, engine: str = "wasm", **options: Any) -> Runtime:
    return Runtime.init(**{"home": home, "store": False, "engine": engine, "audit": True, **options})


def recorded(runtime: Runtime) -> list[Action]:
    runtime.close()
    folder = runtime.paths.chain
    report = verify(folder, {info.public.key_id: info.public for info in runtime.keys.list()})
    assert report.holds and not report.unsigned, report
    return runs(records(folder))


def shape(action: Action) -> Any:
    """What is the same in every run of a program."""
    return (
        action.type, action.name, action.inputs, action.outputs, action.outcome, action.error, action.cost,
        [shape(child) for child in action.children],
    )  # fmt: skip


PROGRAM = """
(defn cost [item] (step "sum" (call :my.price item 3)))
(defn each [items] (call :my.apply (fn [i] (cost i)) (first items)))
(defn many [] (step-parallel (cost "a") (step "inner" (cost "b"))))
"""


def test_both_engines_leave_the_same_record(tmp_path: Path) -> None:
    found = []
    for engine in ENGINES:
        runtime = open_runtime(tmp_path / engine, engine, grant=[price, apply])
        module = runtime.compile(PROGRAM)
        assert module.cost("tea") == 7.5
        assert module.each(["tea"]) == 7.5
        assert module.many() == [7.5, 7.5]
        for wrong, argument in ((module.cost, 1), (module.each, [1])):
            with pytest.raises(rtfsc.RtfsError, match="expected :string"):
                wrong(argument)
        found.append(recorded(runtime))
    assert [shape(a) for a in found[0]] == [shape(a) for a in found[1]]
    top, cost, each, *_ = found[0]
    assert (top.name, cost.name, cost.outcome, cost.cost) == ("", "cost", "done", "0.25")
    assert [(d, a.type, a.name) for d, a in each.below()] == [
        (0, "program", "each"), (1, "call", "my.apply"), (2, "step", "sum"), (3, "call", "my.price"),
    ]  # fmt: skip
    assert {action.details["engine"] for action in found[1]} == {"evaluator"}
    assert cost.details["instance"] == str(top.number)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_denied_is_on_record_too(tmp_path: Path, engine: str) -> None:
    runtime = open_runtime(tmp_path, engine)
    module = runtime.compile('(defn f [] (call :ccos.system.get-env "HOME"))\n(defn g [] (call :no.such))')
    for call in (module.f, module.g):
        with pytest.raises(rtfsc.RtfsError):
            call()
    _, f, g = recorded(runtime)
    assert [a.error and a.error[0] for a in (*f.children, *g.children)] == [
        "SecurityViolation", "UnknownCapability",
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_in_a_step_leaves_nothing_open(tmp_path: Path, engine: str) -> None:
    runtime = open_runtime(tmp_path, engine, limits=rtfsc.Limits(fuel=10_000))
    module = runtime.compile('(defn spin [] (step "s" (loop [] (recur))))')
    with pytest.raises(rtfsc.FuelExhausted):
        module.spin()
    run = recorded(runtime)[-1]
    assert [a.outcome for _, a in run.below()] == ["error", "cut"]
    assert run.error is not None and run.error[0] == "FuelExhausted"


@pytest.mark.parametrize("engine", ENGINES)
def test_errors_that_a_program_catches_are_on_record(tmp_path: Path, engine: str) -> None:
    runtime = open_runtime(tmp_path, engine, grant=[price])
    module = runtime.compile('(defn f [] (try (call :my.price 1) (catch e "caught")))')
    assert module.f() == "caught"
    run = recorded(runtime)[-1]
    assert [a.outcome for _, a in run.below()] == ["done", "error"]


def test_delegated_calls_are_on_record(tmp_path: Path) -> None:
    def answer(asked: rtfsc.Delegation) -> tuple[bool, Any]:
        charge(1)
        return True, asked.arguments[0] * 2

    runtime = open_runtime(tmp_path, delegate=answer)
    module = runtime.compile('(defn ^:delegation :remote "m" twice [x : Int] : Int x)')
    assert module.twice(4) == 8
    (asked,) = recorded(runtime)[-1].children
    assert (asked.type, asked.name, asked.cost) == ("delegate", "twice", "1")


def test_values_are_kept_when_asked_for(tmp_path: Path) -> None:
    runtime = open_runtime(tmp_path, audit=Audit(record=True, intent="tea"), grant=[price])
    runtime.compile(PROGRAM).cost("tea")
    run = recorded(runtime)[-1]
    kept = Kept(runtime.paths.chain)
    assert run.intent == "tea"
    assert run.inputs is not None and decoded(kept.get(run.inputs)) == ["tea"]
    assert run.outputs is not None and decoded(kept.get(run.outputs)) == 7.5


def test_values_are_not_kept_unless_asked_for(tmp_path: Path) -> None:
    runtime = open_runtime(tmp_path, grant=[price])
    runtime.compile(PROGRAM).cost("secret-tea")
    recorded(runtime)
    for path in runtime.paths.chain.rglob("*"):
        assert path.is_dir() or b"secret-tea" not in path.read_bytes()


def test_nothing_runs_off_the_record(tmp_path: Path) -> None:
    """Without a key, and where the chain cannot be written."""
    calls = []
    seen = capability("my.seen")(lambda: calls.append(1))
    with pytest.raises(KeyFileError):
        Runtime(home=tmp_path / "none", audit=True, grant=[seen]).compile("(call :my.seen)")
    runtime = open_runtime(tmp_path / "home", grant=[seen])
    module = runtime.compile("(defn f [] (call :my.seen))")
    assert runtime.auditor is not None
    runtime.auditor.chain.close()
    runtime.paths.chain.rename(tmp_path / "away")
    runtime.paths.chain.write_text("not a folder")
    with pytest.raises(StoreError):
        module.f()
    assert calls == []


def test_a_runtime_without_a_chain_has_none(tmp_path: Path) -> None:
    runtime = Runtime.init(home=tmp_path, store=False, grant=[price])
    runtime.compile(PROGRAM).cost("tea")
    runtime.close()
    assert not runtime.paths.chain.exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_that_share_a_module(tmp_path: Path, engine: str) -> None:
    """One waits for the other; their actions are told apart."""
    runtime = open_runtime(tmp_path, engine, grant=[price])
    cost = runtime.compile(PROGRAM).cost
    threads = [threading.Thread(target=lambda: [cost("tea") for _ in range(30)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    _, *found = recorded(runtime)
    assert len(found) == 120
    assert {tuple(a.type for _, a in run.below()) for run in found} == {("program", "step", "call")}


@pytest.mark.parametrize("engine", ENGINES)
def test_functions_that_were_handed_out(tmp_path: Path, engine: str) -> None:
    runtime = open_runtime(tmp_path, engine, grant=[price])
    later = runtime.compile("(defn later [] (fn [i] (call :my.price i)))").later()
    assert later("tea") == 2.5
    found = recorded(runtime)
    assert [run.type for run in found] == ["program", "program", "call"]
    with pytest.raises(Unrecorded, match="handed out"):
        replay(runtime, found[-1].number)
