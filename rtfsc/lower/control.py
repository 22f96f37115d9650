"""case."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir.nodes import Expr, If, Let, Local, Var
from rtfsc.lower.context import FunctionContext, Tail, prim
from rtfsc.lower.expr import constant, lower


def lower_case(node: A.Case, fx: FunctionContext, tail: Tail) -> Expr:
    site = fx.site(node.span)
    value = lower(node.subject, fx)
    subject = Var("subject", value.type)
    results = [(constant(key), lower(result, fx, tail)) for key, result in node.clauses]
    rest: Expr
    if node.default is not None:
        rest = lower(node.default, fx, tail)
    else:
        rest = prim("raise.match", [Local(subject)], site)
    for key, result in reversed(results):
        rest = If(prim("eq", [Local(subject), key]), result, rest)
    return Let(subject, value, rest)
