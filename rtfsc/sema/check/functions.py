"""Functions: parameters, results, the order in which they are looked into."""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import ANY, Type, function, items
from rtfsc.sema.algebra.relations import subtype, widened
from rtfsc.sema.check.checker import DEMAND_LIMIT, Checker, Want
from rtfsc.sema.check.patterns import bind
from rtfsc.sema.scopes import GlobalDef, Local


def literal_function(c: Checker, node: A.Fn) -> Type:
    return walk(c, node)


def walk(c: Checker, fn: A.Fn, hints: Sequence[Type] = ()) -> Type:
    """The type of a function from its annotations and its body. ``hints``: what it is called with, where
    that is certain, for parameters without an annotation."""
    declared = [c.declared(param.type) for param in fn.params]
    rest = c.declared(fn.rest.type) if fn.rest is not None else None
    c.functions[fn] = None
    for at, (param, t) in enumerate(zip(fn.params, declared, strict=True)):
        hinted = t.kinds == T.ANY and at < len(hints) and hints[at].mask and not fn.recurs
        bind(c, param.pattern, hints[at] if hinted else t, param.span)
    if fn.rest is not None:
        bind(c, fn.rest.pattern, items(rest or ANY, None, T.LIST), None)
    result = _body(c, fn)
    found = c.functions[fn] = function(declared, rest, result)
    return found


def _body(c: Checker, fn: A.Fn) -> Type:
    c.recur.append([_parameter_want(c, fn, at) for at in range(len(fn.params))] if fn.recurs else None)
    name = f"the result of {fn.name}" if fn.name else "the result"
    expected = c.want(fn.result, name, c.named.get(fn))
    result = widened(c.visit(fn.body, expected))
    c.recur.pop()
    if result.depth > 3:
        from rtfsc.sema.algebra.model import of_kinds

        result = of_kinds(result.mask)
    if expected is None or subtype(result, expected.type):
        return result
    return expected.type


def _parameter_want(c: Checker, fn: A.Fn, at: int) -> Want | None:
    return c.want(fn.params[at].type, f"argument {at + 1} of recur", fn.params[at].span)


def signature(c: Checker, fn: A.Fn) -> Type:
    """What the annotations alone say."""
    rest = c.declared(fn.rest.type) if fn.rest is not None else None
    return function([c.declared(param.type) for param in fn.params], rest, c.declared(fn.result))


def type_of_function(c: Checker, found: GlobalDef) -> Type:
    """Of a global function: looked into now if that was not done yet, unless that is going on."""
    fn = found.function
    assert fn is not None
    if fn in c.functions:
        return c.functions[fn] or signature(c, fn)
    if c.demanded >= DEMAND_LIMIT:
        return signature(c, fn)
    c.named.setdefault(fn, found.node.name_span)
    quiet, c.quiet = c.quiet, 0
    recurred, c.recurred = c.recurred, []
    c.demanded += 1
    t = walk(c, fn)
    c.demanded -= 1
    c.quiet, c.recurred = quiet, recurred
    return t


def announce(c: Checker, local: Local, fn: A.Fn) -> None:
    """Before the functions of a group are looked into: each may call the others."""
    c.functions.pop(fn, None)
    c.types[local] = signature(c, fn)


def type_of_local_function(c: Checker, fn: A.Fn) -> Type:
    return walk(c, fn)


def struct(c: Checker, node: A.StructCheck, want: Want | None) -> Type:
    return c.declared(node.type)


SIMPLE = {A.Fn: literal_function}
TAILED = {A.StructCheck: struct}
