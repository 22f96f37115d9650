"""Expressions without bodies: constants, variables, globals, the next round of a loop."""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.constants import immediate
from backend_wasm.function import NEVER, NONE, FunctionEmitter
from backend_wasm.roots import hold, take_back
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Global, Local, Recur, SetGlobal


def constant_line(f: FunctionEmitter, e: Const, want: str) -> str:
    """The one instruction for a constant, ``""`` if there is none in that representation."""
    own = T.rep(e.type)
    if want == "val":
        boxed = immediate(e)
        return f"i64.const {boxed}" if boxed is not None else f.module.constant(e)
    if want != own:
        return ""
    if own == "i64":
        return f"i64.const {e.value}"
    if own == "i32":
        return f"i32.const {int(e.value)}"
    return f"f64.const {_float(e.value)}"


def _float(x: float) -> str:
    if x != x:
        return "nan"
    return x.hex() if x not in (float("inf"), float("-inf")) else str(x)


def emit_constant(f: FunctionEmitter, e: Const, want: str) -> None:
    if want == NONE:
        return
    line = constant_line(f, e, want)
    if not line:
        raise AssertionError(f"constant of type {T.show(e.type)} where {want} is wanted")
    f.op(line)


def emit_local(f: FunctionEmitter, e: Local) -> str:
    f.get(f.bind(e.var))
    return T.rep(e.var.type)


def emit_global(f: FunctionEmitter, e: Global) -> str:
    f.op(f"global.get {f.module.global_names[e.name]}")
    if e.checked:
        temp = f.temp("i64")
        f.op(f"local.tee {temp}", f"i64.const {L.SPECIAL_UNDEF}", "i64.eq")
        with f.nested("if"):
            f.op(f.module.constant(Const(T.STR, e.name)), f.module.rt("rt_raise_undefined"), "drop")
            f.fail(e.site)
        f.get(temp)
        f.release("i64", temp)
    return f.module.global_rep(e.name)


def emit_set_global(f: FunctionEmitter, e: SetGlobal) -> str:
    rep, name = f.module.global_rep(e.name), f.module.global_names[e.name]
    f.value(e.value, rep)
    if rep == "val":  # collections do not look at globals: what they hold stays where it is
        held = hold(f, e)
        f.op(f.module.rt("rt_keep"))
        take_back(f, held)
    f.op(f"global.set {name}", f"global.get {name}")
    return rep


def emit_recur(f: FunctionEmitter, e: Recur) -> str:
    """All arguments are on the stack before the first variable changes."""
    label, targets = f.targets[e.label]
    pairs = zip(targets, e.args, strict=True)
    moves = [(var, arg) for var, arg in pairs if not (isinstance(arg, Local) and arg.var is var)]
    for var, arg in moves:
        f.value(arg, T.rep(var.type))
    for var, _ in reversed(moves):
        f.set(f.bind(var))
    f.op(f"br {label}")
    return NEVER
