"""Elements of vectors and lists, read in place: from the tail or through one level of inner nodes.

Hot code does that itself; bigger vectors go through a helper of the module, cold code through `rt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backend_wasm import layout as L
from backend_wasm.context import ModuleContext
from backend_wasm.function import FunctionEmitter
from rtfsc.ir.nodes import Prim


def _leaf_helper(module: ModuleContext) -> str:
    """``$:leaf (seq, place)``: the leaf of a place before the tail, at least two levels down."""

    def make(module: ModuleContext) -> list[str]:
        return [
            "(func $:leaf (param $s i32) (param $at i32) (result i32) (local $shift i32) (local $node i32)",
            "local.get $s", f"i32.load offset={L.SEQ_ROOT}", "local.set $node",
            "local.get $s", f"i32.load8_u offset={L.SEQ_SHIFT}", "local.tee $shift",
            *("i32.const 15", "i32.gt_u", "if", "loop $down"),
            *_child("local.get $shift", "i32.shr_u", "i32.const 31", "i32.and", "i32.const 2", "i32.shl"),
            *("local.get $shift", "i32.const 5", "i32.sub", "local.tee $shift"),
            *("i32.const 15", "i32.gt_u", "br_if $down", "end", "end"),
            *("local.get $shift", "i32.const 15", "i32.ge_u", "if", *_level(15), "end"),
            *("local.get $shift", "i32.const 10", "i32.ge_u", "if", *_level(10), "end"),
            *_level(5),
            *("local.get $node", ")"),
        ]  # fmt: skip

    return module.helper("leaf", make)


def _child(*offset: str) -> list[str]:
    """``$node`` becomes its child at an offset that is computed from ``$at``."""
    return ["local.get $node", "local.get $at", *offset, "i32.add", f"i32.load offset={L.NODE_CHILD}",
            "local.set $node"]  # fmt: skip


def _level(shift: int) -> list[str]:
    return _child(f"i32.const {shift - 2}", "i32.shr_u", "i32.const 124", "i32.and")


def _element(f: FunctionEmitter, s: str, index: str) -> None:
    """The element at an index that is in range, boxed. ``s``: the local that holds the ref."""
    at, seq = f.temp("i32"), f"local.get {s}"
    f.op(index, "i32.wrap_i64", seq, f"i32.load offset={L.SEQ_START}", "i32.add", f"local.tee {at}",
         seq, f"i32.load offset={L.SEQ_START}", seq, f"i32.load offset={L.SEQ_COUNT}", "i32.add",
         "i32.const 1", "i32.sub", "i32.xor", "i32.const 32", "i32.lt_u")  # fmt: skip
    with f.nested("if (result i32)"):
        f.op(seq, f"i32.load offset={L.SEQ_TAIL}")
        f.orelse()
        f.op(seq, f"i32.load8_u offset={L.SEQ_SHIFT}", "i32.const 5", "i32.eq")
        with f.nested("if (result i32)"):
            f.op(seq, f"i32.load offset={L.SEQ_ROOT}", f"local.get {at}", "i32.const 3", "i32.shr_u",
                 "i32.const -4", "i32.and", "i32.add", f"i32.load offset={L.NODE_CHILD}")  # fmt: skip
            f.orelse()
            f.op(seq, f"local.get {at}", f"call {_leaf_helper(f.module)}")
    f.op(f"local.get {at}", "i32.const 31", "i32.and", "i32.const 3", "i32.shl", "i32.add",
         f"i64.load offset={L.NODE_ITEM}")  # fmt: skip
    f.release("i32", at)


def _operands(f: FunctionEmitter, e: Prim) -> tuple[str, str, list[str]]:
    """The local of the ref, the index as an instruction, and the temporaries to release. The ref is taken
    last: evaluating the index may move objects."""
    v, held = f.operand(e.args[0], "val")
    index, temp = f.operand(e.args[1], "i64")
    s = f.temp("i32")
    f.op(v, "i32.wrap_i64")
    f.set(s)
    return s, index, [held, temp]


def _in_range(f: FunctionEmitter, s: str, index: str) -> None:
    f.op(index, f"local.get {s}", f"i64.load32_u offset={L.SEQ_COUNT}", "i64.lt_u")


def _nth(f: FunctionEmitter, e: Prim) -> str:
    """In range, or the compiler is at fault."""
    if not f.hot:
        return ""
    s, index, temps = _operands(f, e)
    _in_range(f, s, index)
    f.op("i32.eqz")
    with f.nested("if"):
        f.op("unreachable")
    _element(f, s, index)
    f.release("i32", s)
    f.release("i64", *temps)
    return "val"


def _at(f: FunctionEmitter, e: Prim) -> str:
    if not f.hot:
        return ""
    s, index, temps = _operands(f, e)
    _in_range(f, s, index)
    f.op("i32.eqz")
    with f.nested("if"):
        f.op(f"local.get {s}", "i64.extend_i32_u", index, f.module.rt("rt_seq_at"), "drop")
        f.fail(e.site)
    _element(f, s, index)
    f.release("i32", s)
    f.release("i64", *temps)
    return "val"


def _get(f: FunctionEmitter, e: Prim) -> str:
    if not f.hot:
        return ""
    s, index, temps = _operands(f, e)
    _in_range(f, s, index)
    with f.nested("if (result i64)"):
        _element(f, s, index)
        f.orelse()
        f.op(f"i64.const {L.SPECIAL_NIL}")
    f.release("i32", s)
    f.release("i64", *temps)
    return "val"


ELEMENTS: Final[dict[str, Callable[[FunctionEmitter, Prim], str]]] = {
    "seq.nth": _nth,
    "seq.at": _at,
    "seq.get": _get,
}
"""Answer "" where the plain call is as good, as those of `backend_wasm.generic`."""
