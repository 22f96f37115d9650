"""Growing vectors: hot code puts an element into the tail itself while there is room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backend_wasm import layout as L
from backend_wasm.function import FunctionEmitter
from rtfsc.ir.nodes import Prim


def _push(f: FunctionEmitter, e: Prim) -> str:
    """A builder that is done is a vector: `rt` makes a new builder for it."""
    return _append(f, e, L.KIND_BUILDER, "rt_builder_push") if f.hot else ""


def _own(f: FunctionEmitter, e: Prim) -> str:
    """A vector that nobody else holds."""
    return _append(f, e, L.KIND_VEC, "rt_conj_own") if f.hot else ""


def _append(f: FunctionEmitter, e: Prim, kind: int, function: str) -> str:
    """As ``trie_push`` of `rt`: the tail ends where the vector does and has room. A full tail holds 32
    elements and address 0 reads as a tail of none, so neither passes for one with room."""
    builder, held = f.operand(e.args[0], "val")
    item, temp = f.operand(e.args[1], "val")
    s, tail, used = f.temp("i32"), f.temp("i32"), f.temp("i32")
    seq, leaf, end = (f"local.get {name}" for name in (s, tail, used))
    f.op(builder, "i32.wrap_i64", f"local.tee {s}", "i32.load8_u",
         f"i32.const {kind}", "i32.eq",
         seq, f"i32.load offset={L.SEQ_START}", seq, f"i32.load offset={L.SEQ_COUNT}", "i32.add",
         "i32.const 31", "i32.and", f"local.tee {used}",
         seq, f"i32.load offset={L.SEQ_TAIL}", f"local.tee {tail}", f"i32.load offset={L.NODE_USED}",
         "i32.eq", "i32.and",
         end, leaf, f"i32.load16_u offset={L.NODE_CAPACITY}", "i32.lt_u", "i32.and")  # fmt: skip
    with f.nested("if (result i64)"):
        f.op(leaf, end, "i32.const 3", "i32.shl", "i32.add", item, f"i64.store offset={L.NODE_ITEM}",
             leaf, end, "i32.const 1", "i32.add", f"i32.store offset={L.NODE_USED}",
             seq, seq, f"i32.load offset={L.SEQ_COUNT}", "i32.const 1", "i32.add",
             f"i32.store offset={L.SEQ_COUNT}", builder)  # fmt: skip
        f.orelse()
        f.op(builder, item, f.module.rt(function))
    f.release("i32", s, tail, used)
    f.release("i64", held, temp)
    return "val"


BUILDERS: Final[dict[str, Callable[[FunctionEmitter, Prim], str]]] = {
    "builder.push": _push,
    "conj.own": _own,
}
"""Answer "" where the plain call is as good, as those of `backend_wasm.generic`."""
