"""Ranges that are only walked through are not built: their elements are counted.

Before::

    (let (s vec (range a b @1))
      (loop L ((i int) 0) …
        (if (int.lt i (seq.length s)) (… (as [int] (seq.nth s i)) …) …)))

After::

    (let (start int a) (size int (range.size start b @1))
      (loop L ((i int) 0) …
        (if (int.lt i size) (… (i64.add start i) …) …)))

``range.size`` raises what `range` raises.
"""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Let, Local, Module, Prim, Var, integer
from rtfsc.ir.walk import nodes, rewrite

_RANGES = frozenset({"range", "range1"})


def run(module: Module) -> None:
    for f in module.functions.values():
        if any(isinstance(e, Prim) and e.op in _RANGES for e in nodes(f.body)):
            f.body = rewrite(f.body, _simplify)


def _simplify(e: Expr) -> Expr:
    if not isinstance(e, Let) or not isinstance(e.value, Prim) or e.value.op not in _RANGES:
        return e
    return _counted(e.var, e.value, e.body) if _only_walked(e.var, e.body) else e


def plain(e: Expr) -> Expr:
    """``e`` without assertions of its kind."""
    while isinstance(e, Prim) and e.op == "as":
        e = e.args[0]
    return e


def reads(e: Expr, v: Var) -> bool:
    """``e`` is the length or an element of ``v``."""
    if not isinstance(e, Prim) or e.op not in ("seq.length", "seq.nth"):
        return False
    x = plain(e.args[0])
    return isinstance(x, Local) and x.var is v


def _only_walked(v: Var, body: Expr) -> bool:
    uses = walks = 0
    for e in nodes(body):
        uses += isinstance(e, Local) and e.var is v
        walks += reads(e, v)
    return uses == walks


def _counted(v: Var, made: Prim, body: Expr) -> Expr:
    first, last = [integer(0), *made.args][-2:]
    start, size = Var("start", first.type), Var("size", T.INT)
    from_zero = isinstance(first, Const) and first.value == 0

    def replace(e: Expr) -> Expr:
        if isinstance(e, Prim) and e.op == "as" and e.args[0].type == T.INT and e.type & T.INT:
            return e.args[0]
        if not reads(e, v):
            return e
        assert isinstance(e, Prim)
        if e.op == "seq.length":
            return Local(size)
        if from_zero:
            return e.args[1]
        return Prim("i64.add", [_as_int(Local(start)), e.args[1]], T.INT)

    body = rewrite(body, replace)
    if from_zero:
        return Let(size, Prim("range.size", [first, last], T.INT, made.site), body)
    counted = Let(size, Prim("range.size", [Local(start), last], T.INT, made.site), body)
    return Let(start, first, counted)


def _as_int(e: Expr) -> Expr:
    return e if e.type == T.INT else Prim("as", [e], T.INT, 0, T.INT)
