"""Small vectors and maps that are only taken apart are not built: their parts are variables.

Before::

    (loop L (i 0) (p (vector 0 1))
      (if (lt i n @1)
        (let (q (destructure.vec p 2 false @2))
          (recur L (num.inc i @3) (vector (seq.nth q 1) (num.add (seq.nth q 0) (seq.nth q 1) @4))))
        p))

After::

    (loop L (i 0) (p.0 0) (p.1 1)
      (if (lt i n @1)
        (recur L (num.inc i @3) p.1 (num.add p.0 p.1 @4))
        (vector p.0 p.1)))

A variable of a `let` qualifies if all that is done with it is to read a part, its length or its kind; one
of a loop if besides that every round makes it anew with as many parts, or leaves it.  Where a round ends
the loop, the whole may be wanted: it is made there.
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir.nodes import Const, Expr, Let, Local, Loop, Module, Recur, Var
from rtfsc.ir.walk import Copier, nodes, rewrite, size
from rtfsc.passes.parts import Parts, Shape, shape_of
from rtfsc.passes.pipes import NotFusible, along, is_step

_FAR: Final = 1000
"""Nodes of a body in which uses are looked for, which keeps the pass linear."""


def run(module: Module) -> None:
    for f in module.functions.values():
        constants = _constants(f.body)
        f.body = rewrite(f.body, lambda e, known=constants: _simplify(e, known))  # type: ignore[misc]


def _constants(body: Expr) -> dict[Var, Const]:
    """Variables that stand for constants."""
    found: dict[Var, Const] = {}
    for e in nodes(body):
        if isinstance(e, Let):
            value = found.get(e.value.var) if isinstance(e.value, Local) else e.value
            if isinstance(value, Const):
                found[e.var] = value
    return found


def _simplify(e: Expr, constants: dict[Var, Const]) -> Expr:
    if isinstance(e, Let):
        shape = shape_of(e.value)
        return e if shape is None else _let(e, shape)
    if isinstance(e, Loop):
        for v, init in list(zip(e.vars, e.inits, strict=True)):
            made = constants.get(init.var, init) if isinstance(init, Local) else init
            shape = shape_of(made)
            if shape is not None:
                _loop(e, v, made, shape)
    return e


def _let(e: Let, shape: Shape) -> Expr:
    parts = Parts(e.var, shape)
    if size(e.body, _FAR) == _FAR or not parts.readable([e.body]):
        return e
    body = parts.replaced(e.body)
    for v, x in reversed(parts.bindings(e.value)):
        body = Let(v, x, body)
    return body


def _loop(loop: Loop, v: Var, made: Expr, shape: Shape) -> None:
    parts = Parts(v, shape)
    at = loop.vars.index(v)
    try:
        body = _rounds(loop, at, parts, shape)
    except NotFusible:
        return
    loop.vars[at : at + 1] = parts.variables
    loop.inits[at : at + 1] = shape.values(made)
    loop.body = body
    loop.type = body.type


def _rounds(loop: Loop, at: int, parts: Parts, shape: Shape) -> Expr:
    """The body with the parts in place of the whole; nothing is changed before all is known to fit."""
    body = Copier().copy(loop.body)

    def recur(e: Recur) -> Expr:
        before, after = e.args[:at], e.args[at + 1 :]
        values = made(e.args[at])
        if values is not None:
            return Recur(e.label, [*before, *values, *after])
        if not all(is_step(x) for x in before):
            raise NotFusible

        def end(x: Expr) -> Expr:
            values = made(x)
            if values is None:
                return along(x, end)
            return Recur(e.label, [*(Copier().copy(b) for b in before), *values, *after])

        return end(e.args[at])

    def made(x: Expr) -> list[Expr] | None:
        """The parts of the next value."""
        if shape_of(x) == shape:
            return shape.values(x)
        return [Local(v) for v in parts.variables] if parts.is_whole(x) else None

    def rounds(e: Expr) -> Expr:
        if isinstance(e, Recur) and e.label == loop.label:
            return recur(e)
        if not _goes_on(e, loop.label):
            return parts.made_where_wanted(e)
        return along(e, rounds)

    parts.find_aliases(body)
    body = rounds(body)
    if not parts.readable([body]):
        raise NotFusible
    return parts.replaced(body)


def _goes_on(e: Expr, label: str) -> bool:
    return any(isinstance(x, Recur) and x.label == label for x in nodes(e))
