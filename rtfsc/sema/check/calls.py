"""Calls: of functions of the program, of the library, of keywords, of values."""

from __future__ import annotations

from typing import Any

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import ANY, CALLABLE, NIL, Function, Lit, Type, of_kinds
from rtfsc.sema.algebra.relations import join
from rtfsc.sema.check.checker import Checker, Want
from rtfsc.sema.check.parts import entry
from rtfsc.sema.scopes import GlobalDef, LibraryName, Local

CALLABLE_TYPE = of_kinds(CALLABLE)
_LOOKED_INTO = of_kinds(T.MAP | T.NIL | T.ERR)


def call(c: Checker, node: A.Call, want: Want | None) -> Type:
    t = _call(c, node)
    if want is not None:
        c.require(t, want, node.span)
    return t


def _call(c: Checker, node: A.Call) -> Type:
    callee = node.callee
    if type(callee) is A.Name:
        binding: Any = callee.binding
        kind = type(binding)
        if kind is LibraryName:
            from rtfsc.sema.check.library import call_library

            return call_library(c, node, binding.name)
        fn = binding.fn if kind is Local else getattr(binding, "function", None)
        if type(fn) is A.Fn:
            return _known(c, node, fn, binding)
    elif type(callee) is A.Const and callee.kind == T.KW:
        return _keyword(c, node, callee)
    return _value(c, node)


def _known(c: Checker, node: A.Call, fn: A.Fn, binding: Any) -> Type:
    """``binding``: what the name means: a global, a local or an import. A wrong number of arguments is told
    by lowering."""
    struct = fn.body if type(fn.body) is A.StructCheck else None
    for at, arg in enumerate(node.args):
        param = fn.params[at] if at < len(fn.params) else fn.rest
        declared = struct.type if struct is not None else param.type if param is not None else None
        expected = None
        if param is not None:
            expected = c.want(declared, f"argument {at + 1} of {binding.name}", param.span)
        c.visit(arg, expected)
    if type(binding) is Local:
        return result_of(c.types.get(binding, ANY))
    from rtfsc.sema.check.functions import signature, type_of_function

    return result_of(type_of_function(c, binding) if type(binding) is GlobalDef else signature(c, fn))


def result_of(t: Type) -> Type:
    """Of a call of a value of this type."""
    if not t.kinds & CALLABLE and len(t.parts) == 1:
        atom = t.parts[0].atoms[0]
        if type(atom) is Function and len(t.parts[0].atoms) == 1:
            return atom.result
    return ANY


def _keyword(c: Checker, node: A.Call, keyword: A.Const) -> Type:
    types = [c.visit(arg) for arg in node.args]
    if len(types) not in (1, 2):
        return ANY
    wanted = Want(_LOOKED_INTO, "a map, nil or an error", f"the argument of :{keyword.value}")
    c.require(types[0], wanted, node.args[0].span)
    return look_up(c, types[0], Lit(T.KW, str(keyword.value)), types[1] if len(types) == 2 else NIL)


def look_up(c: Checker, t: Type, key: Lit, default: Type) -> Type:
    """What ``(:key t default)`` gives."""
    if t.mask & T.ERR or t.kinds & T.MAP:
        return ANY
    found = entry(t, key, absent=default, exact=c.strict)
    return join(found, default) if t.mask & T.NIL else found


def _value(c: Checker, node: A.Call) -> Type:
    callee = c.visit(node.callee)
    if callee.mask and not callee.mask & CALLABLE and not c.quiet:
        c.sink.warning(
            "N004", "This cannot be called", node.callee.span, hint="the head of a list is a function"
        )
    params = _parameters(callee) if c.strict else None
    for at, arg in enumerate(node.args):
        expected = None
        if params is not None and at < len(params) and params[at].kinds != T.ANY:
            from rtfsc.sema.algebra.show import show

            expected = Want(params[at], show(params[at]), f"argument {at + 1} of this function")
        c.visit(arg, expected)
    return result_of(callee)


def _parameters(t: Type) -> tuple[Type, ...] | None:
    if t.kinds or len(t.parts) != 1:
        return None
    atom = t.parts[0].atoms[0]
    return atom.params if type(atom) is Function else None


TAILED = {A.Call: call}
