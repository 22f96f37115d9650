"""Capabilities that are slow or fail: timeouts, attempts, fallbacks."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import rtfsc
from rtfsc import Keyword, Runtime, capability
from runtime.host.capability import Capability, host_error
from runtime.host.handling import Handling, read_handling

ENGINES = ["wasm", "evaluator"]
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def failing(id: str, times: int, kind: str = "NetworkError") -> tuple[Capability, list[int]]:
    """Fails so many times, then answers how often it was called."""
    calls: list[int] = []

    def function(x: int) -> int:
        calls.append(x)
        if len(calls) <= times:
            raise host_error(kind, f"{kind}: {len(calls)}")
        return len(calls)

    return capability(id)(function), calls


def call(engine: str, grant: list[Capability], handling: dict[str, Handling], source: str = "") -> Any:
    module = Runtime(engine=engine, grant=grant, handling=handling).compile(
        source or "(defn f [] (call :my.a 7))"
    )
    return module.f()


def test_it_is_tried_again(engine: str) -> None:
    a, calls = failing("my.a", 2)
    assert call(engine, [a], {"my.a": Handling(attempts=3, pause_ms=1)}) == 3 and calls == [7, 7, 7]
    a, calls = failing("my.a", 3)
    with pytest.raises(rtfsc.RtfsError, match="NetworkError: 3"):
        call(engine, [a], {"my.a": Handling(attempts=3, pause_ms=1)})


@pytest.mark.parametrize("kind", ["ApplicationError", "HostError", "TypeError", "SecurityViolation"])
def test_what_will_not_pass_is_not_tried_again(engine: str, kind: str) -> None:
    a, calls = failing("my.a", 9, kind)
    with pytest.raises(rtfsc.RtfsError):
        call(engine, [a], {"my.a": Handling(attempts=3, pause_ms=1)})
    assert calls == [7]


def test_another_one_stands_in(engine: str) -> None:
    a, calls = failing("my.a", 99)
    b, _ = failing("my.b", 0)
    handling = {"my.a": Handling(attempts=2, pause_ms=1, fallback="my.b")}
    assert call(engine, [a, b], handling) == 1 and len(calls) == 2
    with pytest.raises(rtfsc.RtfsError, match="Unknown capability"):
        call(engine, [a], handling)
    wrong, _ = failing("my.a", 9, "ApplicationError")
    with pytest.raises(rtfsc.RtfsError, match="ApplicationError"):
        call(engine, [wrong, b], handling)


def test_arguments_are_checked_once_and_for_all(engine: str) -> None:
    a, calls = failing("my.a", 0)
    b, _ = failing("my.b", 0)
    with pytest.raises(rtfsc.RtfsTypeError, match="expected :int"):
        call(engine, [a, b], {"my.a": Handling(fallback="my.b")}, '(defn f [] (call :my.a "x"))')
    assert calls == []


def test_a_late_answer_is_not_waited_for(engine: str) -> None:
    free = threading.Event()
    slow = capability("my.a")(lambda x: free.wait(120))
    with pytest.raises(rtfsc.RtfsError, match="no answer within 50 ms") as raised:
        call(engine, [slow], {"my.a": Handling(timeout_ms=50)})
    assert (raised.value.kind, raised.value.data) == ("ResourceError", {Keyword("capability"): "my.a"})
    source = "(defn f [] (try (call :my.a 7) (catch ResourceError e (:type e))))"
    assert call(engine, [slow], {"my.a": Handling(timeout_ms=20)}, source) == Keyword("resource-error")
    b, _ = failing("my.b", 0)
    assert (
        call(engine, [slow, b], {"my.a": Handling(timeout_ms=20, attempts=2, pause_ms=1, fallback="my.b")})
        == 1
    )
    free.set()


def test_what_is_in_time_is_as_without(engine: str) -> None:
    def function(x: Any) -> Any:
        if x == 0:
            raise ValueError("zero")
        return [x, None]

    given = capability("my.a")(function)
    handling = {"my.a": Handling(timeout_ms=120_000)}
    assert call(engine, [given], handling) == [7, None]
    with pytest.raises(rtfsc.HostError, match="zero"):
        call(engine, [given], handling, "(defn f [] (call :my.a 0))")


def test_functions_can_be_called_back(engine: str) -> None:
    given = capability("my.a")(lambda f: f(20))
    handling = {"my.a": Handling(timeout_ms=120_000)}
    assert call(engine, [given], handling, "(defn f [] (call :my.a (fn [x] (+ x 1))))") == 21


def test_handling_from_a_file(engine: str) -> None:
    found = read_handling('["my.a"]\ntimeout-ms = 5\nattempts = 2\nfallback = "my.b"\n[other]\npause-ms = 0')
    assert found == {"my.a": Handling(5, 2, 100, "my.b"), "other": Handling(pause_ms=0)}
    for text, said in {
        "x = 1": "expected a table",
        "[x]\ny = 1": "unknown key y",
        "[x]\nattempts = 0": "1 at least",
        "[x]\nattempts = true": "whole number",
        "[x]\nfallback = 1": "an id",
        "[x]\nfallback = 'x'": "come back",
        "[x]\nfallback = 'y'\n[y]\nfallback = 'x'": "come back",
        "[x]\ny y": "line 2",
    }.items():
        with pytest.raises(ValueError, match=said):
            read_handling(text)
    with pytest.raises(ValueError, match="come back"):
        Runtime(engine=engine, grant=[], security="controlled", handling={"x": Handling(fallback="x")})
