"""What the tests passed on the way say about integers: enough to drop most overflow tests of counters.

After ``(if (int.lt i n) A B)``, in A ``i`` is below the largest integer and ``(int.add i 1)`` cannot
overflow; in B of ``(int.lt n 2)``, ``n`` is at least 2 and ``(int.sub n 1)`` cannot.
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Local, Loop, Prim, Recur, Var
from rtfsc.ir.walk import nodes

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1
Range = tuple[int, int]
Ranges = dict[Var, Range]

_LENGTHS: Final = frozenset({"seq.length", "map.length"})
_SWAPPED: Final = {
    "int.lt": "int.gt", "int.gt": "int.lt", "int.le": "int.ge", "int.ge": "int.le", "int.eq": "int.eq",
}  # fmt: skip
_NEGATED: Final = {
    "int.lt": "int.ge", "int.ge": "int.lt", "int.gt": "int.le", "int.le": "int.gt", "int.ne": "int.eq",
}  # fmt: skip


def range_of(e: Expr, known: Ranges) -> Range:
    """The integers that ``e``, of type int, can be."""
    if isinstance(e, Const):
        return e.value, e.value
    if isinstance(e, Local):
        return known.get(e.var, (INT_MIN, INT_MAX))
    if isinstance(e, Prim) and e.op in _LENGTHS:
        return 0, (1 << 32) - 1
    return INT_MIN, INT_MAX


def fits(low: int, high: int) -> bool:
    return low >= INT_MIN and high <= INT_MAX


def after_test(test: Expr, holds: bool, known: Ranges) -> Ranges:
    """What is known where ``test`` came out as ``holds``."""
    while isinstance(test, Prim) and test.op == "bool.not":
        test, holds = test.args[0], not holds
    if not isinstance(test, Prim):
        return known
    op = test.op if holds else _NEGATED.get(test.op, "")
    if op not in _SWAPPED:
        return known
    left, right = test.args
    found = dict(known)
    _narrow(found, left, op, range_of(right, known))
    _narrow(found, right, _SWAPPED[op], range_of(left, known))
    return found


def in_loop(loop: Loop, known: Ranges) -> Ranges:
    """What holds of the loop's variables in every round: a counter that only grows stays at or above
    its start, one that only falls at or below. (Checked arithmetic does not wrap.)"""
    counters = [i for i, var in enumerate(loop.vars) if var.type == T.INT]
    if not counters:
        return known
    again = [e for e in nodes(loop.body) if isinstance(e, Recur) and e.label == loop.label]
    found = dict(known)
    for i in counters:
        steps = [_step(e.args[i], loop.vars[i], known) for e in again]
        low, high = range_of(loop.inits[i], known)
        found[loop.vars[i]] = (
            low if all(step[0] >= 0 for step in steps) else INT_MIN,
            high if all(step[1] <= 0 for step in steps) else INT_MAX,
        )
    return found


def _step(e: Expr, var: Var, known: Ranges) -> Range:
    """By how much ``e`` differs from ``var``."""
    if isinstance(e, Local) and e.var is var:
        return 0, 0
    if isinstance(e, Prim) and e.op in ("int.add", "int.sub"):
        left, right = e.args
        if isinstance(left, Local) and left.var is var:
            low, high = range_of(right, known)
            return (low, high) if e.op == "int.add" else (-high, -low)
        if e.op == "int.add" and isinstance(right, Local) and right.var is var:
            return range_of(left, known)
    return INT_MIN, INT_MAX


def _narrow(found: Ranges, e: Expr, op: str, other: Range) -> None:
    if not isinstance(e, Local) or e.type != T.INT:
        return
    low, high = found.get(e.var, (INT_MIN, INT_MAX))
    if op in ("int.lt", "int.le", "int.eq"):
        high = min(high, other[1] - (op == "int.lt"))
    if op in ("int.gt", "int.ge", "int.eq"):
        low = max(low, other[0] + (op == "int.gt"))
    found[e.var] = low, high
