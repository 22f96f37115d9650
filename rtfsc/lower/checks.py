"""Checks of declared types at run time (C45)."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Local, Loop, Prim, Recur, Seq, Var, integer
from rtfsc.lower.context import FunctionContext, narrow, prim
from rtfsc.sema.types import TypeExpr
from rtfsc.source import Span


def checked(value: Expr, declared: TypeExpr, fx: FunctionContext, span: Span) -> Expr:
    """``value``, checked to be of the declared type; as it is where that is certain."""
    if value.type == T.NEVER or (declared.exact and value.type & T.ANY & ~declared.mask == 0):
        return value
    if declared.exact:
        return Prim("check", [value], declared.mask, fx.site(span), declared.mask)
    tested = prim("check.type", [value, declared.data], fx.site(span))
    return narrow(tested, declared.mask) if declared.mask else tested


def result_checked(value: Expr, fx: FunctionContext, span: Span) -> Expr:
    if fx.result is None:
        return value
    return checked(value, fx.result, fx, span)


def rest_checked(rest: Var, declared: TypeExpr, fx: FunctionContext, span: Span, body: Expr) -> Expr:
    """Checks each element of the rest list before ``body``."""
    index = Var("i", T.INT)
    label = fx.label()
    element = prim("seq.nth", [Local(rest), Local(index)])
    step = Seq(
        [checked(element, declared, fx, span)], Recur(label, [prim("int.add", [Local(index), integer(1)])])
    )
    test = prim("int.lt", [Local(index), prim("seq.length", [Local(rest)])])
    loop = Loop(label, [index], [integer(0)], If(test, step, Const(T.NIL, None)))
    return Seq([loop], body)
