"""The functions of `rt` that emitted code imports: their Wasm types, from the table of ops."""

from __future__ import annotations

from functools import cache
from typing import Final

from backend_wasm.text import WASM
from rtfsc.ir import types as T
from rtfsc.primitives.ops import OPS, Op

_HELPERS: Final = {
    "rt_alloc": "i32 -> i32",
    "rt_settle": "->",
    "rt_keep": "i64 -> i64",
    "rt_collect": "->",
    "rt_trap": "i32 ->",
    "rt_buffer": "i32 -> i32",
    "rt_decode": "i32 -> i64",
    "rt_box_int": "i64 -> i64",
    "rt_box_float": "f64 -> i64",
    "rt_unbox_int": "i64 -> i64",
    "rt_unbox_float": "i64 -> f64",
    "rt_is": "i64 i32 -> i32",
    "rt_call_args": "i64 i32 i32 -> i32",
    "rt_overflow1": "i32 i64 -> i64",
    "rt_overflow2": "i32 i64 i64 -> i64",
    "rt_div_zero": "-> i64",
    "rt_check_fail": "i64 i32 -> i64",
    "rt_closure_call_error": "i64 i32 -> i64",
    "rt_stack_overflow": "-> i64",
    "rt_error_site": "i32 ->",
}


def _op_signature(op: Op) -> str:
    if op.variadic:
        params = ["i32", "i32"]
    else:
        params = [WASM[T.rep(t)] for t in op.params]
        if op.imm:
            params.append("i64" if op.name in TEXT_IMMEDIATE else "i32")
    result = "i64" if op.raises else WASM[T.rep(op.result)]
    return f"{' '.join(params)} -> {result}"


TEXT_IMMEDIATE: Final = frozenset({"num.check", "seq", "err.is"})
"""Ops whose immediate is a text, passed as a boxed string."""


@cache
def _ops() -> dict[str, Op]:
    return {op.c_name: op for op in OPS.values()}


def wasm_type(c_name: str) -> str:
    """``(param …) (result …)`` of a function of `rt`."""
    text = _HELPERS.get(c_name) or _op_signature(_ops()[c_name])
    params, _, result = text.partition("->")
    return (f" (param {params.strip()})" if params.strip() else "") + (
        f" (result {result.strip()})" if result.strip() else ""
    )
