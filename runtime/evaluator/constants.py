"""Literals as transit buffers, from which an instance builds its constants."""

from __future__ import annotations

import struct

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from runtime.values import layout

_TEXTS = {
    T.STR: layout.TRANSIT_STR, T.KW: layout.TRANSIT_KW, T.SYM: layout.TRANSIT_SYM,
    T.TIMESTAMP: layout.TRANSIT_TIMESTAMP, T.UUID: layout.TRANSIT_UUID, T.RESOURCE: layout.TRANSIT_RESOURCE,
}  # fmt: skip
_PARTS = {T.VEC: layout.TRANSIT_VEC, T.LIST: layout.TRANSIT_LIST}


def text(tag: int, value: str) -> bytes:
    data = value.encode()
    return struct.pack("<QQ", tag | len(data) << 8, 0) + data + bytes(-len(data) % 8)


def transit(const: Const) -> bytes:
    """The buffer of one literal; nesting costs no stack."""
    out: list[bytes] = []
    todo = [const]
    while todo:
        c = todo.pop()
        if c.type in _TEXTS:
            out.append(text(_TEXTS[c.type], c.value))
        elif c.type in _PARTS:
            out.append(_head(_PARTS[c.type], len(c.value)))
            todo.extend(reversed(c.value))
        elif c.type == T.MAP:
            out.append(_head(layout.TRANSIT_MAP, len(c.value)))
            todo.extend(part for pair in reversed(c.value) for part in reversed(pair))
        else:
            out.append(_scalar(c))
    return b"".join(out)


def _head(tag: int, length: int) -> bytes:
    return struct.pack("<Q", tag | length << 8)


def _scalar(c: Const) -> bytes:
    if c.type == T.INT:
        return struct.pack("<Qq", layout.TRANSIT_INT, c.value)
    if c.type == T.FLOAT:
        return struct.pack("<Qd", layout.TRANSIT_FLOAT, c.value)
    if c.type == T.BOOL:
        return _head(layout.TRANSIT_TRUE if c.value else layout.TRANSIT_FALSE, 0)
    if c.type == T.NIL:
        return _head(layout.TRANSIT_NIL, 0)
    raise ValueError(f"no constant of type {T.show(c.type)}")
