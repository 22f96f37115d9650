"""Every limit on a call: the same kind, message and data on both engines and through the slow bridge, and the
instance goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import pytest
from deadlines import in_time

import rtfsc
from rtfsc import HostFunction, Limits, RtfsError
from runtime.wasm import bridge

SOURCE = """
(defn spin [n] (loop [i 0] (if (= i -1) n (recur (if (= i 1000000) 0 (inc i))))))
(defn eat [] (loop [out []] (recur (conj out (str "x" (count out))))))
(defn deep [n] (+ 1 (deep n)))
(defn echo [x] x)
(defn tell [f x] (f x))
(defn shared [n] (loop [i 0 x 1] (if (< i n) (recur (inc i) [x x]) x)))
(defn same [n] (= (shared n) (shared n)))
(defn ordered [n] (sort [(shared n) (shared n)]))
"""
LIMITS: dict[str, tuple[dict[str, Any], str, tuple[Any, ...], type[RtfsError], str]] = {
    "deadline": ({"deadline_ms": 80}, "spin", (1,), rtfsc.DeadlineExceeded, "Deadline of 80 ms exceeded"),
    "deadline in rt": ({"deadline_ms": 80}, "same", (80,), rtfsc.DeadlineExceeded,
                       "Deadline of 80 ms exceeded"),
    "fuel": ({"fuel": 5000}, "spin", (1,), rtfsc.FuelExhausted, "Fuel of 5000 exhausted"),
    "memory": ({"memory_bytes": 8 << 20}, "eat", (), rtfsc.MemoryLimitExceeded,
               "Memory limit of 8388608 bytes exceeded"),
    "argument": ({"memory_bytes": 8 << 20}, "echo", ("x" * (9 << 20),), rtfsc.MemoryLimitExceeded,
                 "Memory limit of 8388608 bytes exceeded"),
    "output": ({"output_bytes": 1000}, "echo", (["x" * 500] * 3,), rtfsc.OutputLimitExceeded,
               "Output limit of 1000 bytes exceeded"),
    "output to the host": ({"output_bytes": 1000}, "tell", (HostFunction(len), "x" * 2000),
                           rtfsc.OutputLimitExceeded, "Output limit of 1000 bytes exceeded"),
    "stack": ({}, "deep", (1,), rtfsc.StackOverflow, "Stack overflow"),
}  # fmt: skip


@pytest.fixture(params=["wasm", "evaluator", "slow"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "slow":
        direct = bridge.bridge_status()
        monkeypatch.setattr(
            bridge, "_status", bridge.BridgeStatus(False, direct.version, direct.library, "test")
        )
        yield "wasm"
    else:
        yield request.param


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_an_error_of_its_own_kind(engine: str, name: str) -> None:
    limits, function, arguments, kind, message = LIMITS[name]
    module = rtfsc.compile(SOURCE, engine=engine, limits=Limits(**limits))
    for _ in range(2):
        with pytest.raises(kind) as caught:
            module[function](*arguments)
        assert str(caught.value).startswith(message)
        if kind is not rtfsc.StackOverflow:
            assert isinstance(caught.value, rtfsc.LimitExceeded)
            assert caught.value.data == {"limit": next(iter(limits.values()))}
        assert in_time(module.echo, [1, "a"]) == [1, "a"]


@pytest.mark.parametrize("call", ["module.spin(1)", "module.same(80)", "module.ordered(80)"])
@pytest.mark.parametrize("engine", ["wasm", "evaluator", "slow"])
def test_control_c_ends_a_call(engine: str, call: str) -> None:
    script = f"""
        import rtfsc
        module = rtfsc.compile({SOURCE!r}, engine={engine.replace("slow", "wasm")!r})
        module.echo(1)
        try:
            print("ready", flush=True)
            {call}
        except KeyboardInterrupt:
            print("interrupted", module.echo([2]), flush=True)
    """
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    env |= {"RTFSC_WASM_BRIDGE": "slow"} if engine == "slow" else {}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            assert child.stdout.readline() == "interrupted [2]\n"
            assert child.wait(120) == 0
        finally:
            child.kill()


@pytest.mark.parametrize("name", ["deadline_ms", "fuel", "memory_bytes", "output_bytes"])
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0, ValueError, "must be from 1 to 1000000000000, not 0"),
        (-1, ValueError, "not -1"),
        (2**70, ValueError, "not 1180591620717411303424"),
        (1.5, TypeError, "must be an int, not float"),
        ("9", TypeError, "must be an int, not str"),
        (True, TypeError, "must be an int, not bool"),
    ],
)
def test_what_is_no_limit_is_refused(name: str, value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{name} .*{text}"):
        Limits(**{name: value})
    assert Limits(**{name: 1}) is not None
