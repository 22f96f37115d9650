"""Expressions: the table from node to lowering function, and the simple ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Closure,
    Const,
    Expr,
    Global,
    If,
    Let,
    Local,
    Prim,
    Seq,
    SetGlobal,
    Var,
    false,
    nil,
    true,
)
from rtfsc.lower.checks import checked, result_checked
from rtfsc.lower.context import NOT_TAIL, FunctionContext, Tail, narrow, prim
from rtfsc.lower.library import immediate
from rtfsc.primitives.ops import OPS
from rtfsc.sema.scopes import GlobalDef, Imported, LibraryName
from rtfsc.sema.scopes import Local as Binding

CHUNK = 200
"""Most operands of one variadic operation."""

Lower = Callable[[Any, FunctionContext], Expr]
LowerTail = Callable[[Any, FunctionContext, Tail], Expr]


def lower(node: A.Node, fx: FunctionContext, tail: Tail = NOT_TAIL) -> Expr:
    """The IR of a node. In tail position of a function (``tail.calls``) its declared result is checked."""
    structural = _TAILED.get(type(node))
    if structural is not None:
        return structural(node, fx, tail)
    value = _SIMPLE[type(node)](node, fx)
    return result_checked(value, fx, node.span) if tail.calls else value


def lower_all(nodes: Sequence[A.Node], fx: FunctionContext) -> list[Expr]:
    return [lower(node, fx) for node in nodes]


def truth(node: A.Node, fx: FunctionContext) -> Expr:
    """A node as a test, of type BOOL; ``and`` and ``or`` become branches without values of their own."""
    if type(node) is A.Logic and node.args:
        *firsts, last = node.args
        tests = [truth(arg, fx) for arg in firsts]
        result = truth(last, fx)
        for test in reversed(tests):
            result = If(test, result, false()) if node.conjunction else If(test, true(), result)
        return result
    return as_bool(lower(node, fx))


def as_bool(value: Expr) -> Expr:
    return value if T.subtype(value.type, T.BOOL) else prim("truthy", [value])


def constant(node: A.Const) -> Const:
    kind, value = node.kind, node.value
    if kind in (T.VEC, T.LIST):
        value = tuple(constant(item) for item in value)
    elif kind == T.MAP:
        value = tuple((constant(k), constant(v)) for k, v in value)
    return Const(kind, value)


def lower_const(node: A.Const, fx: FunctionContext) -> Expr:
    return constant(node)


def lower_name(node: A.Name, fx: FunctionContext) -> Expr:
    binding = node.binding
    kind = type(binding)
    if kind is Binding:
        if binding.static:
            return Closure(fx.name_function(binding.fn), [])
        return fx.read(binding)
    if kind is GlobalDef:
        if binding.function is not None:
            return Closure(binding.ir_name, [])
        checks = node.checked
        return Global(
            binding.ir_name, fx.m.global_types[binding], checks, fx.site(node.span) if checks else 0
        )
    if kind is Imported:
        return Closure(binding.ir_name, []) if binding.function else Global(binding.ir_name, binding.type)
    if kind is LibraryName:
        return fx.m.linker.closure(binding.name, fx.m.module)
    return prim("host", [Const(T.STR, node.name)], fx.site(node.span), imm="symbol")


def lower_vector(node: A.VectorExpr, fx: FunctionContext) -> Expr:
    return vector_of(lower_all(node.items, fx))


def vector_of(items: list[Expr], op: str = "vector") -> Expr:
    """A vector of any number of items, in chunks that ``op`` joins."""
    if len(items) <= CHUNK:
        return prim(op, items)
    chunks: list[Expr] = [prim("vector", items[i : i + CHUNK]) for i in range(0, len(items), CHUNK)]
    return vector_of(chunks, "concat")


def list_of(items: list[Expr]) -> Expr:
    if len(items) <= CHUNK:
        return prim("list", items)
    return prim("seq.to-list", [vector_of(items)])


def lower_map(node: A.MapExpr, fx: FunctionContext) -> Expr:
    site = fx.site(node.span)
    flat = [part for key, value in node.pairs for part in (constant(key), lower(value, fx))]
    return map_of(flat, site)


def map_of(flat: list[Expr], site: int) -> Expr:
    """A map of any number of keys and values in turn."""
    if len(flat) <= CHUNK:
        return prim("map", flat, site)
    half = len(flat) // 4 * 2
    return prim("merge", [map_of(flat[:half], site), map_of(flat[half:], site)], site)


def lower_primitive(node: A.PrimCall, fx: FunctionContext, tail: Tail) -> Expr:
    """``(%op …)`` of library source: operands are narrowed to what the operation takes."""
    args = lower_all(node.args, fx)
    if node.op == "apply":
        return Apply(args[0], args[1], 0, tail.calls)
    op = OPS[node.op]
    imm = immediate(node.op, node.imm)
    if not op.variadic:
        args = [narrow(arg, want) for arg, want in zip(args, op.params, strict=True)]
    type_ = imm if node.op in ("as", "check") else op.result
    value = Prim(node.op, args, type_, fx.site(node.span), imm)  # type: ignore[arg-type]
    return result_checked(value, fx, node.span) if tail.calls else value


def lower_if(node: A.If, fx: FunctionContext, tail: Tail) -> Expr:
    test = truth(node.test, fx)
    then = lower(node.then, fx, tail)
    if node.orelse is not None:
        return If(test, then, lower(node.orelse, fx, tail))
    absent: Expr = nil()
    return If(test, then, result_checked(absent, fx, node.span) if tail.calls else absent)


def lower_do(node: A.Do, fx: FunctionContext, tail: Tail) -> Expr:
    if not node.body:
        return result_checked(nil(), fx, node.span) if tail.calls else nil()
    effects = [lower(part, fx) for part in node.body[:-1]]
    return sequence(effects, lower(node.body[-1], fx, tail))


def sequence(effects: list[Expr], result: Expr) -> Expr:
    """The result after what its effects may raise."""
    effects = [e for e in effects if type(e) not in (Const, Closure, Local)]
    return Seq(effects, result) if effects else result


def lower_logic(node: A.Logic, fx: FunctionContext, tail: Tail) -> Expr:
    """``(and a b)`` is ``(let [t a] (if t b t))``; the last argument is in tail position."""
    if not node.args:
        empty = true() if node.conjunction else false()
        return result_checked(empty, fx, node.span) if tail.calls else empty
    *firsts, last = node.args
    values = [lower(arg, fx) for arg in firsts]
    result = lower(last, fx, tail)
    for value, arg in zip(reversed(values), reversed(firsts), strict=True):
        result = _short_circuit(node.conjunction, value, result, fx, tail, arg)
    return result


def _short_circuit(
    conjunction: bool, value: Expr, more: Expr, fx: FunctionContext, tail: Tail, arg: A.Node
) -> Expr:
    kept: Expr
    if value.type == T.BOOL and not (tail.calls and fx.result is not None):
        kept = false() if conjunction else true()
        return If(value, more, kept) if conjunction else If(value, kept, more)
    var = Var("t", value.type)
    kept = Local(var)
    if tail.calls:
        kept = result_checked(kept, fx, arg.span)
    test = as_bool(Local(var))
    return Let(var, value, If(test, more, kept) if conjunction else If(test, kept, more))


def lower_def(node: A.Def, fx: FunctionContext) -> Expr:
    found = node.binding
    if type(found) is not GlobalDef:
        from rtfsc.lower.functions import lower_local_definition

        return lower_local_definition(node, fx)
    if found.function is not None:
        from rtfsc.lower.functions import lower_global_function

        lower_global_function(found, fx.m)
        return Closure(found.ir_name, [])
    outer, fx.definition = fx.definition, fx.m.definition(found)
    value = checked(lower(node.value, fx), node.type, fx, node.value.span)
    fx.definition = outer
    return SetGlobal(found.ir_name, value)


def lower_struct(node: A.StructCheck, fx: FunctionContext, tail: Tail) -> Expr:
    """A value that is no map is a TypeError; a field that is missing or of another type fails the check."""
    site = fx.site(node.span)
    value = lower(node.value, fx)
    assert type(value) is Local
    var = value.var
    record = narrow(prim("check.type", [Local(var), node.type.data], site), T.MAP)
    wrong = prim("raise.type", [Const(T.STR, node.name), Const(T.STR, "map"), Local(var)], site)
    return If(Prim("is", [Local(var)], T.BOOL, 0, T.MAP), record, wrong)


_SIMPLE: dict[type, Lower] = {}
_TAILED: dict[type, LowerTail] = {}


def _register() -> None:
    from rtfsc.lower import calls, control, errors, functions, host, loops, matching, templates

    _SIMPLE.update({
        A.Const: lower_const,
        A.Name: lower_name,
        A.VectorExpr: lower_vector,
        A.MapExpr: lower_map,
        A.Collect: templates.lower_collection,
        A.HostCall: host.lower_host_call,
        A.ContextRef: host.lower_context_ref,
        A.Def: lower_def,
        A.Fn: functions.lower_fn,
        A.For: loops.lower_for,
        A.Dotimes: loops.lower_dotimes,
    })  # fmt: skip
    _TAILED.update({
        A.Call: calls.lower_call,
        A.PrimCall: lower_primitive,
        A.If: lower_if,
        A.Do: lower_do,
        A.Logic: lower_logic,
        A.StructCheck: lower_struct,
        A.Let: functions.lower_let,
        A.Loop: loops.lower_loop,
        A.Recur: loops.lower_recur,
        A.Case: control.lower_case,
        A.Match: matching.lower_match,
        A.Try: errors.lower_try,
    })  # fmt: skip


def ready() -> None:
    """Fills the tables; they name every file of this package, which import this one."""
    if not _SIMPLE:
        _register()
