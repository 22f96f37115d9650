"""Generic walks over IR trees, and the one answer to deep trees.

All walkers of the IR are plain recursive Python functions.  Python-to-Python calls use no C stack
(3.11+), so a deep tree needs nothing but a higher recursion limit; `deep` sets it for the time of a
walk and restores it.  Every public entry (`text`, `verify`, `serial`, `canonical`, `passes.run`) wraps
itself in it.  `MAX_DEPTH` bounds the nesting of trees that are read from outside, so the limit is never
reached by accident.  Inside walkers use no generator, ``map`` or ``sorted(key=…)`` that calls back
into the walk: those do use C stack.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
    Var,
)
from rtfsc.primitives.ops import OPS

MAX_DEPTH: Final = 10_000
_LIMIT: Final = 100_000
_lock = threading.Lock()
_users = 0
_saved = 0


@contextmanager
def deep() -> Iterator[None]:
    """Raises the recursion limit while any thread is inside; the last one out restores it."""
    global _users, _saved
    with _lock:
        if _users == 0:
            _saved = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_saved, _LIMIT))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                sys.setrecursionlimit(_saved)


_NONE: Final[Callable[[Expr], list[Expr]]] = lambda e: []  # noqa: E731

_CHILDREN: Final[dict[type, Callable[..., list[Expr]]]] = {
    Const: _NONE,
    Local: _NONE,
    Global: _NONE,
    SetGlobal: lambda e: [e.value],
    Let: lambda e: [e.value, e.body],
    LetRec: lambda e: [*(c for _, c in e.bindings), e.body],
    Seq: lambda e: [*e.effects, e.result],
    If: lambda e: [e.test, e.then, e.orelse],
    Loop: lambda e: [*e.inits, e.body],
    Recur: lambda e: e.args,
    Call: lambda e: e.args if e.closure is None else [e.closure, *e.args],
    CallValue: lambda e: [e.callee, *e.args],
    Apply: lambda e: [e.callee, e.args],
    Closure: lambda e: e.captures,
    Prim: lambda e: e.args,
    Try: lambda e: [e.body, e.handler],
}


def children(e: Expr) -> list[Expr]:
    """The operands and bodies of ``e`` in the order of evaluation (do not change the list)."""
    return _CHILDREN[type(e)](e)


def nodes(e: Expr) -> Iterator[Expr]:
    """All expressions of a tree, parents first, in the order of evaluation. Iterative."""
    stack = [e]
    while stack:
        e = stack.pop()
        yield e
        stack.extend(reversed(_CHILDREN[type(e)](e)))


def bound(e: Expr) -> list[Var]:
    """The variables that ``e`` itself binds."""
    kind = type(e)
    if kind is Let or kind is Try:
        return [e.var]  # type: ignore[attr-defined]
    if kind is Loop:
        return e.vars  # type: ignore[attr-defined,no-any-return]
    if kind is LetRec:
        return [v for v, _ in e.bindings]  # type: ignore[attr-defined]
    return []


Rewrite = Callable[[Expr], Expr]


def map_children(e: Expr, f: Rewrite) -> Expr:
    """Replaces every child ``c`` by ``f(c)`` in place, in the order of evaluation, and refreshes the
    type where it follows from the children. Returns ``e``."""
    _MAP[type(e)](e, f)
    return e


def _map_let(e: Let, f: Rewrite) -> None:
    e.value = f(e.value)
    e.body = f(e.body)
    e.type = e.body.type


def _map_letrec(e: LetRec, f: Rewrite) -> None:
    for _, closure in e.bindings:
        closure.captures = [f(c) for c in closure.captures]
    e.body = f(e.body)
    e.type = e.body.type


def _map_seq(e: Seq, f: Rewrite) -> None:
    e.effects = [f(c) for c in e.effects]
    e.result = f(e.result)
    e.type = e.result.type


def _map_if(e: If, f: Rewrite) -> None:
    e.test = f(e.test)
    e.then = f(e.then)
    e.orelse = f(e.orelse)
    e.type = e.then.type | e.orelse.type


def _map_loop(e: Loop, f: Rewrite) -> None:
    e.inits = [f(c) for c in e.inits]
    e.body = f(e.body)
    e.type = e.body.type


def _map_args(e: Recur | Prim, f: Rewrite) -> None:
    e.args = [f(c) for c in e.args]


def _map_call(e: Call, f: Rewrite) -> None:
    if e.closure is not None:
        e.closure = f(e.closure)
    e.args = [f(c) for c in e.args]


def _map_call_value(e: CallValue, f: Rewrite) -> None:
    e.callee = f(e.callee)
    e.args = [f(c) for c in e.args]


def _map_apply(e: Apply, f: Rewrite) -> None:
    e.callee = f(e.callee)
    e.args = f(e.args)


def _map_closure(e: Closure, f: Rewrite) -> None:
    e.captures = [f(c) for c in e.captures]


def _map_try(e: Try, f: Rewrite) -> None:
    e.body = f(e.body)
    e.handler = f(e.handler)
    e.type = e.body.type | e.handler.type


def _map_set_global(e: SetGlobal, f: Rewrite) -> None:
    e.value = f(e.value)
    e.type = e.value.type


def _map_none(e: Expr, f: Rewrite) -> None:
    pass


_MAP: Final[dict[type, Callable[..., None]]] = {
    Const: _map_none,
    Local: _map_none,
    Global: _map_none,
    SetGlobal: _map_set_global,
    Let: _map_let,
    LetRec: _map_letrec,
    Seq: _map_seq,
    If: _map_if,
    Loop: _map_loop,
    Recur: _map_args,
    Call: _map_call,
    CallValue: _map_call_value,
    Apply: _map_apply,
    Closure: _map_closure,
    Prim: _map_args,
    Try: _map_try,
}


def rewrite(e: Expr, f: Rewrite) -> Expr:
    """Post-order rewriting in place: children first, then ``f`` decides what stands for the node.

    The closures of a `LetRec` are not given to ``f`` (only what they capture): they must stay."""
    leaves = (Const, Local, Global)
    table = _MAP

    def walk(e: Expr) -> Expr:
        kind = type(e)
        if kind not in leaves:
            table[kind](e, walk)
        return f(e)

    return walk(e)


def size(e: Expr, limit: int = 1 << 30) -> int:
    """Number of nodes, counted no further than ``limit``."""
    n = 0
    stack = [e]
    while stack and n < limit:
        e = stack.pop()
        n += 1
        stack.extend(_CHILDREN[type(e)](e))
    return n


class Copier:
    """Copies trees with fresh variables; ``variables`` may be seeded, ``atoms`` stand for variables.
    Labels get ``suffix``; sites 0 of expressions that can raise become ``site`` (inlined library code
    reports its caller's span); without ``tails`` no call stays a tail call."""

    def __init__(
        self,
        variables: dict[Var, Var] | None = None,
        suffix: str = "",
        site: int = 0,
        tails: bool = True,
        atoms: dict[Var, Expr] | None = None,
    ) -> None:
        self.variables = {} if variables is None else variables
        self.suffix = suffix
        self.site = site
        self.tails = tails
        self.atoms = {} if atoms is None else atoms

    def var(self, v: Var) -> Var:
        new = Var(v.name, v.type)
        self.variables[v] = new
        return new

    def all(self, items: list[Expr]) -> list[Expr]:
        return [self.copy(e) for e in items]

    def copy(self, e: Expr) -> Expr:
        new: Expr = _COPY[type(e)](self, e)
        return new


def _copy_local(c: Copier, e: Local) -> Expr:
    atom = c.atoms.get(e.var)
    if atom is not None:
        return Local(atom.var) if isinstance(atom, Local) else Const(atom.type, atom.value)  # type: ignore[attr-defined]
    return Local(c.variables.get(e.var, e.var))


def _copy_let(c: Copier, e: Let) -> Expr:
    value = c.copy(e.value)
    return Let(c.var(e.var), value, c.copy(e.body))


def _copy_letrec(c: Copier, e: LetRec) -> Expr:
    fresh = [c.var(v) for v, _ in e.bindings]
    closures = [Closure(x.func, c.all(x.captures)) for _, x in e.bindings]
    return LetRec(list(zip(fresh, closures, strict=True)), c.copy(e.body))


def _copy_loop(c: Copier, e: Loop) -> Expr:
    inits = c.all(e.inits)
    return Loop(e.label + c.suffix, [c.var(v) for v in e.vars], inits, c.copy(e.body))


def _copy_call(c: Copier, e: Call) -> Expr:
    closure = None if e.closure is None else c.copy(e.closure)
    return Call(e.func, c.all(e.args), e.type, e.site or c.site, e.tail and c.tails, closure)


def _copy_try(c: Copier, e: Try) -> Expr:
    body = c.copy(e.body)
    return Try(body, c.var(e.var), c.copy(e.handler))


_COPY: Final[dict[type, Callable[..., Expr]]] = {
    Const: lambda c, e: Const(e.type, e.value),
    Local: _copy_local,
    Global: lambda c, e: Global(e.name, e.type, e.checked, e.site or (c.site if e.checked else 0)),
    SetGlobal: lambda c, e: SetGlobal(e.name, c.copy(e.value)),
    Let: _copy_let,
    LetRec: _copy_letrec,
    Seq: lambda c, e: Seq(c.all(e.effects), c.copy(e.result)),
    If: lambda c, e: If(c.copy(e.test), c.copy(e.then), c.copy(e.orelse), e.type),
    Loop: _copy_loop,
    Recur: lambda c, e: Recur(e.label + c.suffix, c.all(e.args)),
    Call: _copy_call,
    CallValue: lambda c, e: CallValue(c.copy(e.callee), c.all(e.args), e.site or c.site, e.tail and c.tails),
    Apply: lambda c, e: Apply(c.copy(e.callee), c.copy(e.args), e.site or c.site, e.tail and c.tails),
    Closure: lambda c, e: Closure(e.func, c.all(e.captures)),
    Prim: lambda c, e: Prim(
        e.op, c.all(e.args), e.type, e.site or (c.site if OPS[e.op].raises else 0), e.imm
    ),
    Try: _copy_try,
}


def copy_function(f: Function, name: str | None = None) -> Function:
    """A copy that shares nothing with ``f`` but constants' values."""
    c = Copier()
    params = [c.var(v) for v in f.params]
    captures = [c.var(v) for v in f.captures]
    self_var = None if f.self_var is None else c.var(f.self_var)
    return Function(
        name or f.name, params, c.copy(f.body), f.result, f.rest, captures, self_var,
        f.display_name, f.origin, f.library, f.pinned,
    )  # fmt: skip
