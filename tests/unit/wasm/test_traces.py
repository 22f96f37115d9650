"""Errors that stop WebAssembly tell the functions and lines that were active, on both ways to call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rtfsc
from rtfsc import Limits, Runtime
from runtime.values.errors import Frame
from runtime.wasm import bridge

SOURCE = """(defn spin [n]
  (loop [i 0] (if (< i 0) i (recur (+ i (mod n 2))))))
(defn outer [n]
  [(spin n)])
(defn grow [n]
  (loop [v []] (recur (conj v (str n)))))"""


@pytest.fixture(params=["direct", "slow"])
def way(request, monkeypatch) -> str:
    if request.param == "slow":
        monkeypatch.setattr(bridge, "_status", bridge.BridgeStatus(False, "0", "", "for this test"))
    return request.param


def stopped(call: str, level: int = 2, **limits: int) -> rtfsc.RtfsError:
    with Runtime(limits=Limits(**limits), level=level).compile(SOURCE) as module:
        return caught_in("spin" if call == "outer" else call, lambda: module[call](3))


def caught_in(function: str, run: Callable[[], Any]) -> rtfsc.RtfsError:
    """What stops the program in this function. Where the machine pauses before the program has got there, it
    is stopped too early, and run once more."""
    for _ in range(20):
        with pytest.raises(rtfsc.RtfsError) as caught:
            run()
        if any(frame.function.rpartition("/")[2] == function for frame in caught.value.trace):
            break
    return caught.value


def lines(error: rtfsc.RtfsError, source: str = SOURCE) -> list[tuple[str, int]]:
    return [(f.function, source[: f.place[0]].count("\n") + 1) for f in error.trace if f.place]


@pytest.mark.parametrize("level", [0, 2])
def test_deadline(way: str, level: int) -> None:
    error = stopped("outer", level=level, deadline_ms=300)
    assert error.kind == "DeadlineExceeded"
    assert lines(error)[0] == ("spin", 2)
    assert error.span == error.trace[0].place
    if level == 0:
        assert lines(error) == [("spin", 2), ("outer", 4)]


def test_memory(way: str) -> None:
    error = stopped("grow", memory_bytes=16 << 20)
    assert error.kind == "MemoryLimit"
    assert lines(error) == [("grow", 6)]


def test_the_top_level(way: str) -> None:
    source = "(loop [i 0]\n  (recur (+ i (mod i 2))))"
    error = caught_in("top level", lambda: Runtime(limits=Limits(deadline_ms=300)).compile(source))
    assert error.kind == "DeadlineExceeded"
    assert lines(error, source) == [("top level", 2)]


def test_places_in_imported_modules(way: str, tmp_path) -> None:
    (tmp_path / "spinning.rtfs").write_text(
        "(module spinning (:exports [spin])\n(defn spin [n]\n (loop [i 0] (recur (+ i (mod n 2))))))"
    )
    runtime = Runtime(limits=Limits(deadline_ms=300), level=0, path=[tmp_path])
    module = runtime.compile("(import spinning :as s)\n(defn f [n]\n [(s/spin n)])")
    with module:
        error = caught_in("spin", lambda: module.f(3))
    assert error.kind == "DeadlineExceeded"
    first, second = error.trace
    assert (first.function.rpartition("/")[2], first.place[2]) == ("spin", "spinning")
    assert second.function == "f"
    assert (error.module, error.span) == ("spinning", first.place[:2])


def test_names_of_functions_in_a_module_from_a_file(way: str, tmp_path) -> None:
    from rtfsc.driver import compile_text
    from rtfsc.options import CompileOptions

    file = tmp_path / "m.wasm"
    file.write_bytes(compile_text(SOURCE, CompileOptions(level=0, source_map="m.wasm.map")).artifact)
    module = Runtime(limits=Limits(deadline_ms=300)).load(file)
    with module:
        error = caught_in("spin", lambda: module.outer(3))
    assert error.kind == "DeadlineExceeded"
    assert list(error.trace) == [Frame("spin", None), Frame("outer", None)]


def test_errors_of_the_program_have_no_trace() -> None:
    module = rtfsc.compile("(defn f [x] (nth [1] x))")
    with pytest.raises(rtfsc.IndexOutOfBounds) as caught:
        module.f(7)
    assert (caught.value.trace, caught.value.span) == ((), (12, 23))
