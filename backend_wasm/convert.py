"""Boxing and unboxing: from the representation at hand to the one that the consumer wants."""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.function import NEVER, NONE, FunctionEmitter


def convert(f: FunctionEmitter, have: str, want: str) -> None:
    """The value on the stack changes its representation. Unboxing trusts the type of the value."""
    if have in (want, NEVER):
        return
    if want == NONE:
        f.drop()
    elif want == "val":
        _BOX[have](f)
    elif have == "val":
        _UNBOX[want](f)
    else:
        raise AssertionError(f"a value of representation {have} where {want} is wanted")


def _box_int(f: FunctionEmitter) -> None:
    if not f.hot:
        f.op(f.module.rt("rt_box_int"))
        return
    n, twice = f.temp("i64"), f.temp("i64")
    f.op(f"local.tee {n}", "i64.const 1", "i64.shl", f"local.tee {twice}", "i64.const 1", "i64.shr_s",
         f"local.get {n}", "i64.eq")  # fmt: skip
    with f.nested("if (result i64)"):
        f.op(f"local.get {twice}", "i64.const 1", "i64.or")
        f.orelse()
        f.op(f"local.get {n}", f.module.rt("rt_box_int"))
    f.release("i64", n, twice)


def _box_float(f: FunctionEmitter) -> None:
    if not f.hot:
        f.op(f.module.rt("rt_box_float"))
        return
    x = f.temp("f64")
    f.set(x)
    ref = allocate(f, 16)
    f.op(f"local.get {ref}", f"i64.const {L.KIND_FLOAT}", "i64.store")
    f.op(f"local.get {ref}", f"local.get {x}", "f64.store offset=8")
    f.op(f"local.get {ref}", "i64.extend_i32_u")
    f.release("f64", x)
    f.release("i32", ref)


def _box_bool(f: FunctionEmitter) -> None:
    f.op("i64.extend_i32_u", "i64.const 2", "i64.shl", f"i64.const {L.SPECIAL_FALSE}", "i64.or")


def _unbox_int(f: FunctionEmitter) -> None:
    if not f.hot:
        f.op(f.module.rt("rt_unbox_int"))
        return
    v = f.temp("i64")
    f.op(f"local.tee {v}", "i32.wrap_i64", "i32.const 1", "i32.and")
    with f.nested("if (result i64)"):
        f.op(f"local.get {v}", "i64.const 1", "i64.shr_s")
        f.orelse()
        f.op(f"local.get {v}", "i32.wrap_i64", "i64.load offset=8")
    f.release("i64", v)


def _unbox_float(f: FunctionEmitter) -> None:
    f.op("i32.wrap_i64", "f64.load offset=8")


def _unbox_bool(f: FunctionEmitter) -> None:
    f.op(f"i64.const {L.SPECIAL_TRUE}", "i64.eq")


_BOX = {"i64": _box_int, "f64": _box_float, "i32": _box_bool}
_UNBOX = {"i64": _unbox_int, "f64": _unbox_float, "i32": _unbox_bool}


def allocate(f: FunctionEmitter, size: int) -> str:
    """New memory of ``size`` bytes (a multiple of 8); answers the i32 local that holds its ref, which
    the caller releases. Bumps `HP` inline where the code is hot."""
    ref = f.temp("i32")
    slow = (f"i32.const {size}", f.module.rt("rt_alloc"), f"local.set {ref}")
    if not f.hot:
        f.op(*slow)
        return ref
    end = f.temp("i32")
    f.op("i32.const 0", f"i32.load offset={L.STATE_HP}", f"local.tee {ref}", f"i32.const {size}", "i32.add",
         f"local.tee {end}", "i32.const 0", f"i32.load offset={L.STATE_LIMIT}", "i32.gt_u")  # fmt: skip
    with f.nested("if"):
        f.op(*slow)
        f.orelse()
        f.op("i32.const 0", f"local.get {end}", f"i32.store offset={L.STATE_HP}")
    f.release("i32", end)
    return ref
