"""Functions of the host inside a module: they stay as long as something there can call them, no longer."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import rtfsc
from rtfsc import HostFunction
from runtime.wasm import bridge

SOURCE = """
(def kept (call :my.function 5))
(defn call-kept [x] (kept x))
(defn apply-to [f x] (f x))
(defn adder [n] (fn [x] (+ x n)))
(defn around [f] (fn [x] (f x)))
(defn name-of [s] (symbol s))
"""


@rtfsc.capability("my.function")
def function(value: int) -> Any:
    return HostFunction(lambda *given: [value, *given])


@pytest.fixture(params=["wasm", "evaluator", "slow"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if request.param == "slow":
        direct = bridge.bridge_status()
        status = bridge.BridgeStatus(False, direct.version, direct.library, "test")
        monkeypatch.setattr(bridge, "_status", status)
    engine = "evaluator" if request.param == "evaluator" else "wasm"
    with rtfsc.compile(SOURCE, engine=engine, grant=[function]) as made:
        yield made


def test_what_the_top_level_keeps_stays(module: Any) -> None:
    assert module.call_kept(1) == [5, 1]
    assert module.apply_to(HostFunction(lambda x: ("own", x)), 2) == ["own", 2]
    assert module.call_kept(3) == [5, 3]
    module.adder(1).close()
    assert module.name_of("fresh") == rtfsc.Symbol("fresh")
    assert module.apply_to(HostFunction(lambda x: ("other", x)), 4) == ["other", 4]
    assert module.call_kept(5) == [5, 5]


def test_what_a_handle_keeps_stays_until_it_is_closed(module: Any) -> None:
    with module.around(HostFunction(lambda x: ("first", x))) as around:
        assert module.apply_to(HostFunction(lambda x: ("own", x)), 1) == ["own", 1]
        assert module.name_of("fresh-too") == rtfsc.Symbol("fresh-too")
        assert around(2) == ["first", 2]
    assert module.call_kept(3) == [5, 3]


def test_an_open_handle_does_not_keep_functions_of_later_calls(module: Any) -> None:
    class Function:
        def __call__(self, x: int) -> int:
            return x

    alive = []
    with module.adder(1) as open_handle:
        for i in range(20):
            given = Function()
            alive.append(weakref.ref(given))
            assert module.apply_to(HostFunction(given), i) == i
            module.name_of(f"name-{i}")
            del given
        gc.collect()
        assert open_handle(1) == 2
        assert sum(found() is not None for found in alive) <= 1
