"""try, catch and finally (C38)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Call, Const, Expr, If, Let, Local, Seq, Try, Var, integer
from rtfsc.lower.checks import result_checked
from rtfsc.lower.context import NOT_TAIL, FunctionContext, Tail, has_kind, narrow, prim
from rtfsc.lower.expr import lower
from rtfsc.lower.functions import closure


@cache
def error_names() -> frozenset[str]:
    """The kinds and groups that a catch clause may name; any other capitalised name catches everything."""
    import tomllib

    with (Path(__file__).parents[1] / "errors.toml").open("rb") as file:
        table = tomllib.load(file)
    return frozenset([*(kind["name"] for kind in table["kind"]), *table["groups"]])


def lower_try(node: A.Try, fx: FunctionContext, tail: Tail) -> Expr:
    """A handler is in tail position if there is no finally. A declared result is checked outside the
    ``try``, which must not catch that error."""
    if node.finalizer is not None:
        inner = _protected(node, fx, NOT_TAIL) if node.catches else lower(node.body, fx)
        value = _finally(node.finalizer, inner, fx)
        return result_checked(value, fx, node.span) if tail.calls else value
    if tail.calls and fx.result is not None:
        return _split(node, fx, tail)
    return _protected(node, fx, tail)


def _protected(node: A.Try, fx: FunctionContext, tail: Tail) -> Expr:
    error = Var("error", T.ERR)
    body = lower(node.body, fx)
    return Try(body, error, _handlers(node, error, fx, tail))


def _split(node: A.Try, fx: FunctionContext, tail: Tail) -> Expr:
    """Leaves the ``try`` before the result is checked or a handler runs: the value comes out in a vector,
    so that it is told from an error that was caught::

        (let [t (try [body] (catch Any e e))] (if (vector? t) (check (nth t 0)) handler))
    """
    caught, error = Var("caught", T.ERR), Var("error", T.ERR)
    attempt = Try(prim("vector", [lower(node.body, fx)]), caught, Local(caught))
    outcome = Var("outcome", attempt.type)
    value = prim("seq.nth", [narrow(Local(outcome), T.VEC), integer(0)])
    checked = result_checked(value, fx, node.span)
    handled = Let(error, narrow(Local(outcome), T.ERR), _handlers(node, error, fx, tail))
    return Let(outcome, attempt, If(has_kind(Local(outcome), T.VEC), checked, handled))


def _handlers(node: A.Try, error: Var, fx: FunctionContext, tail: Tail) -> Expr:
    clauses = [(_selects(c, error), _handler(c, error, fx, tail)) for c in node.catches]
    rest: Expr = prim("throw", [Local(error)])
    for test, handler in reversed(clauses):
        rest = handler if test is None else If(test, handler, rest)
    return rest


def _selects(clause: A.Catch, error: Var) -> Expr | None:
    """The test of a clause; None if it takes every error."""
    selector = clause.selector
    if selector is None:
        return None
    if isinstance(selector, A.Const):
        return prim("eq", [prim("err.type", [Local(error)]), Const(T.KW, selector.value)])
    if selector not in error_names():
        return None
    return prim("err.is", [Local(error)], 0, selector)


def _handler(clause: A.Catch, error: Var, fx: FunctionContext, tail: Tail) -> Expr:
    for pattern in clause.patterns:
        fx.vars[pattern.local] = error
    return lower(clause.body, fx, tail)


def _finally(finalizer: A.Fn, value: Expr, fx: FunctionContext) -> Expr:
    """Runs the clean-up after the value and after an error; its own error replaces the outcome."""
    made = closure(finalizer, fx, None)
    function, result, error = Var("finally", T.FN), Var("result"), Var("error", T.ERR)

    def clean_up() -> Expr:
        name = made.func
        needs_closure = bool(made.captures)
        return Call(name, [], T.ANY, 0, False, Local(function) if needs_closure else None)

    guarded = Try(value, error, Seq([clean_up()], prim("throw", [Local(error)])))
    result.type = guarded.type
    done = Let(result, guarded, Seq([clean_up()], Local(result)))
    return Let(function, made, done)
