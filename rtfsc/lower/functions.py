"""Functions and let: closures, recursive groups, parameters with patterns and checks."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Closure, Const, Expr, Function, If, Let, LetRec, Local, Loop, Var
from rtfsc.lower.checks import checked, rest_checked
from rtfsc.lower.context import (
    NOT_TAIL,
    FunctionContext,
    LoopTarget,
    ModuleContext,
    Tail,
    boxed_result,
    has_kind,
    narrow,
    prim,
)
from rtfsc.lower.expr import lower
from rtfsc.lower.patterns import bind, bind_parts
from rtfsc.sema.recursive import Step
from rtfsc.sema.scopes import GlobalDef
from rtfsc.sema.scopes import Local as Binding
from rtfsc.sema.types import ANY, TypeExpr


def lower_global_function(found: GlobalDef, m: ModuleContext) -> None:
    """Adds the function of a top-level definition to the module."""
    fn = found.function
    assert fn is not None
    definition = m.definition(found)
    function = Function(found.ir_name, [], Const(T.NIL, None), rest=fn.rest is not None,
                        display_name=found.name, origin=(definition.name, 0), library=m.library)  # fmt: skip
    if m.library:
        function.display_name = found.name.rpartition("/")[0] or found.name
    m.add(function)
    _fill(function, FunctionContext(m, definition, fn, _declared(fn.result)), fn)


def lower_fn(fn: A.Fn, fx: FunctionContext) -> Expr:
    """An anonymous function."""
    return closure(fn, fx, None)


def lower_local_definition(node: A.Def, fx: FunctionContext) -> Expr:
    """A definition that is itself the value of an expression inside a function."""
    if type(node.binding) is Binding:
        return _group([(node.binding, node.value)], fx, lambda: _value_of(node.binding, fx))  # type: ignore[list-item]
    return checked(lower(node.value, fx), node.type, fx, node.value.span)


def _value_of(binding: Binding, fx: FunctionContext) -> Expr:
    return Closure(fx.name_function(binding.fn), []) if binding.static else fx.read(binding)  # type: ignore[arg-type]


def closure(fn: A.Fn, fx: FunctionContext, self_local: Binding | None) -> Closure:
    """Adds the function and yields its closure over the current frame."""
    name = fx.name_function(fn)
    definition = fx.definition
    definition.functions += 1
    captured = [c for c in fn.captures if not c.static and c is not self_local]
    function = Function(name, [], Const(T.NIL, None), rest=fn.rest is not None, display_name=fn.name or "fn",
                        origin=(definition.name, definition.functions), library=fx.m.library)  # fmt: skip
    fx.m.add(function)
    inner = FunctionContext(fx.m, definition, fn, _declared(fn.result))
    for binding in captured:
        var = inner.vars[binding] = Var(binding.name, fx.vars[binding].type)
        function.captures.append(var)
    if self_local is not None and self_local in fn.captures and not self_local.static:
        inner.self_local = self_local
        inner.vars[self_local] = function.self_var = Var(self_local.name, T.FN)
    _fill(function, inner, fn)
    return Closure(name, [fx.read(binding) for binding in captured])


def _declared(result: TypeExpr) -> TypeExpr | None:
    return None if result is ANY or result.text == ANY.text else result


def _fill(function: Function, fx: FunctionContext, fn: A.Fn) -> None:
    """Parameters and body. A ``recur`` that means the function makes the body a loop over its parameters."""
    every = [*fn.params, *([fn.rest] if fn.rest else [])]
    kinds = [T.ANY] * len(fn.params) + ([T.LIST] if fn.rest else [])
    names = [p.pattern.name if type(p.pattern) is A.BindName else f"p{i}" for i, p in enumerate(every, 1)]
    function.params = [Var(name, kind) for name, kind in zip(names, kinds, strict=True)]
    if not fn.recurs:
        body = _bind_params(every, function.params, fx, fn, Tail(True, None))
    else:
        label = fx.label()
        again = [Var(name) for name in names]
        inner = _bind_params(every, again, fx, fn, Tail(True, LoopTarget(label, len(every))))
        body = Loop(label, again, [Local(p) for p in function.params], inner)
    function.body, function.pinned = body, fn.pinned
    function.result = boxed_result(fn.result)
    if fx.m.library and T.rep(body.type) == "val" and body.type:
        function.result = body.type


def _bind_params(
    params: list[A.Param], variables: list[Var], fx: FunctionContext, fn: A.Fn, tail: Tail
) -> Expr:
    def after(at: int) -> Expr:
        if at == len(params):
            return lower(fn.body, fx, tail)
        param, var = params[at], variables[at]
        if param is fn.rest:
            return _bind_rest(param, var, fx, lambda: after(at + 1))
        value = checked(Local(var), param.type, fx, param.span)
        if type(value) is Local:
            return bind_parts(param.pattern, var, fx, lambda: after(at + 1))
        return bind(param.pattern, value, fx, lambda: after(at + 1))

    return after(0)


def _bind_rest(param: A.Param, var: Var, fx: FunctionContext, body: object) -> Expr:
    """The rest parameter: a list; after a ``recur`` it may be anything, so it is tested there."""
    if var.type != T.LIST:
        whole, site = var, fx.site(param.span)
        var = Var(whole.name, T.LIST)
        wrong = prim("raise.type", [Const(T.STR, "recur"), Const(T.STR, "list"), Local(whole)], site)
        value: Expr = If(has_kind(Local(whole), T.LIST), narrow(Local(whole), T.LIST), wrong)
        return Let(var, value, _bind_list(param, var, fx, body))
    return _bind_list(param, var, fx, body)


def _bind_list(param: A.Param, var: Var, fx: FunctionContext, body: object) -> Expr:
    result = bind_parts(param.pattern, var, fx, body)  # type: ignore[arg-type]
    if param.type.mask == T.ANY and param.type.exact:
        return result
    return rest_checked(var, param.type, fx, param.span, result)


# --- let


def lower_let(node: A.Let, fx: FunctionContext, tail: Tail) -> Expr:
    steps: list[Step] = node.plan

    def after(at: int) -> Expr:
        if at == len(steps):
            return lower(node.body, fx, tail)
        step = steps[at]
        if step.value is None:
            members = [(b.pattern.local, b.value) for b in step.functions]  # type: ignore[union-attr]
            return _group(members, fx, lambda: after(at + 1))  # type: ignore[arg-type]
        bound = step.value
        value = checked(lower(bound.value, fx, NOT_TAIL), bound.type, fx, bound.value.span)
        return bind(bound.pattern, value, fx, lambda: after(at + 1))

    return after(0)


def _group(members: list[tuple[Binding, A.Fn]], fx: FunctionContext, body: object) -> Expr:
    """Functions that are bound together. Static ones need no variable; a single one is a let."""
    dynamic = [(binding, fn) for binding, fn in members if not binding.static]
    for binding, fn in members:
        fx.name_function(fn)
        if binding.static:
            closure(fn, fx, binding)
    for binding, _ in dynamic:
        fx.vars[binding] = Var(binding.name, T.FN)
        fx.frame.add(binding)
    closures = [(fx.vars[binding], closure(fn, fx, binding)) for binding, fn in dynamic]
    rest: Expr = body()  # type: ignore[operator]
    if not closures:
        return rest
    if len(closures) == 1:
        return Let(closures[0][0], closures[0][1], rest)
    return LetRec(closures, rest)
