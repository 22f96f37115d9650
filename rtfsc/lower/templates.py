"""Collections of templates: parts that are elements, and parts that are all elements of a value."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Prim, Var
from rtfsc.lower.context import FunctionContext, prim
from rtfsc.lower.expr import list_of, lower, lower_all, map_of, vector_of


def lower_collection(node: A.Collect, fx: FunctionContext) -> Expr:
    if node.kind == T.MAP:
        return map_of(lower_all(node.parts, fx), fx.site(node.span))
    if not any(type(part) is A.Splice for part in node.parts):
        items = lower_all(node.parts, fx)
        return vector_of(items) if node.kind == T.VEC else list_of(items)
    joined = vector_of(_runs(node.parts, fx), "concat")
    return joined if node.kind == T.VEC else prim("seq.to-list", [joined])


def _runs(parts: list[A.Node], fx: FunctionContext) -> list[Expr]:
    """One vector for each run of elements and for each spliced part."""
    runs: list[Expr] = []
    elements: list[Expr] = []
    for part in parts:
        if type(part) is A.Splice:
            if elements:
                runs.append(vector_of(elements))
                elements = []
            runs.append(_spliced(part, fx))
        else:
            elements.append(lower(part, fx))
    return [*runs, vector_of(elements)] if elements else runs


def _spliced(node: A.Splice, fx: FunctionContext) -> Expr:
    """The elements of the value as a vector; nil has none."""
    var = Var("spliced", T.ANY)
    value = lower(node.value, fx)
    elements = prim("seq", [Local(var)], fx.site(node.span), "~@")
    return Let(var, value, If(Prim("is", [Local(var)], T.BOOL, 0, T.NIL), Const(T.VEC, ()), elements))
