"""Results of library functions that follow from the arguments in a way of their own (``@rule``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import (
    ANY,
    FLOAT,
    INT,
    NEVER,
    NIL,
    NUMBER,
    Field,
    Lit,
    Record,
    Type,
    items,
    of_kinds,
    record,
)
from rtfsc.sema.algebra.relations import join, meet
from rtfsc.sema.check.checker import Checker
from rtfsc.sema.check.parts import element, entry, item

Rule = Callable[[Checker, Sequence[A.Node], list[Type]], Type]


def total(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    """Integers give an integer, a float a float."""
    mask = 0
    for t in types:
        if t.mask & T.NUM == T.FLOAT:
            return FLOAT
        mask |= t.mask & T.NUM
    return INT if mask == T.INT else NUMBER


def first(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    return types[0]


def same(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    """Of the kind of the last argument, with its elements."""
    t = meet(types[-1], _SEQUENCE)
    result = of_kinds(t.mask & T.STR)
    for kind in (T.VEC, T.LIST):
        if t.mask & kind:
            inner = element(meet(t, of_kinds(kind)))
            result = join(result, items(inner, None, kind))
    return result


def vector(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    from rtfsc.sema.check.forms import tuple_of

    return tuple_of(types)


def get(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    """By a literal key or index as precisely as can be, else nothing is known."""
    default = types[2] if len(types) > 2 else NIL
    t, key = types[0], args[1] if len(args) > 1 else None
    if type(key) is not A.Const or t.mask & ~(T.MAP | T.VEC):
        return ANY
    if t.mask == T.MAP and key.kind & (T.KW | T.STR | T.INT):
        return entry(t, Lit(key.kind, key.value), absent=default, exact=c.strict)
    if t.mask == T.VEC and key.kind == T.INT:
        return join(item(t, key.value) if key.value >= 0 else NEVER, default)
    return ANY


def assoc(c: Checker, args: Sequence[A.Node], types: list[Type]) -> Type:
    """A record with a literal key set keeps what is known of the others."""
    t = types[0]
    if t.mask == T.VEC:
        return of_kinds(T.VEC)
    if t.mask != T.MAP:
        return ANY
    fields = t.parts[0].atoms[0] if not t.kinds and len(t.parts) == 1 else None
    keys = args[1::2]
    if type(fields) is not Record or not all(type(key) is A.Const for key in keys) or not keys:
        return of_kinds(T.MAP)
    known = {field.key: field for field in fields.fields}
    for key, value in zip(keys, types[2::2], strict=False):
        assert type(key) is A.Const
        if not key.kind & (T.KW | T.STR | T.INT):
            return of_kinds(T.MAP)
        lit = Lit(key.kind, key.value)
        known[lit] = Field(
            lit, value if value.depth < 3 and value.mask else of_kinds(value.mask or T.ANY), True
        )
    if len(known) > 16:
        return of_kinds(T.MAP)
    return record(known.values(), fields.closed)


_SEQUENCE: Final = of_kinds(T.VEC | T.LIST | T.STR)
RULES: Final[dict[str, Rule]] = {
    "@sum": total,
    "@first": first,
    "@same": same,
    "@vector": vector,
    "@get": get,
    "@assoc": assoc,
}
