"""Calls: of known functions, library functions, keywords and values.

Where the callee is known, so is a wrong number of arguments.
"""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Apply, Call, CallValue, Closure, Const, Expr, Let, Local, Var, integer
from rtfsc.lower.checks import result_checked
from rtfsc.lower.context import FunctionContext, Tail, boxed_result, prim
from rtfsc.lower.expr import CHUNK, list_of, lower, lower_all, map_of, sequence, vector_of
from rtfsc.lower.library import Target, apply_target
from rtfsc.primitives.ops import OPS
from rtfsc.sema.scopes import GlobalDef, Imported, LibraryName
from rtfsc.sema.scopes import Local as Binding
from rtfsc.sema.types import TypeExpr
from rtfsc.source import Span

# The number of arguments with which a library function calls the function that is its first argument:
# a library name passed there need not be prepared for other numbers.
_CALLBACKS = {
    ("map", 2): 1,
    ("map", 3): 2,
    ("filter", 2): 1,
    ("remove", 2): 1,
    ("reduce", 2): 2,
    ("reduce", 3): 2,
    ("map-indexed", 2): 2,
    ("group-by", 2): 1,
    ("every?", 2): 1,
    ("some?", 2): 1,
    ("some", 2): 1,
    ("sort-by", 2): 1,
    ("sort", 2): 2,
    ("partition-by", 2): 1,
}
# Functions of keys and values in turn: the remainder by 2 of a right number of arguments, and its words.
_PARITY = {"hash-map": (0, "an even number"), "assoc": (1, "an odd number")}
_LONG_FOLD = 64


def lower_call(node: A.Call, fx: FunctionContext, tail: Tail) -> Expr:
    callee = node.callee
    if type(callee) is A.Name:
        binding = callee.binding
        kind = type(binding)
        if kind is GlobalDef and binding.function is not None:
            return _direct(
                node, binding.function, binding.ir_name, binding.name, None, fx, tail, binding.node.name_span
            )
        if kind is Binding and binding.fn is not None and _is_at_hand(binding, fx):
            carrier = None if binding.static else fx.read(binding)
            name = binding.fn.name or "fn"
            return _direct(
                node, binding.fn, fx.name_function(binding.fn), name, carrier, fx, tail, binding.span
            )
        if kind is Imported and binding.function is not None:
            return _direct(node, binding.function, binding.ir_name, binding.name, None, fx, tail, None)
        if kind is LibraryName:
            value = _library(node, binding.name, fx, tail)
            return result_checked(value, fx, node.span) if tail.calls else value
    elif type(callee) is A.Const and callee.kind == T.KW:
        value = _keyword(node, callee, fx)
        return result_checked(value, fx, node.span) if tail.calls else value
    return _value(node, fx, tail)


def _is_at_hand(binding: Binding, fx: FunctionContext) -> bool:
    return binding.static or binding in fx.frame or binding is fx.self_local


# --- known functions


def _direct(
    node: A.Call,
    fn: A.Fn,
    ir_name: str,
    name: str,
    carrier: Expr | None,
    fx: FunctionContext,
    tail: Tail,
    defined: Span | None,
) -> Expr:
    site = fx.site(node.span)
    fixed, count = len(fn.params), len(node.args)
    if count < fixed or (count > fixed and fn.rest is None):
        expected = f"at least {fixed}" if fn.rest is not None else str(fixed)
        return _wrong_arity(node, name, expected, fx, site, defined)
    args = lower_all(node.args, fx)
    if fn.rest is not None:
        args = [*args[:fixed], list_of(args[fixed:])]
    is_tail = tail.calls and (fx.result is None or _implies(fn.result, fx.result))
    call = Call(ir_name, args, boxed_result(fn.result), site, is_tail, carrier)
    return call if is_tail or not tail.calls else result_checked(call, fx, node.span)


def _implies(callee: object, declared: TypeExpr) -> bool:
    return isinstance(callee, TypeExpr) and callee.implies(declared)


def _wrong_arity(
    node: A.Call, name: str, expected: str, fx: FunctionContext, site: int, defined: Span | None
) -> Expr:
    count = len(node.args)
    labels = [(defined, f"{name} is defined here")] if defined is not None and not fx.m.library else []
    last = expected.split()[-1]
    noun = {"number": "of arguments", "1": "argument"}.get(last, "arguments")
    fx.m.sink.warning("N002", f"{name} takes {expected} {noun}, not {count}", node.span, labels=labels)
    effects = lower_all(node.args, fx)
    failure = prim("raise.arity", [Const(T.STR, name), Const(T.STR, expected), integer(count)], site)
    return sequence(effects, failure)


# --- values and keywords


def _keyword(node: A.Call, keyword: A.Const, fx: FunctionContext) -> Expr:
    site = fx.site(node.span)
    if len(node.args) not in (1, 2):
        return _wrong_arity(node, f":{keyword.value}", "1 or 2", fx, site, None)
    args: list[Expr] = [Const(T.KW, keyword.value), *lower_all(node.args, fx)]
    return prim("kw-get" if len(args) == 2 else "kw-get-or", args, site)


def _value(node: A.Call, fx: FunctionContext, tail: Tail) -> Expr:
    site = fx.site(node.span)
    callee = lower(node.callee, fx)
    args = lower_all(node.args, fx)
    is_tail = tail.calls and fx.result is None
    call: Expr
    if len(args) > CHUNK:
        call = Apply(callee, vector_of(args), site, is_tail)
    else:
        call = CallValue(callee, args, site, is_tail)
    return call if is_tail or not tail.calls else result_checked(call, fx, node.span)


# --- library functions


def _library(node: A.Call, name: str, fx: FunctionContext, tail: Tail) -> Expr:
    site = fx.site(node.span)
    linker = fx.m.linker
    count = len(node.args)
    target = linker.target(name, count)
    if name in _PARITY and count % 2 != _PARITY[name][0]:
        return _wrong_arity(node, name, _PARITY[name][1], fx, site, None)
    if target is None:
        return _wrong_arity(node, name, linker.expected(name), fx, site, None)
    args = _arguments(node, name, fx)
    if target.how == "variadic":
        return _variadic(target, name, args, site, fx)
    if target.how == "fold" and count > 2:
        return _fold(target, name, args, site, fx)
    if target.how == "rtfs":
        result = linker.result(target.name)
        if target.fixed is not None:
            args = [*args[: target.fixed], list_of(args[target.fixed :])]
        return Call(target.name, args, result, site)
    return apply_target(target, args, site)


def _arguments(node: A.Call, name: str, fx: FunctionContext) -> list[Expr]:
    """The arguments; a library name that only ever takes so many arguments there is made for that number."""
    wanted = _CALLBACKS.get((name, len(node.args)))
    first = node.args[0] if node.args else None
    if wanted is None or type(first) is not A.Name or type(first.binding) is not LibraryName:
        return lower_all(node.args, fx)
    return [fx.m.linker.closure(first.binding.name, fx.m.module, wanted), *lower_all(node.args[1:], fx)]


def _variadic(target: Target, name: str, args: list[Expr], site: int, fx: FunctionContext) -> Expr:
    if len(args) <= CHUNK:
        return prim(target.name, args, site)
    if target.name == "map":
        return map_of(args, site)
    if target.name == "vector":
        return vector_of(args)
    return Apply(fx.m.linker.closure(name, fx.m.module), vector_of(args), site)


def _fold(target: Target, name: str, args: list[Expr], site: int, fx: FunctionContext) -> Expr:
    """All arguments are evaluated before the first operation, as in a call of any function."""
    if len(args) > _LONG_FOLD:
        return Apply(fx.m.linker.closure(name, fx.m.module), vector_of(args), site)
    if all(_is_quiet(arg) for arg in args[2:]):
        return apply_target(target, args, site)
    variables = [None if type(arg) is Const else Var(f"a{i}", arg.type) for i, arg in enumerate(args)]
    reads: list[Expr] = [arg if v is None else Local(v) for v, arg in zip(variables, args, strict=True)]
    result = apply_target(target, reads, site)
    for var, arg in zip(reversed(variables), reversed(args), strict=True):
        if var is not None:
            result = Let(var, arg, result)
    return result


def _is_quiet(e: Expr) -> bool:
    """Whether it does not matter when ``e`` is evaluated."""
    kind = type(e)
    if kind in (Const, Local, Closure):
        return True
    return kind.__name__ == "Prim" and not OPS[e.op].raises and all(_is_quiet(a) for a in e.args)  # type: ignore[attr-defined]
