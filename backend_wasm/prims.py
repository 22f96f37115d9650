"""Primitives: those of `rt` by the table of ops; inline ones from `backend_wasm.inline`."""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.builders import BUILDERS
from backend_wasm.elements import ELEMENTS
from backend_wasm.function import NEVER, FunctionEmitter
from backend_wasm.generic import GENERIC
from backend_wasm.helpers import adaptor, scratch
from backend_wasm.inline import INLINE
from backend_wasm.roots import hold, take_back
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Prim
from rtfsc.ir.separate import IMPORT
from rtfsc.primitives.ops import OPS, Op

MOST_ON_STACK = 8
"""A variadic op with more arguments has them stored where it is called."""


def emit_prim(f: FunctionEmitter, e: Prim) -> str:
    if e.op == "host":
        return _host(f, e)
    inline = INLINE.get(e.op)
    if inline is not None:
        return inline(f, e)
    generic = GENERIC.get(e.op) or ELEMENTS.get(e.op) or BUILDERS.get(e.op)
    if generic is not None:
        have = generic(f, e)
        if have:
            return have
    return call_rt(f, e)


def call_rt(f: FunctionEmitter, e: Prim) -> str:
    """The op as a call of `rt`."""
    op = OPS[e.op]
    if op.variadic:
        _variadic(f, e, op)
    else:
        for param, arg in zip(op.params, e.args, strict=True):
            f.value(arg, T.rep(param))
        if op.imm:
            f.op(_immediate(f, e.imm))
        f.op(f.module.rt(op.c_name))
    return after_rt(f, op, e.site)


def after_rt(f: FunctionEmitter, op: Op, site: int) -> str:
    """Tests the result of an op of `rt` for an error; answers its representation."""
    if not op.raises:
        return T.rep(op.result)
    if op.result == T.NEVER:
        f.op("drop")
        f.fail(site)
        return NEVER
    f.check_error(site)
    return "val"


def _host(f: FunctionEmitter, e: Prim) -> str:
    """The operation's name and a vector of the arguments go to the host. What modules import from each other
    is there already."""
    if e.imm == IMPORT:
        module, name = (arg.value for arg in e.args if isinstance(arg, Const))
        f.op(f"call {f.module.link(module, name)}")
        return "val"
    f.module.host = True
    f.op(_immediate(f, e.imm))
    _variadic(f, e, OPS["vector"])
    held = hold(f, e)
    f.op("call $:host")
    take_back(f, held)
    f.check_error(e.site)
    return "val"


def _immediate(f: FunctionEmitter, imm: object) -> str:
    if isinstance(imm, str):
        return f.module.constant(Const(T.STR, imm))
    if not isinstance(imm, int):
        raise AssertionError(f"immediate operand {imm!r}")
    return f"i32.const {imm}"


def _variadic(f: FunctionEmitter, e: Prim, op: Op) -> None:
    count = len(e.args)
    if count <= MOST_ON_STACK:
        for arg in e.args:
            f.value(arg, "val")
        f.op(f"call {adaptor(f.module, op.c_name, count)}")
        return
    # All are evaluated before the first is stored: an argument may use the scratch area itself.
    operands = [f.operand(arg, "val") for arg in e.args]
    for i, (line, _) in enumerate(operands):
        f.op("i32.const 0", line, scratch(i))
    f.release("i64", *(temp for _, temp in operands))
    f.op(f"i32.const {L.STATE_SCRATCH}", f"i32.const {count}", f.module.rt(op.c_name))
