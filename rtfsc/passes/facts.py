"""What a test that came out true (or false) says about the variables it looked at."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Local, Prim, Var

Facts = list[tuple[Var, T.Type]]
"""Each variable's value is of that type."""

_FALSY = T.NIL | T.BOOL


def facts(test: Expr, outcome: bool) -> Facts:
    """``and`` and ``or`` are conditionals with a constant arm: both sides hold, or both do not."""
    if isinstance(test, Prim):
        return _of_operation(test, outcome)
    if isinstance(test, If):
        if outcome and _is(test.orelse, False):
            return facts(test.test, True) + facts(test.then, True)
        if not outcome and _is(test.then, True):
            return facts(test.test, False) + facts(test.orelse, False)
    return []


def divisors(test: Expr, outcome: bool) -> list[tuple[Var, int | Var]]:
    """Integers that the test proves to be multiples of a constant or of another variable."""
    if isinstance(test, If) and outcome and _is(test.orelse, False):
        return divisors(test.test, True) + divisors(test.then, True)
    if not isinstance(test, Prim):
        return []
    if test.op == "bool.not":
        return divisors(test.args[0], not outcome)
    x = test.args[0] if test.args else None
    if test.op == "int.odd" and not outcome and isinstance(x, Local):
        return [(x.var, 2)]
    if test.op != "int.eq" or not outcome or not isinstance(x, Prim) or x.op != "int.mod":
        return []
    n, d = x.args
    zero = isinstance(test.args[1], Const) and test.args[1].value == 0
    if not zero or not isinstance(n, Local) or not isinstance(d, Local | Const):
        return []
    return [(n.var, d.var if isinstance(d, Local) else d.value)]


def whole(n: Expr, d: Expr) -> Local | None:
    """The variable ``x`` if ``n`` is ``x - x mod d``, a multiple of ``d`` with the same quotient as ``x``."""
    if not isinstance(n, Prim) or n.op != "int.sub":
        return None
    x, rest = n.args
    if not isinstance(x, Local) or not isinstance(rest, Prim) or rest.op != "int.mod":
        return None
    return x if _same(rest.args[0], x) and _same(rest.args[1], d) else None


def _same(a: Expr, b: Expr) -> bool:
    """The same variable or the same number."""
    if isinstance(a, Local) and isinstance(b, Local):
        return a.var is b.var
    return isinstance(a, Const) and isinstance(b, Const) and a.type == b.type and bool(a.value == b.value)


def _of_operation(test: Prim, outcome: bool) -> Facts:
    if test.op == "bool.not":
        return facts(test.args[0], not outcome)
    if test.op == "eq":
        return _of_equality(test.args[0], test.args[1], outcome)
    x = test.args[0] if test.args else None
    if not isinstance(x, Local):
        return []
    if test.op == "is":
        return [(x.var, test.imm if outcome else T.ANY & ~test.imm)]
    if test.op in ("truthy", "not"):
        true = outcome == (test.op == "truthy")
        return [(x.var, T.ANY & ~T.NIL if true else _FALSY)]
    return []


def _of_equality(a: Expr, b: Expr, outcome: bool) -> Facts:
    """Equal values are of one kind."""
    if not outcome:
        return []
    found: Facts = []
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Local) and isinstance(y, Const):
            found.append((x.var, y.type))
    return found


def _is(e: Expr, value: bool) -> bool:
    return isinstance(e, Const) and e.value is value
