"""Types of annotations (`rtfsc.sema.types.TypeExpr`) as types of the algebra."""

from __future__ import annotations

from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.sema.algebra import predicates
from rtfsc.sema.algebra.atoms import part_meet
from rtfsc.sema.algebra.model import (
    ANY,
    NEVER,
    Field,
    Lit,
    Part,
    Predicate,
    Resource,
    Type,
    function,
    items,
    literal,
    make,
    map_of,
    of_kinds,
    part,
    record,
    sequence,
)
from rtfsc.sema.algebra.relations import join, meet

NAMED: Final = {
    "int": T.INT, "float": T.NUM, "string": T.STR, "bool": T.BOOL, "nil": T.NIL, "keyword": T.KW,
    "symbol": T.SYM, "any": T.ANY, "never": T.NEVER,
}  # fmt: skip


def from_data(data: Const, *, functions: bool = True) -> Type:
    """The type whose canonical data this is. An unknown name, which is reported where it stands, is any.
    ``functions`` False: of functions nothing but that they are functions, which is all that is tested."""
    return _Converter(functions).convert(data)


class _Converter:
    def __init__(self, functions: bool) -> None:
        self.functions = functions

    def convert(self, data: Const) -> Type:
        if data.type == T.KW:
            mask = NAMED.get(data.value)
            return ANY if mask is None else of_kinds(mask)
        head, *args = data.value
        return _CONSTRUCTORS[head.value](self, args)

    def _vector(self, args: list[Const]) -> Type:
        return items(self.convert(args[0]))

    def _array(self, args: list[Const]) -> Type:
        shape = args[1].value
        count = shape[0].value if shape and shape[0].type == T.INT else None
        if count is not None and count < 0:
            return NEVER
        return items(self.convert(args[0]), count)

    def _tuple(self, args: list[Const]) -> Type:
        return sequence(tuple(self.convert(arg) for arg in args))

    def _map(self, args: list[Const]) -> Type:
        fields: dict[Lit, Field] = {}
        for arg in args:
            key, declared, *mark = arg.value
            lit = Lit(key.type, key.value)
            field = Field(lit, self.convert(declared), not mark)
            if lit in fields:
                field = Field(lit, meet(fields[lit].type, field.type), fields[lit].required or field.required)
            fields[lit] = field
        return record(fields.values())

    def _map_of(self, args: list[Const]) -> Type:
        return map_of(self.convert(args[0]), self.convert(args[1]))

    def _fn(self, args: list[Const]) -> Type:
        if not self.functions:
            return of_kinds(T.FN)
        params: list[Type] = []
        rest: Type | None = None
        given = list(args[0].value)
        for at, param in enumerate(given):
            if param.type == T.SYM:
                rest = self.convert(given[at + 1]) if at + 1 < len(given) else ANY
                break
            params.append(self.convert(param))
        return function(params, rest, self.convert(args[1]))

    def _enum(self, args: list[Const]) -> Type:
        # NaN equals nothing
        given = [arg for arg in args if not (arg.type == T.FLOAT and arg.value != arg.value)]
        return _any_of([literal(arg.type, arg.value) for arg in given])

    def _union(self, args: list[Const]) -> Type:
        return _any_of([self.convert(arg) for arg in args])

    def _and(self, args: list[Const]) -> Type:
        t = ANY
        for arg in args:
            head = arg.value[0].value if arg.type == T.VEC else None
            if head is None or head in _CONSTRUCTORS:
                t = meet(t, self.convert(arg))
            else:
                t = refined(t, head, [_plain(head, x) for x in arg.value[1:]])
        return t

    def _resource(self, args: list[Const]) -> Type:
        return part(T.RESOURCE, Resource(args[0].value))


_CONSTRUCTORS: Final = {
    "vector": _Converter._vector,
    "array": _Converter._array,
    "tuple": _Converter._tuple,
    "map": _Converter._map,
    "map-of": _Converter._map_of,
    "fn": _Converter._fn,
    "enum": _Converter._enum,
    "union": _Converter._union,
    "and": _Converter._and,
    "resource": _Converter._resource,
}


def _any_of(types: list[Type]) -> Type:
    kinds = 0
    for t in types:
        kinds |= t.kinds
    return make(kinds, [part for t in types for part in t.parts])


def _plain(name: str, arg: Const) -> Any:
    if arg.type == T.VEC:
        return [Lit(item.type, item.value) for item in arg.value]
    return Lit(arg.type, arg.value) if name in ("=", "!=", "has-key") else arg.value


def refined(t: Type, name: str, args: list[Any]) -> Type:
    """The values of ``t`` that satisfy ``[:name args…]``."""
    if name == "=":
        return meet(t, _equal_to(args[0]))
    for predicate in predicates.normal(name, args):
        t = _restricted(t, predicate)
    return t


def _equal_to(lit: Lit) -> Type:
    """Numbers are compared numerically."""
    t = literal(*lit)
    if lit.kind == T.INT and int(float(lit.value)) == lit.value:
        return join(t, literal(T.FLOAT, float(lit.value)))
    if lit.kind == T.FLOAT and lit.value == lit.value and abs(lit.value) < 2**63 and lit.value.is_integer():
        return join(t, literal(T.INT, int(lit.value)))
    return t


def _restricted(t: Type, predicate: Predicate) -> Type:
    applies = predicates.APPLIES[predicate.name]
    if predicate.name == "!=":
        return _without(t, predicate)
    atom = (predicate,)
    parts = [Part(bit, atom) for bit in _bits(t.kinds & applies)]
    for old in t.parts:
        both = part_meet(old, Part(old.kind, atom)) if old.kind & applies else None
        if both is not None:
            parts.append(both)
    return make(0, parts)


def _without(t: Type, predicate: Predicate) -> Type:
    affected = _equal_to(predicate.argument).mask
    if affected & T.NIL:
        return make(t.kinds & ~T.NIL, t.parts)
    parts = [Part(bit, (predicate,)) for bit in _bits(t.kinds & affected)]
    for old in t.parts:
        both = part_meet(old, Part(old.kind, (predicate,))) if old.kind & affected else old
        if both is not None:
            parts.append(both)
    return make(t.kinds & ~affected, parts)


def _bits(mask: int) -> list[int]:
    return [1 << i for i in range(mask.bit_length()) if mask >> i & 1]
