"""Conditionals whose test is known, inverted, or a constant in disguise.

Before::

    (if (truthy (if a true false)) (if true 1 2) 3)

After::

    (if a 1 3)

Truth tests move into the arms of a conditional, and types decide ``truthy``, ``not`` and ``is``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Closure, Const, Expr, Global, If, Let, Local, Module, Prim, Seq, false, true
from rtfsc.ir.walk import nodes, rewrite
from rtfsc.passes.fold import fold
from rtfsc.primitives.ops import OPS


def run(module: Module) -> None:
    for f in module.functions.values():
        f.body = rewrite(f.body, simplify)


def simplify(e: Expr) -> Expr:
    if isinstance(e, If):
        return conditional(e.test, e.then, e.orelse)
    if isinstance(e, Prim) and e.op in _TESTS:
        return fold(e.op, e.imm, e.args) or _TESTS[e.op](e)
    if isinstance(e, Seq):
        return sequence(e.effects, e.result)
    return e


_WORTH_CHECKING: Final = 200


def droppable(e: Expr) -> bool:
    """Evaluating ``e`` has no effect and cannot raise. An ``as`` was proved by a test, so it may go too.
    Big trees count as if they had effects, which keeps the passes linear."""
    left = _WORTH_CHECKING
    for x in nodes(e):
        left -= 1
        kind = type(x)
        if kind is Prim:
            if OPS[x.op].raises:  # type: ignore[attr-defined]
                return False
        elif kind not in _PURE and not (kind is Global and not x.checked):  # type: ignore[attr-defined]
            return False
        if left == 0:
            return False
    return True


_PURE: Final = frozenset({Const, Local, Closure, If, Let, Seq})


def sequence(effects: list[Expr], result: Expr) -> Expr:
    """``result`` after those of ``effects`` that do something."""
    kept = [x for x in effects if not droppable(x)]
    if not kept:
        return result
    if isinstance(result, Seq):
        return Seq(kept + result.effects, result.result)
    return Seq(kept, result)


def conditional(test: Expr, then: Expr, orelse: Expr) -> Expr:
    if isinstance(test, Const):
        return then if test.value else orelse
    if isinstance(test, Seq):
        return sequence(test.effects, conditional(test.result, then, orelse))
    if isinstance(test, Prim) and test.op == "bool.not":
        return conditional(test.args[0], orelse, then)
    if isinstance(test, If) and _is(test.then, False) and _is(test.orelse, True):
        return conditional(test.test, orelse, then)
    if then.type == T.BOOL and orelse.type == T.BOOL:
        if _is(then, True) and _is(orelse, False):
            return test
        if _is(then, False) and _is(orelse, True):
            return Prim("bool.not", [test], T.BOOL)
    if isinstance(then, Const) and isinstance(orelse, Const) and then.type == orelse.type == T.BOOL:
        return sequence([test], then)
    return If(test, then, orelse)


def _is(e: Expr, value: bool) -> bool:
    return isinstance(e, Const) and e.value is value


def truthy(e: Prim) -> Expr:
    return truth(e.args[0], e.args[0].type) or e


def truth(x: Expr, t: T.Type) -> Expr | None:
    """The truth of ``x``, known to be of type ``t``, without the operation ``truthy``."""
    if x.type == T.BOOL:
        return x
    if t == T.NIL:
        return sequence([x], false())
    if t != T.NEVER and not t & (T.NIL | T.BOOL):
        return sequence([x], true())
    if isinstance(x, If) and (isinstance(x.then, Const) or isinstance(x.orelse, Const)):
        return conditional(x.test, _truth_of(x.then), _truth_of(x.orelse))
    if isinstance(x, Let):
        return Let(x.var, x.value, _truth_of(x.body))
    if isinstance(x, Seq):
        return Seq(x.effects, _truth_of(x.result))
    return None


def _truth_of(x: Expr) -> Expr:
    if x.type == T.NEVER:
        return x
    e = Prim("truthy", [x], T.BOOL)
    return fold("truthy", None, e.args) or truthy(e)


def negate(e: Prim) -> Expr:
    known = truth(e.args[0], e.args[0].type)
    return e if known is None else invert(known)


_OPPOSITES: Final = {"truthy": "not", "not": "truthy"}


def invert(x: Expr) -> Expr:
    """The negation of a boolean expression."""
    if isinstance(x, Const):
        return Const(T.BOOL, not x.value)
    if isinstance(x, Prim) and x.op == "bool.not":
        return x.args[0]
    if isinstance(x, Prim) and x.op in _OPPOSITES:
        return Prim(_OPPOSITES[x.op], x.args, T.BOOL)
    return Prim("bool.not", [x], T.BOOL)


def test_kind(e: Prim) -> Expr:
    return kind_test(e.args[0], e.args[0].type, e.imm) or e


def kind_test(x: Expr, t: T.Type, wanted: T.Type) -> Expr | None:
    """``is [wanted]`` of a value known to be of type ``t``, where that decides it."""
    if t != T.NEVER and T.subtype(t, wanted):
        return sequence([x], true())
    return sequence([x], false()) if not t & wanted else None


_TESTS: Final[dict[str, Callable[[Prim], Expr]]] = {
    "truthy": truthy,
    "not": negate,
    "bool.not": lambda e: invert(e.args[0]),
    "is": test_kind,
}
