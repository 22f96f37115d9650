"""Checks of declared types (C45), and warnings about definite conflicts (C48)."""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Label
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Local, Loop, Prim, Recur, Seq, Var, integer
from rtfsc.lower.context import FunctionContext, narrow, prim
from rtfsc.sema.types import TypeExpr
from rtfsc.source import Span


def checked(value: Expr, declared: TypeExpr, fx: FunctionContext, span: Span, *, what: str = "") -> Expr:
    """``value``, checked to be of the declared type; as it is where that is certain. ``what`` names the place
    in the warning about a value that cannot conform."""
    if value.type == T.NEVER or (declared.exact and value.type & T.ANY & ~declared.mask == 0):
        return value
    if what and value.type & declared.mask == 0 and declared.mask:
        conflict(fx, span, what, declared.text, value.type)
    if declared.exact:
        return Prim("check", [value], declared.mask, fx.site(span), declared.mask)
    tested = prim("check.type", [value, declared.data], fx.site(span))
    return narrow(tested, declared.mask) if declared.mask else tested


def result_checked(value: Expr, fx: FunctionContext, span: Span) -> Expr:
    if fx.result is None:
        return value
    return checked(value, fx.result, fx, span, what="the result")


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


def conflict(
    fx: FunctionContext, span: Span, what: str, expected: str, actual: T.Type, labels: Sequence[Label] = ()
) -> None:
    message = f"Type conflict: {what} must be {expected}, but this is {kinds(actual)}"
    fx.m.sink.warning("N003", message, span, labels=labels)


def kinds(mask: T.Type) -> str:
    """The kinds of a mask for people: ``string or nil``."""
    names = [_WORDS.get(name, name) for bit, name in T.NAMES.items() if mask & bit]
    return " or ".join(names)


_WORDS = {
    "str": "string",
    "kw": "keyword",
    "sym": "symbol",
    "vec": "vector",
    "fn": "function",
    "err": "error",
    "bool": "boolean",
    "int": "integer",
}

# What library operations take, where anything else is certain to raise.
_ARITHMETIC = "add sub mul div mod neg inc dec abs sqrt pow even odd zero pos neg-p check"
_OPERANDS: dict[str, T.Type] = {
    **{f"num.{op}": T.NUM for op in _ARITHMETIC.split()},
    **dict.fromkeys(("lt", "le", "gt", "ge"), T.NUM | T.STR),
    **dict.fromkeys(("str.length", "str.upper", "str.lower", "str.trim"), T.STR),
    **dict.fromkeys(("keys", "vals", "merge"), T.MAP),
    **dict.fromkeys(("first", "rest"), T.SEQ | T.STR),
    "count": T.SEQ | T.MAP | T.STR,
}


def check_operands(op: str, name: str, args: list[Expr], nodes: list[A.Node], fx: FunctionContext) -> None:
    """Warns about an argument of a library function that is certain to raise."""
    expected = _OPERANDS.get(op)
    if expected is None or fx.m.library:
        return
    for arg, node in zip(args, nodes, strict=False):
        if arg.type and arg.type & expected == 0:
            conflict(fx, node.span, f"an argument of {name}", kinds(expected), arg.type)
