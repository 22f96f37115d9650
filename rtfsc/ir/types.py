"""Value kinds as bits, types as sets of kinds.

A type is an ``int`` whose bits name the kinds a value may have.  Join is ``|``, meet is ``&`` and
``a`` is a subtype of ``b`` when ``a & ~b == 0``, so the lattice laws hold by construction and
inference costs machine instructions.  ``NEVER`` is the type of an expression that does not return.

The representation of a value follows from its type alone (`rep`): exactly ``INT`` is an unboxed i64,
exactly ``FLOAT`` an f64, exactly ``BOOL`` an i32, everything else a boxed 64-bit value.  A consumer
that expects a wider type boxes; nothing but a checked operation narrows.
"""

from __future__ import annotations

from typing import Final, Literal

Type = int

NIL: Final = 1 << 0
BOOL: Final = 1 << 1
INT: Final = 1 << 2
FLOAT: Final = 1 << 3
STR: Final = 1 << 4
KW: Final = 1 << 5
SYM: Final = 1 << 6
VEC: Final = 1 << 7
LIST: Final = 1 << 8
MAP: Final = 1 << 9
FN: Final = 1 << 10
ERR: Final = 1 << 11
TIMESTAMP: Final = 1 << 12
UUID: Final = 1 << 13
RESOURCE: Final = 1 << 14
BUILDER: Final = 1 << 15
"""A vector under construction: lives in library code alone and is never part of ``ANY``."""

NEVER: Final = 0
NUM: Final = INT | FLOAT
SEQ: Final = VEC | LIST
ANY: Final = (1 << 15) - 1

NAMES: Final[dict[Type, str]] = {
    NIL: "nil", BOOL: "bool", INT: "int", FLOAT: "float", STR: "str", KW: "kw", SYM: "sym",
    VEC: "vec", LIST: "list", MAP: "map", FN: "fn", ERR: "err", TIMESTAMP: "timestamp",
    UUID: "uuid", RESOURCE: "resource", BUILDER: "builder",
}  # fmt: skip
SHORTHANDS: Final[dict[Type, str]] = {NEVER: "never", NUM: "num", SEQ: "seq", ANY: "any"}
_BY_NAME: Final[dict[str, Type]] = {n: t for t, n in {**NAMES, **SHORTHANDS}.items()}

Rep = Literal["i64", "f64", "i32", "val"]


def rep(t: Type) -> Rep:
    """How a value of type ``t`` travels: ``i64``/``f64``/``i32`` unboxed, ``val`` boxed (also an i64)."""
    if t == INT:
        return "i64"
    if t == FLOAT:
        return "f64"
    if t == BOOL:
        return "i32"
    return "val"


def subtype(a: Type, b: Type) -> bool:
    return a & ~b == 0


def show(t: Type) -> str:
    """Text form: a name, a shorthand, or names joined by ``|`` in bit order."""
    if t in _SHOWN:
        return _SHOWN[t]
    return "|".join(name for bit, name in NAMES.items() if t & bit)


_SHOWN: Final[dict[Type, str]] = {**NAMES, **SHORTHANDS}


def parse(text: str) -> Type:
    """Inverse of `show`; raises ``KeyError`` for an unknown name."""
    t = NEVER
    for name in text.split("|"):
        t |= _BY_NAME[name]
    return t
