"""The path through wasmtime-py gives what the direct bridge gives, wherever a boxed entry is called."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from deadlines import in_time
from wasm_samples import BODY, HEAD, artifact

from rtfsc import Runtime, capability
from runtime.values import (
    DeadlineExceeded,
    DivisionByZero,
    FuelExhausted,
    HostFunction,
    Keyword,
    Limits,
    List,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    StackOverflow,
)
from runtime.wasm import bridge
from runtime.wasm.errors import InstanceClosed, ModuleRejected
from runtime.wasm.executor import WasmExecutor

pytest.importorskip("wasmtime")

DIRECT = bridge.bridge_status()
SLOW = bridge.BridgeStatus(False, DIRECT.version, DIRECT.library, "test")


@pytest.fixture
def make(executor: WasmExecutor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    monkeypatch.setattr(bridge, "_status", SLOW)

    def instance(data: bytes | None = None, **limits: Any) -> Any:
        return executor.instantiate(data or artifact(), limits=Limits(**limits))

    yield instance


def outcome(instance: Any, name: str, *args: Any) -> tuple[Any, ...]:
    try:
        return ("value", instance.function(name)(*args))
    except Exception as error:
        return (type(error), str(error), getattr(error, "data", None), getattr(error, "span", None))


CALLS: list[tuple[Any, ...]] = [
    ("identity", None), ("identity", 2**62), ("identity", -(2**63)), ("identity", 2**63), ("identity", 0.5),
    ("identity", "héllo"), ("identity", [1, {Keyword("a"): [2.5, "x"]}, List([1])]), ("identity", object()),
    ("pick", 1, 2, 3), ("pick", 1), ("pick",), ("divide", "a", "b"), ("divide", 1), ("show", [1, "a"]),
    ("crash",), ("wild",), ("forged", None), ("recurse",), ("garbage", 100),
    ("with-host", HostFunction(lambda *args: list(args)), [1, "a"]),
    ("with-host", HostFunction(lambda: 1 / 0), []), ("with-host", HostFunction(lambda: object()), []),
]  # fmt: skip


def test_both_paths_agree(
    executor: WasmExecutor, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make()
    monkeypatch.setattr(bridge, "_status", DIRECT)
    fast = executor.instantiate(artifact())
    assert type(slow) is not type(fast)
    assert slow.run() == fast.run() == 42
    assert slow.run_printed() == fast.run_printed() == "42"
    assert slow.value("answer") == 42
    for call in CALLS:
        assert outcome(slow, *call) == outcome(fast, *call), call


def test_limits(make: Callable[..., Any]) -> None:
    brief, instance = make(deadline_ms=300), make(memory_bytes=8 << 20, output_bytes=1000)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            brief.function("spin")()
        assert in_time(brief.function("identity"), "x") == "x"
        with pytest.raises(MemoryLimitExceeded):
            instance.function("eat")()
        with pytest.raises(OutputLimitExceeded):
            instance.function("identity")("x" * 2000)
        with pytest.raises(DivisionByZero) as caught:
            instance.function("divide")("a", "b")
        assert caught.value.span == (10, 20)
        assert instance.function("identity")("x") == "x"
    with pytest.raises(FuelExhausted):
        make(fuel=1000).function("spin")()


def test_handles_and_closing(make: Callable[..., Any]) -> None:
    instance = make()
    with instance.function("make")() as handle:
        assert instance.function("identity")({Keyword("fresh"): 1}) == {Keyword("fresh"): 1}
        assert handle(["text"]) == ["text"]
    with pytest.raises(InstanceClosed):
        handle(1)
    instance.close()
    with pytest.raises(InstanceClosed):
        instance.run()


def test_refusals(make: Callable[..., Any]) -> None:
    with pytest.raises(ModuleRejected, match=r"env\.system"):
        make(artifact(HEAD + '(import "env" "system" (func))' + BODY))
    with pytest.raises(ModuleRejected):
        make(artifact()[:200])


def test_the_environment_forces_it() -> None:
    code = "from runtime.wasm.bridge import bridge_status; print(bridge_status())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={"RTFSC_WASM_BRIDGE": "slow", "PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    assert "direct=False" in done.stdout


def test_calls_that_nest_too_deeply_are_a_stack_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python's stack ends inside ctypes, that tells something else."""
    monkeypatch.setattr(bridge, "_status", SLOW)
    apply = capability("my.apply")(lambda f, x: f(x))
    source = "(defn f [x] (if (= x 0) 0 (inc (call :my.apply (fn [y] (f (dec y))) x))))"
    with Runtime(grant=[apply]).compile(source) as module:
        for _ in range(3):
            with pytest.raises(StackOverflow):
                module.f(100_000)
            assert module.f(10) == 10


def test_a_closed_instance_has_no_memory(make: Callable[..., Any]) -> None:
    instance = make()
    assert instance.memory_bytes > 0
    instance.close()
    assert instance.memory_bytes == 0
