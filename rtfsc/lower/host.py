"""Operations of the host."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr
from rtfsc.lower.context import FunctionContext, prim
from rtfsc.lower.expr import constant, lower, lower_all


def lower_host_call(node: A.HostCall, fx: FunctionContext) -> Expr:
    return prim("host", lower_all(node.args, fx), fx.site(node.span), imm=node.operation)


def lower_context_ref(node: A.ContextRef, fx: FunctionContext) -> Expr:
    if node.found is not None:
        return lower(node.found, fx)
    args = [Const(T.STR, node.name), constant(node.absent)]
    return prim("host", args, fx.site(node.span), imm="context/lookup")
