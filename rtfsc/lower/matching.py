"""match: each clause is a test without side effects and then the bindings, so no code is repeated but the
cheap projections::

    (match v [:ok x] when (pos? x) x _ 0)
    ->  if (vec? v) and len = 2 and v.0 = :ok and (let x = v.1 in x > 0)  then (let x = v.1 in x)  else 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Let, Local, Prim, Seq, Try, Var, false, integer, true
from rtfsc.lower.context import FunctionContext, Tail, has_kind, narrow, prim
from rtfsc.lower.expr import constant, lower, truth
from rtfsc.lower.patterns import Body, without
from rtfsc.sema.types import TypeExpr


def lower_match(node: A.Match, fx: FunctionContext, tail: Tail) -> Expr:
    site = fx.site(node.span)
    value = lower(node.subject, fx)
    subject = Var("subject", value.type)
    arms = [_clause(clause, subject, fx, tail, site) for clause in node.clauses]
    rest: Expr = prim("raise.match", [Local(subject)], site)
    for test, body in reversed(arms):
        certain = type(test) is Const and test.value is True
        rest = body if certain else If(test, body, rest)
    return Let(subject, value, rest)


def _clause(
    clause: A.MatchClause, subject: Var, fx: FunctionContext, tail: Tail, site: int
) -> tuple[Expr, Expr]:
    test = _test(clause.pattern, subject)
    if clause.guard is not None:
        guard = clause.guard
        test = _both(test, _bind(clause.pattern, subject, fx, site, lambda: truth(guard, fx)))
    return test, _bind(clause.pattern, subject, fx, site, lambda: lower(clause.body, fx, tail))


# --- tests


def _both(first: Expr, second: Expr) -> Expr:
    if type(first) is Const and first.value is True:
        return second
    if type(second) is Const and second.value is True:
        return first
    return If(first, second, false())


def _test(pattern: A.Pattern, value: Var) -> Expr:
    """Whether the value fits, of type BOOL."""
    if type(pattern) is A.LiteralPattern:
        return prim("eq", [Local(value), constant(pattern.value)])
    if type(pattern) is A.TypePattern:
        return _conforms(pattern.type, value)
    if type(pattern) is A.AsPattern:
        return _test(pattern.pattern, value)
    if type(pattern) is A.VectorPattern:
        return _vector_test(pattern, value)
    if type(pattern) is A.MapPattern:
        return _map_test(pattern, value)
    return true()


def _vector_test(pattern: A.VectorPattern, value: Var) -> Expr:
    seq = narrow(Local(value), T.SEQ)
    count = integer(len(pattern.items))
    length = prim("seq.length", [seq])
    test: Expr = prim("int.ge" if pattern.rest is not None else "int.eq", [length, count])
    for i, item in enumerate(pattern.items):
        test = _both(test, _part_test(item, _element(value, i)))
    return If(has_kind(Local(value), T.SEQ), test, false())


def _map_test(pattern: A.MapPattern, value: Var) -> Expr:
    test: Expr = true()
    for key, item, _ in pattern.entries:
        present = prim("map.has", [narrow(Local(value), T.MAP), constant(key)])
        test = _both(test, _both(present, _part_test(item, _entry(value, key))))
    return _both(has_kind(Local(value), T.MAP), test)


def _part_test(pattern: A.Pattern, part: Expr) -> Expr:
    var = Var("part", part.type)
    test = _test(pattern, var)
    if type(test) is Const:
        return test
    return Let(var, part, test)


def _conforms(declared: TypeExpr, value: Var) -> Expr:
    if declared.exact:
        return has_kind(Local(value), declared.mask)
    check = prim("check.type", [Local(value), declared.data])
    return Try(Seq([check], true()), Var("mismatch", T.ERR), false())


def _element(value: Var, index: int) -> Prim:
    return prim("seq.nth", [narrow(Local(value), T.SEQ), integer(index)])


def _entry(value: Var, key: A.Const) -> Prim:
    return prim("map.get", [narrow(Local(value), T.MAP), constant(key)])


# --- bindings, of a value that fits


def _bind(pattern: A.Pattern, value: Var, fx: FunctionContext, site: int, body: Body) -> Expr:
    return _bind_all(_names(pattern, value, site), fx, body)


def _bind_all(
    steps: Iterator[tuple[A.BindName | Var, Callable[[], Expr]]], fx: FunctionContext, body: Body
) -> Expr:
    step = next(steps, None)
    if step is None:
        return body()
    target, make = step
    value = make()
    if type(target) is Var:
        return Let(target, value, _bind_all(steps, fx, body))
    assert type(target) is A.BindName
    var = fx.vars[target.local] = Var(target.name, value.type)
    return Let(var, value, _bind_all(steps, fx, body))


def _names(
    pattern: A.Pattern, value: Var, site: int
) -> Iterator[tuple[A.BindName | Var, Callable[[], Expr]]]:
    """What to bind, in order: names, and variables for the parts that have names inside."""
    if type(pattern) is A.BindName:
        yield pattern, lambda: Local(value)
    elif type(pattern) is A.AsPattern:
        yield pattern.name, lambda: Local(value)
        yield from _names(pattern.pattern, value, site)
    elif type(pattern) is A.VectorPattern:
        yield from _vector_names(pattern, value, site)
    elif type(pattern) is A.MapPattern:
        yield from _map_names(pattern, value, site)


def _vector_names(
    pattern: A.VectorPattern, value: Var, site: int
) -> Iterator[tuple[A.BindName | Var, Callable[[], Expr]]]:
    for i, item in enumerate(pattern.items):
        yield from _part_names(item, _element(value, i), site)
    if type(pattern.rest) is A.BindName:
        yield pattern.rest, lambda: _rest(value, len(pattern.items), site)
    if pattern.whole is not None:
        yield pattern.whole, lambda: Local(value)


def _map_names(
    pattern: A.MapPattern, value: Var, site: int
) -> Iterator[tuple[A.BindName | Var, Callable[[], Expr]]]:
    for key, item, _ in pattern.entries:
        yield from _part_names(item, _entry(value, key), site)
    if pattern.rest is not None:
        rest = Var("fields", T.MAP)
        keys = [key for key, _, _ in pattern.entries]
        yield rest, lambda: narrow(Local(value), T.MAP)
        yield pattern.rest, lambda: without(rest, keys, site)


def _part_names(
    item: A.Pattern, part: Expr, site: int
) -> Iterator[tuple[A.BindName | Var, Callable[[], Expr]]]:
    if type(item) is A.BindName:
        yield item, lambda: part
    elif type(item) in (A.VectorPattern, A.MapPattern, A.AsPattern):
        var = Var("part", part.type)
        yield var, lambda: part
        yield from _names(item, var, site)


def _rest(value: Var, start: int, site: int) -> Expr:
    length = prim("seq.length", [narrow(Local(value), T.SEQ)])
    return narrow(prim("seq.slice", [narrow(Local(value), T.SEQ), integer(start), length], site), T.VEC)
