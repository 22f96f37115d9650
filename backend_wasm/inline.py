"""Primitives that the backend writes itself: a table from op to emitter.

Overflow tests keep the hot path to a few instructions; what raises leaves at once, so that the
engine's register allocator sees a straight line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from backend_wasm import layout as L
from backend_wasm.convert import convert
from backend_wasm.function import NEVER, NONE, FunctionEmitter
from backend_wasm.helpers import checked_helper, overflow_helper
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Prim

Emit = Callable[[FunctionEmitter, Prim], str]


def _plain(rep: str, result: str, *lines: str) -> Emit:
    """Operands on the stack, then these instructions."""

    def emit(f: FunctionEmitter, e: Prim) -> str:
        for arg in e.args:
            f.value(arg, rep)
        f.op(*lines)
        return result

    return emit


# --- checked integers


def _overflow(f: FunctionEmitter, a: str, b: str, operation: int, site: int) -> None:
    """The i32 on the stack says that it happened."""
    with f.nested("if"):
        f.op(a, b, f"i32.const {operation}", f"i32.const {f.module.site(site)}",
             f"call {overflow_helper(f.module)}")  # fmt: skip
        f.fail(0)


def _sum(f: FunctionEmitter, e: Prim) -> str:
    """Addition and subtraction."""
    add, (left, right) = "add" in e.op, e.args
    if not f.hot:
        return _by_helper(f, e, "add" if add else "sub")
    a, temp_a = f.operand(left, "i64")
    b, temp_b = f.operand(right, "i64")
    r = f.temp("i64")
    f.op(a, b, "i64.add" if add else "i64.sub", f"local.set {r}")
    sign = _sign(e.op, right)
    if sign:
        _wrong_side(f, r, a, (sign > 0) == add)
    elif e.op == "int.nat-add" or (add and isinstance(left, Const)):
        _wrong_side(f, r, b, not isinstance(left, Const) or left.value >= 0)
    elif add:
        f.get(r)
        f.op(a, "i64.xor", f"local.get {r}", b, "i64.xor", "i64.and", "i64.const 0", "i64.lt_s")
    else:
        f.op(a, b, "i64.xor", f"local.get {r}", a, "i64.xor", "i64.and", "i64.const 0", "i64.lt_s")
    _overflow(f, a, b, L.OPERATION_ADD if add else L.OPERATION_SUB, e.site)
    f.get(r)
    f.release("i64", temp_a, temp_b, r)
    return "i64"


def _sign(op: str, e: Expr) -> int:
    """1 if the right operand of ``op`` is not negative, -1 if it is, 0 if that is not known."""
    if op.endswith("-nat"):
        return 1
    return 0 if not isinstance(e, Const) else 1 if e.value >= 0 else -1


def _wrong_side(f: FunctionEmitter, r: str, a: str, grows: bool) -> None:
    """Where one operand has a known sign, the result must lie on its side of the other, ``a``."""
    f.get(r)
    f.op(a, "i64.lt_s" if grows else "i64.gt_s")


def _by_helper(f: FunctionEmitter, e: Prim, name: str) -> str:
    """Where code is cold, the whole checked operation is a call."""
    for arg in e.args:
        f.value(arg, "i64")
    _through(f, e, (), name)
    return "i64"


def _through(f: FunctionEmitter, e: Prim, lines: tuple[str, ...], name: str) -> None:
    f.op(*lines, f"i32.const {f.module.site(e.site)}", f"call {checked_helper(f.module, name)}")
    f.fail_if(0)


def _mul(f: FunctionEmitter, e: Prim) -> str:
    if not f.hot:
        return _by_helper(f, e, "mul")
    a, temp_a = f.operand(e.args[0], "i64")
    b, temp_b = f.operand(e.args[1], "i64")
    tests = [line for line, arg in ((a, e.args[0]), (b, e.args[1])) if not _short(arg)]
    for i, line in enumerate(tests):
        # The product of two 32-bit numbers fits.
        f.op(line, "i64.extend32_s", line, "i64.eq", *(["i32.and"] if i else []))
    with f.nested("if (result i64)"):
        f.op(a, b, "i64.mul")
        f.orelse()
        _through(f, e, (a, b), "mul")
    f.release("i64", temp_a, temp_b)
    return "i64"


def _short(e: Expr) -> bool:
    return isinstance(e, Const) and -(1 << 31) <= e.value < 1 << 31


def _negate(f: FunctionEmitter, e: Prim) -> str:
    a, temp = f.operand(e.args[0], "i64")
    _refuse_min(f, a, L.OPERATION_SUB, e.site)
    f.op("i64.const 0", a, "i64.sub")
    f.release("i64", temp)
    return "i64"


def _abs(f: FunctionEmitter, e: Prim) -> str:
    a, temp = f.operand(e.args[0], "i64")
    _refuse_min(f, a, L.OPERATION_ABS, e.site)
    f.op(*_magnitude(a))
    f.release("i64", temp)
    return "i64"


def _plain_neg(f: FunctionEmitter, e: Prim) -> str:
    f.op("i64.const 0")
    f.value(e.args[0], "i64")
    f.op("i64.sub")
    return "i64"


def _plain_abs(f: FunctionEmitter, e: Prim) -> str:
    a, temp = f.operand(e.args[0], "i64")
    f.op(*_magnitude(a))
    f.release("i64", temp)
    return "i64"


def _magnitude(a: str) -> list[str]:
    return ["i64.const 0", a, "i64.sub", a, a, "i64.const 0", "i64.lt_s", "select"]


def _refuse_min(f: FunctionEmitter, a: str, operation: int, site: int) -> None:
    f.op(a, f"i64.const {-(1 << 63)}", "i64.eq")
    with f.nested("if"):
        f.op(f"i32.const {operation}", a, f.module.rt("rt_overflow1"), "drop")
        f.fail(site)


def _mod(f: FunctionEmitter, e: Prim) -> str:
    a, temp_a = f.operand(e.args[0], "i64")
    b, temp_b = f.operand(e.args[1], "i64")
    f.op(b, "i64.eqz")
    with f.nested("if"):
        f.op(f.module.rt("rt_div_zero"), "drop")
        f.fail(e.site)
    f.op(a, b, "i64.rem_s")
    f.release("i64", temp_a, temp_b)
    return "i64"


def _pick(compare: str) -> Emit:
    def emit(f: FunctionEmitter, e: Prim) -> str:
        a, temp_a = f.operand(e.args[0], "i64")
        b, temp_b = f.operand(e.args[1], "i64")
        f.op(a, b, a, b, compare, "select")
        f.release("i64", temp_a, temp_b)
        return "i64"

    return emit


# --- kinds


def _mask(imm: Any) -> int:
    return T.parse(imm) if isinstance(imm, str) else int(imm)


def kind_test(f: FunctionEmitter, v: str, mask: int) -> None:
    """Leaves 1 if the boxed value has a kind of ``mask``. ``v``: the instruction that reads it."""
    if mask == T.NIL:
        f.op(v, "i64.eqz")
    elif mask & T.ANY == T.ANY & ~T.NIL:
        f.op(v, "i64.eqz", "i32.eqz")
    elif mask == T.BOOL:
        both = L.SPECIAL_FALSE ^ L.SPECIAL_TRUE
        f.op(v, f"i64.const {both}", "i64.or", f"i64.const {L.SPECIAL_TRUE}", "i64.eq")
    elif f.hot and mask in (T.INT, T.NUM):
        f.op(v, "i32.wrap_i64", "i32.const 1", "i32.and")
        with f.nested("if (result i32)"):
            f.op("i32.const 1")
            f.orelse()
            f.op(v, f"i32.const {mask}", f.module.rt("rt_is"))
    elif f.hot and mask in _OBJECT_KINDS:
        f.op(v, "i64.const 7", "i64.and", "i64.eqz")
        with f.nested("if (result i32)"):
            f.op(v, "i32.wrap_i64", "i32.load8_u", f"i32.const {_OBJECT_KINDS[mask]}", "i32.eq")
            f.orelse()
            f.op("i32.const 0")
    else:
        f.op(v, f"i32.const {mask}", f.module.rt("rt_is"))


_OBJECT_KINDS: Final = {
    T.FLOAT: L.KIND_FLOAT, T.STR: L.KIND_STR, T.KW: L.KIND_KW, T.SYM: L.KIND_SYM, T.VEC: L.KIND_VEC,
    T.LIST: L.KIND_LIST, T.MAP: L.KIND_MAP, T.ERR: L.KIND_ERROR,
}  # fmt: skip


def _is(f: FunctionEmitter, e: Prim) -> str:
    mask, arg = _mask(e.imm), e.args[0]
    if T.subtype(arg.type, mask) or not arg.type & mask:
        f.value(arg, NONE)
        f.op(f"i32.const {int(T.subtype(arg.type, mask))}")
        return "i32"
    v, temp = f.operand(arg, "val")
    kind_test(f, v, mask)
    f.release("i64", temp)
    return "i32"


def _as(f: FunctionEmitter, e: Prim) -> str:
    want = T.rep(e.type)
    if T.rep(e.args[0].type) == want:
        f.value(e.args[0], want)
        return want
    have = f.natural(e.args[0])
    if have in ("val", NEVER, want):
        return have
    convert(f, have, "val")
    return "val"


def _check(f: FunctionEmitter, e: Prim) -> str:
    mask, arg = _mask(e.imm), e.args[0]
    if T.subtype(arg.type, mask):
        return _as(f, e)
    v, temp = f.operand(arg, "val")
    kind_test(f, v, mask)
    f.op("i32.eqz")
    with f.nested("if"):
        f.op(v, f"i32.const {mask}", f.module.rt("rt_check_fail"), "drop")
        f.fail(e.site)
    f.op(v)
    f.release("i64", temp)
    return "val"


# --- truth


def _truthy(f: FunctionEmitter, e: Prim) -> str:
    return _truth(f, e.args[0], False)


def _not(f: FunctionEmitter, e: Prim) -> str:
    return _truth(f, e.args[0], True)


def _truth(f: FunctionEmitter, arg: Expr, negated: bool) -> str:
    rep = T.rep(arg.type)
    if rep == "i32":
        f.value(arg, "i32")
        if negated:
            f.op("i32.eqz")
    elif not arg.type & (T.NIL | T.BOOL) and arg.type != T.NEVER:
        f.value(arg, NONE)
        f.op(f"i32.const {int(not negated)}")
    else:
        f.value(arg, "val")
        # nil is 0 and false is 2: nothing else is left without bit 1
        f.op(f"i64.const {~L.SPECIAL_FALSE}", "i64.and", "i64.eqz")
        if not negated:
            f.op("i32.eqz")
    return "i32"


def _routed(f: FunctionEmitter, e: Prim) -> str:
    f.op("i32.const 0", f"i32.load8_u offset={L.STATE_ROUTES + e.imm}")
    return "i32"


def _length(offset: int) -> Emit:
    def emit(f: FunctionEmitter, e: Prim) -> str:
        f.value(e.args[0], "val")
        f.op("i32.wrap_i64", f"i64.load32_u offset={offset}")
        return "i64"

    return emit


_PLAIN: Final[dict[str, Emit]] = {
    **{f"int.{op}": _plain("i64", "i32", f"i64.{op}") for op in ("eq", "ne")},
    **{f"int.{op}": _plain("i64", "i32", f"i64.{op}_s") for op in ("lt", "le", "gt", "ge")},
    **{f"float.{op}": _plain("f64", "f64", f"f64.{op}") for op in ("add", "sub", "mul", "neg", "abs")},
    **{f"float.{op}": _plain("f64", "i32", f"f64.{op}") for op in ("eq", "ne", "lt", "le", "gt", "ge")},
    **{f"i64.{op}": _plain("i64", "i64", f"i64.{op}") for op in ("add", "sub", "mul", "and")},
    "int.odd": _plain("i64", "i32", "i32.wrap_i64", "i32.const 1", "i32.and"),
    "int.to-float": _plain("i64", "f64", "f64.convert_i64_s"),
    "float.to-int": _plain("f64", "i64", "i64.trunc_sat_f64_s"),
    "bool.not": _plain("i32", "i32", "i32.eqz"),
    "bool.eq": _plain("i32", "i32", "i32.eq"),
}
PLAIN: Final = frozenset(_PLAIN)
"""Ops of one or a few instructions on unboxed operands, which can neither raise nor trap."""

INLINE: Final[dict[str, Emit]] = {
    **_PLAIN,
    **dict.fromkeys(["int.add", "int.add-nat", "int.nat-add", "int.sub", "int.sub-nat"], _sum),
    "int.mul": _mul,
    "int.neg": _negate,
    "int.abs": _abs,
    "i64.rem": _plain("i64", "i64", "i64.rem_s"),
    "i64.div": _plain("i64", "i64", "i64.div_s"),
    "i64.neg": _plain_neg,
    "i64.abs": _plain_abs,
    "int.mod": _mod,
    "int.min": _pick("i64.le_s"),
    "int.max": _pick("i64.ge_s"),
    "truthy": _truthy,
    "not": _not,
    "is": _is,
    "routed": _routed,
    "as": _as,
    "check": _check,
    "seq.length": _length(L.SEQ_COUNT),
    "map.length": _length(L.MAP_COUNT),
}
