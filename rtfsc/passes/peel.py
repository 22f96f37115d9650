"""The way out of a recursive loop is tested in front of it too.

Before::

    (loop L (x.1 x y.1 y)
      (if (int.ge y.1 x.1) y.1
        (recur L (call f (int.sub x.1 1) …) …)))

After::

    (if (int.ge y x) y
      (loop L (x.1 x y.1 y)
        (if (int.ge y.1 x.1) y.1
          (recur L (call f (int.sub x.1 1) …) …))))

Most calls of a recursion are its last level.  It then neither enters the loop nor counts a frame: engines
count just before the first part in tail position that can grow the stack (`rtfsc.ir.weight.grows`).
Only tests and results of a few plain operations are written twice.  They are pure: where the test raises,
it raises the first time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtfsc.ir.nodes import Const, Expr, Global, If, Let, LetRec, Local, Loop, Module, Prim, Seq, Var
from rtfsc.ir.walk import Copier, nodes, size
from rtfsc.ir.weight import frame_weights, grows

MOST: Final = 8
"""Nodes of the test, and of the result, that are written twice."""


def run(module: Module) -> None:
    weights = frame_weights(module)
    for f in module.functions.values():
        if f.name in weights:
            f.body = _peel(f.body, weights)


def _peel(e: Expr, weights: Mapping[str, int]) -> Expr:
    """``e`` in tail position, with the loops there peeled."""
    if isinstance(e, Let | LetRec):
        e.body = _peel(e.body, weights)
    elif isinstance(e, Seq):
        e.result = _peel(e.result, weights)
    elif isinstance(e, If):
        e.then, e.orelse = _peel(e.then, weights), _peel(e.orelse, weights)
    elif isinstance(e, Loop):
        return _in_front(e, weights)
    return e


def _in_front(loop: Loop, weights: Mapping[str, int]) -> Expr:
    way = loop.body
    starts = _starts(loop)
    if starts is None or not isinstance(way, If) or not _plain(way.test):
        return loop
    copier = Copier(atoms=starts)
    if _plain(way.then) and grows(way.orelse, weights):
        return If(copier.copy(way.test), copier.copy(way.then), loop, loop.type)
    if _plain(way.orelse) and grows(way.then, weights):
        return If(copier.copy(way.test), loop, copier.copy(way.orelse), loop.type)
    return loop


def _starts(loop: Loop) -> dict[Var, Expr] | None:
    """What the variables begin with, where that can stand for them."""
    found: dict[Var, Expr] = {}
    for var, init in zip(loop.vars, loop.inits, strict=True):
        if not isinstance(init, Local | Const) or init.type != var.type:
            return None
        found[var] = init
    return found


def _plain(e: Expr) -> bool:
    return size(e, MOST + 1) <= MOST and all(isinstance(x, Local | Const | Global | Prim) for x in nodes(e))
