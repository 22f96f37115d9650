"""Destructuring: binding patterns of let, parameters, loop and for (C30-C32)."""

from __future__ import annotations

from collections.abc import Callable

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Var, integer
from rtfsc.lower.context import FunctionContext, has_kind, narrow, prim

Body = Callable[[], Expr]


def bind(pattern: A.Pattern, value: Expr, fx: FunctionContext, body: Body) -> Expr:
    """``body`` with the names of ``pattern`` bound to the parts of ``value``, which is evaluated once."""
    if type(pattern) is A.BindName:
        var = fx.vars[pattern.local] = Var(pattern.name, value.type)
        return Let(var, value, body())
    if type(pattern) is A.Wildcard:
        from rtfsc.lower.expr import sequence

        return sequence([value], body())
    var = Var("whole", value.type)
    return Let(var, value, bind_parts(pattern, var, fx, body))


def bind_parts(pattern: A.Pattern, var: Var, fx: FunctionContext, body: Body) -> Expr:
    """As `bind`, of a value that is in a variable already."""
    if type(pattern) is A.BindName:
        fx.vars[pattern.local] = var
        return body()
    if type(pattern) is A.Wildcard:
        return body()
    if type(pattern) is A.VectorPattern:
        return _vector(pattern, var, fx, body)
    assert type(pattern) is A.MapPattern
    return _map(pattern, var, fx, body)


def _chain(steps: list[tuple[A.Pattern, Callable[[], Expr]]], fx: FunctionContext, body: Body) -> Expr:
    """Binds one pattern after the other, then the body; the value of each is made when its turn comes."""
    if not steps:
        return body()
    (pattern, value), *rest = steps
    return bind(pattern, value(), fx, lambda: _chain(rest, fx, body))


def _vector(pattern: A.VectorPattern, whole: Var, fx: FunctionContext, body: Body) -> Expr:
    count, is_open = len(pattern.items), pattern.rest is not None
    site = fx.site(pattern.span)
    parts = Var("parts", T.VEC)
    taken = prim("destructure.vec", [Local(whole), integer(count), Const(T.BOOL, is_open)], site)

    def element(index: int) -> Callable[[], Expr]:
        return lambda: prim("seq.nth", [Local(parts), integer(index)])

    def rest() -> Expr:
        length = prim("seq.length", [Local(parts)])
        return narrow(prim("seq.slice", [Local(parts), integer(count), length], site), T.VEC)

    steps = [(item, element(i)) for i, item in enumerate(pattern.items) if type(item) is not A.Wildcard]
    if pattern.rest is not None and type(pattern.rest) is not A.Wildcard:
        steps.append((pattern.rest, rest))
    if pattern.whole is not None:
        steps.append((pattern.whole, lambda: Local(whole)))
    return Let(parts, taken, _chain(steps, fx, body))


def _map(pattern: A.MapPattern, whole: Var, fx: FunctionContext, body: Body) -> Expr:
    site = fx.site(pattern.span)
    fields = Var("fields", T.MAP)
    wrong = prim("raise.type", [Const(T.STR, "destructuring"), Const(T.STR, "map"), Local(whole)], site)
    taken = If(has_kind(Local(whole), T.MAP), narrow(Local(whole), T.MAP), wrong)

    def value(key: A.Const, default: A.Node | None) -> Callable[[], Expr]:
        return lambda: _field(fields, key, default, fx)

    steps = [
        (item, value(key, default)) for key, item, default in pattern.entries if type(item) is not A.Wildcard
    ]
    if pattern.rest is not None:
        keys = [key for key, _, _ in pattern.entries]
        steps.append((pattern.rest, lambda: without(fields, keys, site)))
    if pattern.whole is not None:
        steps.append((pattern.whole, lambda: Local(fields)))
    return Let(fields, taken, _chain(steps, fx, body))


def _field(fields: Var, key: A.Const, default: A.Node | None, fx: FunctionContext) -> Expr:
    from rtfsc.lower.expr import constant, lower

    found = prim("map.get", [Local(fields), constant(key)])
    if default is None:
        return found
    return If(prim("map.has", [Local(fields), constant(key)]), found, lower(default, fx))


def without(fields: Var, keys: list[A.Const], site: int) -> Expr:
    """The map without ``keys``."""
    from rtfsc.lower.expr import constant

    result: Expr = Local(fields)
    for key in keys:
        result = prim("dissoc", [result, constant(key)], site)
    return result
