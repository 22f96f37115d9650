"""Operands in order: what a collection may happen in is evaluated before other operands are at hand.

The operand stack of Wasm cannot be seen by the collector, so ``(f (g x) (h y))``, where `h` may collect,
becomes ``(let [a (g x)] (let [b (h y)] (f a b)))``: then all that is held over `h` is held by variables. The
evaluator runs the same form, so both hold the same values.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    Global,
    Let,
    LetRec,
    Local,
    Prim,
    Recur,
    Seq,
    Var,
)  # fmt: skip
from rtfsc.ir.walk import children, map_children

IsPoint = Callable[[Expr], bool]
_OPERANDS = (Call, CallValue, Apply, Closure, Prim, Recur)


def normalise(function: Function, is_point: IsPoint) -> Function:
    """The same function in that form; the tree that was given stays as it is."""
    body, collects = _Normaliser(is_point).expr(function.body)
    return replace(function, body=body) if collects else function


class _Normaliser:
    def __init__(self, is_point: IsPoint) -> None:
        self.is_point = is_point

    def expr(self, e: Expr) -> tuple[Expr, bool]:
        """The expression in normal form, and whether a collection may happen in it."""
        if isinstance(e, Const | Local | Global):
            return e, False
        if isinstance(e, Let | Seq):
            return self.chain(e)
        if isinstance(e, LetRec):
            body, collects = self.expr(e.body)
            return (LetRec(e.bindings, body) if collects else e), collects
        found = [self.expr(child) for child in children(e)]
        parts, flags = [new for new, _ in found], [collects for _, collects in found]
        own = self.is_point(e)
        if not own and not any(flags):
            return e, False
        new, rest = copy.copy(e), iter(parts)
        map_children(new, lambda _: next(rest))
        new.type = e.type
        if isinstance(new, _OPERANDS) and any(flags):
            last = len(flags) - 1 - flags[::-1].index(True)
            if any(not isinstance(p, Const) for p in parts[:last]):
                return _bind(new, parts[: last + 1]), True
        return new, True

    def chain(self, e: Expr) -> tuple[Expr, bool]:
        """A chain of bindings and effects, however long, without recursion."""
        links: list[tuple[Let | Seq, list[Expr], bool]] = []
        while isinstance(e, Let | Seq):
            old = [e.value] if isinstance(e, Let) else e.effects
            found = [self.expr(part) for part in old]
            links.append((e, [new for new, _ in found], any(collects for _, collects in found)))
            e = e.body if isinstance(e, Let) else e.result
        new, collects = self.expr(e)
        for link, parts, inside in reversed(links):
            collects = collects or inside
            if not collects:
                new = link
            elif isinstance(link, Let):
                new = Let(link.var, parts[0], new)
            else:
                new = Seq(parts, new)
            new.type = link.type
        return new, collects


def _bind(e: Expr, parts: list[Expr]) -> Expr:
    """``e`` with its first operands bound to variables before, but those that a later look gives as well."""
    names: dict[int, Var] = {
        id(p): Var("held", p.type or T.ANY)
        for p in parts
        if not isinstance(p, Const | Local) and not _plain(p)
    }
    map_children(e, lambda p: Local(names[id(p)]) if id(p) in names else p)
    for p in reversed(parts):
        if id(p) in names:
            kind = e.type
            e = Let(names[id(p)], p, e)
            e.type = kind
    return e


def _plain(e: Expr) -> bool:
    return isinstance(e, Global) and not e.checked
