"""What the outcome of a test says about locals."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import ANY, NEVER, Lit, Type, literal, make, of_kinds, part
from rtfsc.sema.algebra.relations import meet
from rtfsc.sema.check.checker import Checker
from rtfsc.sema.scopes import LibraryName, Local

Facts: TypeAlias = dict[Local, Type]


class Outcome(NamedTuple):
    """Types of locals if the test is true, and if it is not."""

    then: Facts
    other: Facts


NOTHING: Final = Outcome({}, {})
FALSE: Final = part(T.BOOL, Lit(T.BOOL, False))
TRUE: Final = part(T.BOOL, Lit(T.BOOL, True))
_PREDICATES: Final = {
    "int?": T.INT, "float?": T.FLOAT, "number?": T.NUM, "string?": T.STR, "string-p": T.STR,
    "bool?": T.BOOL, "nil?": T.NIL, "map?": T.MAP, "vector?": T.VEC, "list?": T.LIST,
    "keyword?": T.KW, "symbol?": T.SYM, "fn?": T.FN,
}  # fmt: skip


def truthy(t: Type) -> Type:
    """The values that count as true."""
    if not t.mask & (T.NIL | T.BOOL):
        return t
    if t.kinds == T.BOOL:
        return TRUE
    parts = [p for p in t.parts if p != FALSE.parts[0]]
    if t.kinds & T.BOOL:
        parts.append(TRUE.parts[0])
    return make(t.kinds & ~(T.NIL | T.BOOL), parts)


def falsy(t: Type) -> Type:
    """nil and false, as far as they are in the type."""
    if not t.mask & (T.NIL | T.BOOL):
        return NEVER
    return meet(t, _FALSY)


_FALSY: Final = make(T.NIL, FALSE.parts)


def without(t: Type, mask: int) -> Type:
    """The values of other kinds."""
    if not t.mask & mask:
        return t
    return make(t.kinds & ~mask, [p for p in t.parts if not p.kind & mask])


def facts(c: Checker, test: A.Node) -> Outcome:
    kind = type(test)
    if kind is A.Name:
        local = _local(test)
        if local is None:
            return NOTHING
        t = c.types.get(local, ANY)
        return Outcome({local: truthy(t)}, {local: falsy(t)})
    if kind is A.Call:
        return _of_call(c, test)  # type: ignore[arg-type]
    if kind is A.Logic and test.args:  # type: ignore[attr-defined]
        return _of_logic(c, test)  # type: ignore[arg-type]
    return NOTHING


def _local(node: A.Node) -> Local | None:
    return node.binding if type(node) is A.Name and type(node.binding) is Local else None


def _of_call(c: Checker, test: A.Call) -> Outcome:
    callee = test.callee
    if type(callee) is not A.Name or type(callee.binding) is not LibraryName:
        return NOTHING
    name = callee.name
    if name == "not" and len(test.args) == 1:
        inner = facts(c, test.args[0])
        return Outcome(inner.other, inner.then)
    if name in _PREDICATES and len(test.args) == 1:
        local = _local(test.args[0])
        if local is not None:
            t, mask = c.types.get(local, ANY), _PREDICATES[name]
            return Outcome({local: meet(t, of_kinds(mask))}, {local: without(t, mask)})
    if name == "=" and len(test.args) == 2:
        return _of_equality(c, *test.args)
    return NOTHING


def _of_equality(c: Checker, a: A.Node, b: A.Node) -> Outcome:
    if type(a) is A.Const:
        a, b = b, a
    local = _local(a)
    if local is None or type(b) is not A.Const or not b.kind & (T.INT | T.STR | T.KW | T.BOOL | T.NIL):
        return NOTHING
    t = c.types.get(local, ANY)
    other = without(t, T.NIL) if b.kind == T.NIL else t
    return Outcome({local: meet(t, literal(b.kind, b.value))}, {local: other})


def _of_logic(c: Checker, test: A.Logic) -> Outcome:
    """Of ``and``: all hold if it is true; of ``or``: none holds if it is not."""
    known: Facts = {}
    for arg in test.args:
        outcome = facts(c, arg)
        for local, t in (outcome.then if test.conjunction else outcome.other).items():
            known[local] = meet(known[local], t) if local in known else t
    return Outcome(known, {}) if test.conjunction else Outcome({}, known)
