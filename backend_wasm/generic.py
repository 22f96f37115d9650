"""Ops on values of any kind with a fast path for small integers or identity, the rest by `rt`.

An emitter answers "" where it has nothing better than the plain call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backend_wasm import layout as L
from backend_wasm.constants import immediate
from backend_wasm.function import FunctionEmitter
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Prim
from rtfsc.primitives.ops import OPS

_BY_IDENTITY: Final = T.NIL | T.BOOL | T.KW | T.SYM
"""Kinds of which equal values are the same 64 bits."""


def _tagged(e: Expr) -> bool:
    """Certainly a small integer, as a boxed constant."""
    return isinstance(e, Const) and e.type == T.INT and immediate(e) is not None


def _test_small(f: FunctionEmitter, e: Prim, lines: list[str]) -> None:
    """Leaves 1 unless all operands are small integers."""
    unknown = [line for arg, line in zip(e.args, lines, strict=True) if not _tagged(arg)]
    f.op(unknown[0])
    for line in unknown[1:]:
        f.op(line, "i64.and")
    f.op("i32.wrap_i64", "i32.const 1", "i32.and", "i32.eqz")


def _may_be_small(e: Prim) -> bool:
    return all(arg.type & T.INT for arg in e.args) and not all(_tagged(arg) for arg in e.args)


def _call(f: FunctionEmitter, e: Prim, lines: list[str]) -> None:
    op = OPS[e.op]
    f.op(*lines, f.module.rt(op.c_name))
    if op.raises:
        f.check_error(e.site)


def _sum(wasm: str) -> Callable[[FunctionEmitter, Prim], str]:
    """a + b or a - b on tagged integers: the tag of one operand is taken off first."""
    add = wasm == "i64.add"

    def emit(f: FunctionEmitter, e: Prim) -> str:
        if _with_float(e):
            return _float_op(f, e, wasm.replace("i64", "f64"))
        if not f.hot or not _may_be_small(e):
            return ""
        operands = [f.operand(arg, "val") for arg in e.args]
        lines = a, b = [line for line, _ in operands]
        r, fast, slow = f.temp("i64"), f.label("fast"), f.label("slow")
        with f.nested(f"block {fast} (result i64)"):
            with f.nested(f"block {slow}"):
                _test_small(f, e, list(lines))
                f.op(f"br_if {slow}")
                f.op(a, b, "i64.const 1", "i64.sub", wasm, f"local.set {r}")
                f.op(*((f"local.get {r}", a) if add else (a, b)), "i64.xor")
                f.op(f"local.get {r}", b if add else a, "i64.xor", "i64.and", "i64.const 0", "i64.lt_s")
                f.op(f"br_if {slow}", f"local.get {r}", f"br {fast}")
            _call(f, e, list(lines))
        f.release("i64", r, *(temp for _, temp in operands))
        return "val"

    return emit


def _with_float(e: Prim) -> bool:
    """One operand is certainly a float and the other a number: the result is a float and no error."""
    return any(arg.type == T.FLOAT for arg in e.args) and all(
        T.subtype(arg.type, T.NUM) and arg.type != T.NEVER for arg in e.args
    )


def _float_op(f: FunctionEmitter, e: Prim, wasm: str) -> str:
    for arg in e.args:
        have = f.natural(arg)
        if have == "i64":
            f.op("f64.convert_i64_s")
        elif have == "val":
            f.op(f.module.rt("rt_to_float"))
    f.op(wasm)
    return "f64"


def _product(f: FunctionEmitter, e: Prim) -> str:
    """The product of two integers of 31 bits is a small integer: the tag is shifted out of one of them."""
    if _with_float(e):
        return _float_op(f, e, "f64.mul")
    if not f.hot or not _may_be_small(e):
        return ""
    operands = [f.operand(arg, "val") for arg in e.args]
    a, b = lines = [line for line, _ in operands]
    fast, slow = f.label("fast"), f.label("slow")
    with f.nested(f"block {fast} (result i64)"):
        with f.nested(f"block {slow}"):
            _test_small(f, e, lines)
            f.op(f"br_if {slow}")
            for line in lines:
                f.op(line, line, "i64.extend32_s", "i64.ne", f"br_if {slow}")
            f.op(a, "i64.const 1", "i64.sub", b, "i64.const 1", "i64.shr_s", "i64.mul")
            f.op("i64.const 1", "i64.add", f"br {fast}")
        _call(f, e, lines)
    f.release("i64", *(temp for _, temp in operands))
    return "val"


def _remainder(f: FunctionEmitter, e: Prim) -> str:
    """By a literal that is not 0, of a small integer."""
    divisor = e.args[1]
    if not f.hot or not _may_be_small(e) or not _tagged(divisor) or not divisor.value:  # type: ignore[attr-defined]
        return ""
    operands = [f.operand(arg, "val") for arg in e.args]
    lines = [line for line, _ in operands]
    _test_small(f, e, lines)
    with f.nested("if (result i64)"):
        _call(f, e, lines)
        f.orelse()
        f.op(lines[0], "i64.const 1", "i64.shr_s", f"i64.const {divisor.value}", "i64.rem_s")  # type: ignore[attr-defined]
        f.op("i64.const 1", "i64.shl", "i64.const 1", "i64.or")
    f.release("i64", *(temp for _, temp in operands))
    return "val"


def _predicate(*wasm: str) -> Callable[[FunctionEmitter, Prim], str]:
    """A question about one number, answered for a small integer from its tagged form."""

    def emit(f: FunctionEmitter, e: Prim) -> str:
        if not f.hot or not e.args[0].type & T.INT or _tagged(e.args[0]):
            return ""
        a, temp = f.operand(e.args[0], "val")
        _test_small(f, e, [a])
        with f.nested("if (result i32)"):
            _call(f, e, [a])
            f.op(f"i64.const {L.SPECIAL_TRUE}", "i64.eq")
            f.orelse()
            f.op(a, *wasm)
        f.release("i64", temp)
        return "i32"

    return emit


def _step(by: int) -> Callable[[FunctionEmitter, Prim], str]:
    """inc and dec."""

    def emit(f: FunctionEmitter, e: Prim) -> str:
        if not f.hot or not e.args[0].type & T.INT or _tagged(e.args[0]):
            return ""
        a, temp = f.operand(e.args[0], "val")
        r, fast, slow = f.temp("i64"), f.label("fast"), f.label("slow")
        with f.nested(f"block {fast} (result i64)"):
            with f.nested(f"block {slow}"):
                _test_small(f, e, [a])
                f.op(f"br_if {slow}", a, f"i64.const {2 * by}", "i64.add", f"local.tee {r}", a)
                f.op("i64.lt_s" if by > 0 else "i64.gt_s", f"br_if {slow}", f"local.get {r}", f"br {fast}")
            _call(f, e, [a])
        f.release("i64", r, temp)
        return "val"

    return emit


def _compare(wasm: str) -> Callable[[FunctionEmitter, Prim], str]:
    """Tagged integers compare as they are."""

    def emit(f: FunctionEmitter, e: Prim) -> str:
        if not f.hot or not _may_be_small(e):
            return ""
        operands = [f.operand(arg, "val") for arg in e.args]
        lines = [line for line, _ in operands]
        _test_small(f, e, lines)
        with f.nested("if (result i32)"):
            _call(f, e, lines)
            if OPS[e.op].raises:
                f.op(f"i64.const {L.SPECIAL_TRUE}", "i64.eq")
            f.orelse()
            f.op(*lines, wasm)
        f.release("i64", *(temp for _, temp in operands))
        return "i32"

    return emit


def _equal(wasm: str) -> Callable[[FunctionEmitter, Prim], str]:
    general = _compare(wasm)

    def emit(f: FunctionEmitter, e: Prim) -> str:
        if not any(T.subtype(arg.type, _BY_IDENTITY) for arg in e.args):
            return general(f, e)
        for arg in e.args:
            f.value(arg, "val")
        f.op(wasm)
        return "i32"

    return emit


GENERIC: Final[dict[str, Callable[[FunctionEmitter, Prim], str]]] = {
    "num.add": _sum("i64.add"),
    "num.sub": _sum("i64.sub"),
    "num.mul": _product,
    "num.mod": _remainder,
    "num.even": _predicate("i64.const 2", "i64.and", "i64.eqz"),
    "num.odd": _predicate("i64.const 2", "i64.and", "i64.eqz", "i32.eqz"),
    "num.zero": _predicate("i64.const 1", "i64.eq"),
    "num.pos": _predicate("i64.const 1", "i64.gt_s"),
    "num.neg-p": _predicate("i64.const 0", "i64.lt_s"),
    "num.inc": _step(1),
    "num.dec": _step(-1),
    "lt": _compare("i64.lt_s"),
    "le": _compare("i64.le_s"),
    "gt": _compare("i64.gt_s"),
    "ge": _compare("i64.ge_s"),
    "eq": _equal("i64.eq"),
    "ne": _equal("i64.ne"),
}
