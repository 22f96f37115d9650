"""The value of any expression: on the stack, in the representation that its consumer wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from backend_wasm.calls import emit_apply, emit_call, emit_call_value, emit_closure
from backend_wasm.control import BODIES, result
from backend_wasm.convert import convert
from backend_wasm.function import FunctionEmitter
from backend_wasm.leaves import (
    constant_line,
    emit_constant,
    emit_global,
    emit_local,
    emit_recur,
    emit_set_global,
)
from backend_wasm.prims import emit_prim
from backend_wasm.text import WASM
from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Global,
    Local,
    Prim,
    Recur,
    SetGlobal,
)

_EMIT: Final[dict[type, Callable[[FunctionEmitter, Any], str]]] = {
    Local: emit_local,
    Global: emit_global,
    SetGlobal: emit_set_global,
    Recur: emit_recur,
    Call: emit_call,
    CallValue: emit_call_value,
    Apply: emit_apply,
    Closure: emit_closure,
    Prim: emit_prim,
}


def value(f: FunctionEmitter, e: Expr, want: str) -> None:
    """Code for ``e`` outside of tail position; with ``want`` `NONE` it leaves nothing."""
    if isinstance(e, Const):
        emit_constant(f, e, want)
    elif isinstance(e, BODIES):
        own = T.rep(e.type)
        boxes = want == "val" and own != "val"
        result(f, e, own if boxes else want, False)
        if boxes:
            convert(f, own, want)
    else:
        convert(f, _EMIT[type(e)](f, e), want)


def natural(f: FunctionEmitter, e: Expr) -> str:
    """Code for ``e`` in the representation that it comes in."""
    emit = _EMIT.get(type(e))
    if emit is not None:
        return emit(f, e)
    own = T.rep(e.type)
    value(f, e, own)
    return own


def operand(f: FunctionEmitter, e: Expr, want: str) -> tuple[str, str]:
    """The value as an instruction that can be repeated, and the temporary that it holds or ``""``."""
    if isinstance(e, Local) and T.rep(e.var.type) == want:
        return f"local.get {f.bind(e.var)}", ""
    if isinstance(e, Const):
        line = constant_line(f, e, want)
        if line:
            return line, ""
    value(f, e, want)
    temp = f.temp(WASM[want])
    f.set(temp)
    return f"local.get {temp}", temp
