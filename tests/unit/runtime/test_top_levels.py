"""A top level that is stopped from outside, on each way to run a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rtfsc.driver import compile_text
from rtfsc.options import CompileOptions
from runtime.evaluator.executor import IrExecutor
from runtime.values.errors import DeadlineExceeded, RtfsError
from runtime.values.interruption import stoppable
from runtime.values.limits import Limits
from runtime.wasm.executor import RT, Uncompiled, WasmExecutor
from runtime.wasm.slow import SlowInstance

PROGRAM = "(def n (call :rounds)) (def x (loop [i 0] (if (< i n) (recur (inc i)) i))) (defn get-x [] x)"
FAILING = "(def n (call :rounds)) (defn get-x [] n) (/ n 0)"


def _wasm(text: str, host: Any) -> Any:
    return WasmExecutor().instantiate(compile_text(text, CompileOptions()).artifact, host=host)


def _evaluator(text: str, host: Any) -> Any:
    options = CompileOptions(target="rtfs-ir")
    return IrExecutor().instantiate(compile_text(text, options).artifact, host=host)


def _slow(text: str, host: Any) -> Any:
    described = Uncompiled(compile_text(text, CompileOptions()).artifact)
    return SlowInstance(
        RT.read_bytes(), described.artifact, described.interface, Limits(), described.spans,
        [function["name"] for function in described.interface["functions"]], host,
    )  # fmt: skip


WAYS = pytest.mark.parametrize("instantiate", [_wasm, _evaluator, _slow])


@WAYS
@pytest.mark.parametrize("error", [KeyError("enough"), DeadlineExceeded("DeadlineExceeded", "enough")])
def test_what_was_stopped_is_evaluated_anew(instantiate: Callable[..., Any], error: Exception) -> None:
    rounds = iter([10**15, 3])

    def host(operation: str, arguments: list[Any]) -> int:
        if (n := next(rounds)) > 3:
            running.stop(error)
        return n

    with instantiate(PROGRAM, host) as instance:
        with stoppable() as running, pytest.raises(type(error), match="enough"):
            instance.start()
        assert instance.run_printed() and instance.function("get-x")() == 3


@WAYS
def test_what_the_program_raised_stays(instantiate: Callable[..., Any]) -> None:
    rounds = iter([1, 2])
    with instantiate(FAILING, lambda operation, arguments: next(rounds)) as instance:
        for _ in range(3):
            with pytest.raises(RtfsError, match="Division by zero"):
                instance.function("get-x")
    assert next(rounds) == 2
