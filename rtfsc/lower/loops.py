"""loop, recur, for, dotimes."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Loop, Recur, Var, integer, nil
from rtfsc.lower.checks import checked
from rtfsc.lower.context import FunctionContext, LoopTarget, Tail, has_kind, narrow, prim
from rtfsc.lower.expr import lower, lower_all
from rtfsc.lower.patterns import bind, bind_parts
from rtfsc.sema.scopes import Local as Binding


def lower_loop(node: A.Loop, fx: FunctionContext, tail: Tail) -> Expr:
    """Patterns and checks apply at every round: the loop carries the plain values. Initial values see the
    names before them, as in let."""
    label = fx.label()
    names = [
        b.pattern.name if type(b.pattern) is A.BindName else f"v{i}" for i, b in enumerate(node.binds, 1)
    ]
    inner = Tail(tail.calls, LoopTarget(label, len(node.binds)))
    if all(_is_independent(b) for b in node.binds[1:]):
        return _loop(node, label, names, [lower(b.value, fx) for b in node.binds], inner, fx)
    starts: list[Var] = []

    def initial(at: int) -> Expr:
        if at == len(node.binds):
            return _loop(node, label, names, [Local(start) for start in starts], inner, fx)
        bound = node.binds[at]
        value = lower(bound.value, fx)
        start = Var(names[at], value.type)
        starts.append(start)
        if at + 1 == len(node.binds):
            return Let(start, value, initial(at + 1))
        return Let(start, value, bind_parts(bound.pattern, start, fx, lambda: initial(at + 1)))

    return initial(0)


def _is_independent(bound: A.Bind) -> bool:
    """Whether an initial value cannot see the names before it."""
    value = bound.value
    if type(value) is A.PrimCall:
        return not value.args
    return type(value) is A.Const or (type(value) is A.Name and type(value.binding) is not Binding)


def _loop(
    node: A.Loop, label: str, names: list[str], starts: list[Expr], tail: Tail, fx: FunctionContext
) -> Expr:
    variables = [Var(name, _carried(start.type, fx)) for name, start in zip(names, starts, strict=True)]

    def after(at: int) -> Expr:
        if at == len(variables):
            return lower(node.body, fx, tail)
        bound, var = node.binds[at], variables[at]
        value = checked(Local(var), bound.type, fx, bound.span)
        if type(value) is Local:
            return bind_parts(bound.pattern, var, fx, lambda: after(at + 1))
        return bind(bound.pattern, value, fx, lambda: after(at + 1))

    return Loop(label, variables, starts, after(0))


def _carried(start: T.Type, fx: FunctionContext) -> T.Type:
    """Type of a loop variable. Programs: anything. Library code keeps the kind of what it starts with."""
    fixed = fx.m.library and start in (T.INT, T.VEC, T.MAP, T.BUILDER)
    return start if fixed else T.ANY


def lower_recur(node: A.Recur, fx: FunctionContext, tail: Tail) -> Expr:
    target = tail.loop
    args = lower_all(node.args, fx)
    if target is None:
        fx.m.sink.error("F003", "recur is not in tail position", node.span,
                        hint="its value would still be needed: call a function instead")  # fmt: skip
        return nil()
    if len(args) != target.arity:
        fx.m.sink.error("F004", f"recur gives {len(args)} values to a loop of {target.arity}", node.span)
        return nil()
    return Recur(target.label, args)


def lower_for(node: A.For, fx: FunctionContext) -> Expr:
    """Nested loops that push onto one vector under construction."""
    return prim("builder.done", [_level(node, 0, prim("builder", []), fx)])


def _level(node: A.For, at: int, out: Expr, fx: FunctionContext) -> Expr:
    if at == len(node.binds):
        return prim("builder.push", [out, lower(node.body, fx)])
    bound = node.binds[at]
    site = fx.site(bound.value.span)
    items, index, made = Var("items", T.VEC), Var("i", T.INT), Var("made", T.BUILDER)
    label = fx.label()
    source = prim("seq", [lower(bound.value, fx)], site, "for")
    following = prim("int.add", [Local(index), integer(1)])
    element = prim("seq.nth", [Local(items), Local(index)])
    step = bind(bound.pattern, element, fx,
                lambda: Recur(label, [following, _level(node, at + 1, Local(made), fx)]))  # fmt: skip
    more = prim("int.lt", [Local(index), prim("seq.length", [Local(items)])])
    loop = Loop(label, [index, made], [integer(0), out], If(more, step, Local(made)))
    return Let(items, source, loop)


def lower_dotimes(node: A.Dotimes, fx: FunctionContext) -> Expr:
    site = fx.site(node.count.span)
    given, count = Var("n"), Var("count", T.INT)
    index, last = Var("i", T.INT), Var("last")
    value = lower(node.count, fx)
    wrong = prim("raise.type", [Const(T.STR, "dotimes"), Const(T.STR, "integer"), Local(given)], site)
    number = If(has_kind(Local(given), T.INT), narrow(Local(given), T.INT), wrong)
    label = fx.label()
    body = bind_parts(node.pattern, index, fx, lambda: lower(node.body, fx))
    step = Recur(label, [prim("int.add", [Local(index), integer(1)]), body])
    more = prim("int.lt", [Local(index), Local(count)])
    loop = Loop(label, [index, last], [integer(0), nil()], If(more, step, Local(last)))
    return Let(given, value, Let(count, number, loop))
