"""What a declared type says of the values that conform to it, so that a check can narrow or go.

Before (``v`` is a vector of ints)::

    (check.type v (const-vec (kw "vector") (kw "int")) @1)

After::

    v
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.passes.known import ANY, HOLDERS, LEVELS, Known, deep, holding

Bound = tuple[Known, bool]
"""What is known of conforming values; True if every value of which that is known conforms."""

_ANYTHING: Final[Bound] = (ANY, False)
_KEYS: Final = T.KW | T.STR | T.INT
_HOLDERS: Final = {"vector": T.VEC, "list": T.LIST, "array": T.VEC, "map-of": T.MAP, "dict": T.MAP}
_NAMES: Final[dict[str, T.Type]] = {
    "int": T.INT, "float": T.NUM, "string": T.STR, "bool": T.BOOL, "nil": T.NIL, "keyword": T.KW,
    "symbol": T.SYM, "any": T.ANY, "fn": T.FN, "=>": T.FN, "resource": T.RESOURCE,
}  # fmt: skip


def bound(declared: Const, level: int = 1) -> Bound:
    """``level``: how deep the values stand. What lies deeper than known types reach proves nothing."""
    if declared.type & (T.KW | T.SYM):
        return _named(str(declared.value).lower())
    items: tuple[Const, ...] = declared.value if declared.type == T.VEC else ()
    head = items[0].value if items and items[0].type == T.KW else ""
    if head in _HOLDERS:
        return _holder(head, items, level)
    if head == "union":
        return _union([bound(x, level) for x in items[1:]])
    return _named(head) if head in ("fn", "=>", "resource") else _ANYTHING


def _named(name: str) -> Bound:
    t = _NAMES.get(name.removesuffix("?"))
    if t is None:
        return _ANYTHING
    return deep(t | T.NIL if name.endswith("?") else t), True


def _holder(head: str, items: tuple[Const, ...], level: int) -> Bound:
    kind = _HOLDERS[head]
    is_map = kind == T.MAP
    if len(items) < 2 + is_map or level == LEVELS:
        return deep(kind), False
    element, exact = bound(items[1 + is_map], level + 1)
    if is_map:
        key, any_key = bound(items[1], level + 1)
        exact = exact and any_key and key & _KEYS == _KEYS
    return holding(kind, element), exact and head != "array"


def _union(members: list[Bound]) -> Bound:
    """Two kinds of vectors together are more than either: a vector of both."""
    joined, holders = T.NEVER, 0
    for known, _ in members:
        joined |= known
        holders += bool(known & HOLDERS)
    return joined, holders <= 1 and all(exact for _, exact in members)
