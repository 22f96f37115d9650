"""Constants of a module: immediates where a value fits one, else entries of one transit buffer.

The buffer travels as a data segment; `$init` has `rt` decode it (texts are used in place) and keeps
each entry in a module global.
"""

from __future__ import annotations

import struct

from backend_wasm import layout as L
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const

SMALL_MIN = -(1 << 62)
SMALL_MAX = (1 << 62) - 1

_TEXT = {
    T.STR: L.TRANSIT_STR, T.KW: L.TRANSIT_KW, T.SYM: L.TRANSIT_SYM, T.TIMESTAMP: L.TRANSIT_TIMESTAMP,
    T.UUID: L.TRANSIT_UUID, T.RESOURCE: L.TRANSIT_RESOURCE,
}  # fmt: skip


def immediate(e: Const) -> int | None:
    """The boxed value as a number, for those that need no memory."""
    kind, value = e.type, e.value
    if kind == T.INT:
        return value << 1 | 1 if SMALL_MIN <= value <= SMALL_MAX else None
    if kind == T.NIL:
        return L.SPECIAL_NIL
    if kind == T.BOOL:
        return L.SPECIAL_TRUE if value else L.SPECIAL_FALSE
    return None


def _word(tag: int, length: int = 0) -> bytes:
    return struct.pack("<Q", tag | length << 8)


def encode(e: Const) -> bytes:
    """The transit form of one constant."""
    out: list[bytes] = []
    todo = [e]
    while todo:
        e = todo.pop()
        kind, value = e.type, e.value
        if kind in _TEXT:
            raw = value.encode()
            out.append(_word(_TEXT[kind], len(raw)) + bytes(8) + raw + bytes(-len(raw) % 8))
        elif kind == T.INT:
            out.append(_word(L.TRANSIT_INT) + struct.pack("<q", value))
        elif kind == T.FLOAT:
            out.append(_word(L.TRANSIT_FLOAT) + struct.pack("<d", value))
        elif kind == T.VEC and value and all(item.type == T.INT for item in value):
            out.append(_word(L.TRANSIT_INTS, len(value)))
            out.append(struct.pack(f"<{len(value)}q", *(item.value for item in value)))
        elif kind in (T.VEC, T.LIST):
            out.append(_word(L.TRANSIT_VEC if kind == T.VEC else L.TRANSIT_LIST, len(value)))
            todo.extend(reversed(value))
        elif kind == T.MAP:
            out.append(_word(L.TRANSIT_MAP, len(value)))
            todo.extend(item for pair in reversed(value) for item in reversed(pair))
        elif kind == T.NIL:
            out.append(_word(L.TRANSIT_NIL))
        elif kind == T.BOOL:
            out.append(_word(L.TRANSIT_TRUE if value else L.TRANSIT_FALSE))
        else:
            raise ValueError(f"no constant of type {T.show(kind)}")
    return b"".join(out)


class Pool:
    """The constants that need memory, equal ones once, in order of first use."""

    def __init__(self) -> None:
        self._index: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._index)

    def add(self, e: Const) -> int:
        # Keyed by the encoded bytes: Python holds 1, 1.0 and True equal, and NaN unequal to itself.
        return self._index.setdefault(encode(e), len(self._index))

    def buffer(self) -> bytes:
        """One transit vector of all entries."""
        return _word(L.TRANSIT_VEC, len(self._index)) + b"".join(self._index)
