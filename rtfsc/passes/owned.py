"""Accumulators that nobody else holds are changed in place.

Before::

    (loop L ((i int) 0) ((v vec) (const-vec)) ((m map) (const-map))
      (if (int.lt i n)
        (recur L (i64.add i 1) (conj v (map.length m) @1) (assoc m i n @2))
        (vector v m)))

After::

    (loop L ((i int) 0) ((v vec) (vector)) ((m map) (const-map))
      (if (int.lt i n)
        (recur L (i64.add i 1) (conj.own v (map.length m)) (assoc.own m i n @2))
        (vector v m)))

A loop variable qualifies that starts empty, is only looked into where the loop goes on, and is added to in
the recur alone, after all that looks into it in that round.  So each value that it had is gone when the next
one is made, and no one can tell.  A round that ends the loop may do anything with it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Loop, Module, Prim, Recur, Seq
from rtfsc.ir.walk import children, nodes, rewrite
from rtfsc.passes.counting import plain


class _Kind(NamedTuple):
    """``adds``: the operation that yields the next value; ``own``: the one that does it in place, of values
    of ``type``; ``raises``: that it may fail, for a key that is none."""

    type: T.Type
    adds: str
    own: str
    raises: bool


_KINDS: Final = {
    T.VEC: _Kind(T.VEC, "conj", "conj.own", False),
    T.MAP: _Kind(T.MAP, "assoc", "assoc.own", True),
}
_LOOKS: Final = frozenset({
    "seq.length", "seq.nth", "seq.at", "seq.get", "nth", "nth3", "get", "get-or", "kw-get", "kw-get-or",
    "map.get", "map.has", "map.length", "contains", "count", "length", "empty", "is", "truthy", "not",
    "first", "last",
})  # fmt: skip
"""Operations whose result is no part of a vector or map but an element of it."""


def run(module: Module) -> None:
    for f in module.functions.values():
        if any(isinstance(e, Prim) and e.op in ("conj", "assoc") for e in nodes(f.body)):
            f.body = rewrite(f.body, _simplify)


def _simplify(e: Expr) -> Expr:
    if isinstance(e, Loop):
        for at in range(len(e.vars)):
            kind = _empty(e.inits[at])
            if kind is not None and _qualifies(e, at, kind):
                _change(e, at, kind)
    return e


def _empty(init: Expr) -> _Kind | None:
    """Of what kind the accumulator is, if it starts empty."""
    if isinstance(init, Const) and init.type in _KINDS and not init.value:
        return _KINDS[init.type]
    return None


def _qualifies(loop: Loop, at: int, kind: _Kind) -> bool:
    use = _Use(loop, at, kind)
    return use.allowed(loop.body) and use.adds > 0


class _Use:
    """How one variable is used in the rounds of its loop that go on."""

    def __init__(self, loop: Loop, at: int, kind: _Kind) -> None:
        self.loop, self.at, self.kind = loop, at, kind
        self.var = loop.vars[at]
        self.adds = 0

    def goes_on(self, e: Expr) -> bool:
        return any(isinstance(x, Recur) and x.label == self.loop.label for x in nodes(e))

    def allowed(self, e: Expr) -> bool:
        if isinstance(e, Recur) and e.label == self.loop.label:
            later = e.args[self.at + 1 :]
            return (
                all(self.only_looked_into(x) for x in e.args[: self.at])
                and self.next(e.args[self.at])
                and not any(self.mentioned(x) for x in later)
            )
        if isinstance(e, If):
            return self.only_looked_into(e.test) and self.arm(e.then) and self.arm(e.orelse)
        if isinstance(e, Let):
            return self.only_looked_into(e.value) and self.arm(e.body)
        if isinstance(e, Seq):
            return all(self.only_looked_into(x) for x in e.effects) and self.arm(e.result)
        return not self.goes_on(e)

    def arm(self, e: Expr) -> bool:
        return self.allowed(e) if self.goes_on(e) else True

    def next(self, e: Expr) -> bool:
        """What the variable becomes: itself, or itself with something added."""
        if isinstance(e, Local) and e.var is self.var:
            return True
        if isinstance(e, If):
            return self.only_looked_into(e.test) and self.next(e.then) and self.next(e.orelse)
        if isinstance(e, Let):
            return self.only_looked_into(e.value) and self.next(e.body)
        if isinstance(e, Seq):
            return all(self.only_looked_into(x) for x in e.effects) and self.next(e.result)
        e = plain(e)
        if not isinstance(e, Prim) or e.op != self.kind.adds:
            return False
        self.adds += 1
        first = plain(e.args[0])
        if isinstance(first, Local) and first.var is self.var:
            return all(self.only_looked_into(x) for x in e.args[1:])
        return self.next(first) and not any(self.mentioned(x) for x in e.args[1:])

    def mentioned(self, e: Expr) -> bool:
        return any(isinstance(x, Local) and x.var is self.var for x in nodes(e))

    def only_looked_into(self, e: Expr) -> bool:
        """Whether nothing else is done with the variable in ``e``."""
        stack = [e]
        while stack:
            x = stack.pop()
            if isinstance(x, Local) and x.var is self.var:
                return False
            parts = children(x)
            if isinstance(x, Prim) and x.op in _LOOKS:
                parts = [p for p in parts if not self.is_variable(p)]
            stack.extend(parts)
        return True

    def is_variable(self, e: Expr) -> bool:
        e = plain(e)
        return isinstance(e, Local) and e.var is self.var


def _change(loop: Loop, at: int, kind: _Kind) -> None:
    if kind.type == T.VEC:
        loop.inits[at] = Prim("vector", [], T.VEC)
    for e in nodes(loop.body):
        if isinstance(e, Recur) and e.label == loop.label:
            e.args[at] = _added(e.args[at], kind)


def _added(e: Expr, kind: _Kind) -> Expr:
    if isinstance(e, If):
        return If(e.test, _added(e.then, kind), _added(e.orelse, kind))
    if isinstance(e, Let):
        return Let(e.var, e.value, _added(e.body, kind))
    if isinstance(e, Seq):
        return Seq(e.effects, _added(e.result, kind))
    inner = plain(e)
    if not isinstance(inner, Prim) or inner.op != kind.adds:
        return e
    first = _added(inner.args[0], kind)
    if first.type != kind.type:
        first = Prim("as", [plain(first)], kind.type, 0, kind.type)
    return Prim(kind.own, [first, *inner.args[1:]], kind.type, inner.site if kind.raises else 0)
