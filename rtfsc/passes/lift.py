"""Local functions that never escape become plain functions; what they captured becomes parameters.

Before::

    (function outer (params n)
      (let (h fn (closure outer/fn n))
        (call-closure outer/fn h 0 @1)))
    (function outer/fn (params i) (captures n) (self (h fn))
      (if (eq i n) 0 (num.inc (call-closure outer/fn h (num.inc i @2) @3) @4)))

After::

    (function outer (params n)
      (call outer/fn 0 n @1))
    (function outer/fn (params i n)
      (if (eq i n) 0 (num.inc (call outer/fn (num.inc i @2) n @3) @4)))

A group that is bound together (`LetRec`) is lifted together: all its members take what any of them
captured.  A function escapes if its variable is used other than to be called with the right number of
arguments, or if a closure of it is made in a second place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    Let,
    LetRec,
    Local,
    Module,
    Var,
)
from rtfsc.ir.walk import nodes, rewrite


def run(module: Module) -> None:
    made = Counter(e.func for f in module.functions.values() for e in nodes(f.body) if isinstance(e, Closure))
    for f in list(module.functions.values()):
        bound = _bound_closures(f.body)
        if bound:
            uses = _Uses(f.body)
            groups = [_group(module, f, bindings, made, uses) for bindings in bound]
            _lift(f, [g for g in groups if g is not None])


def _bound_closures(body: Expr) -> list[list[tuple[Var, Closure]]]:
    found = []
    for e in nodes(body):
        if isinstance(e, Let) and isinstance(e.value, Closure):
            found.append([(e.var, e.value)])
        elif isinstance(e, LetRec):
            found.append(e.bindings)
    return found


class _Uses:
    """How often each variable occurs in a body, and with how many arguments it is called there (a direct
    call has the right number)."""

    def __init__(self, body: Expr) -> None:
        self.all: Counter[Var] = Counter()
        self.direct: Counter[Var] = Counter()
        self.called: Counter[tuple[Var, int]] = Counter()
        for e in nodes(body):
            if isinstance(e, Local):
                self.all[e.var] += 1
            elif isinstance(e, Call) and isinstance(e.closure, Local):
                self.direct[e.closure.var] += 1
            elif isinstance(e, CallValue) and isinstance(e.callee, Local):
                self.called[e.callee.var, len(e.args)] += 1

    def escaping(self, v: Var, f: Function) -> int:
        """Occurrences of ``v``, which denotes ``f``, that are no calls of it."""
        return self.all[v] - self.direct[v] - self.called[v, len(f.params)]


@dataclass(slots=True)
class _Group:
    """Functions bound together. ``members``: which function each variable denotes, in the function where
    they are bound and in their own bodies; ``outer``: what they capture from outside, once each."""

    functions: dict[Var, Function]
    closures: dict[Var, Closure]
    members: dict[str, dict[Var, Function]]
    outer: list[Var]


def _lift(home: Function, groups: list[_Group]) -> None:
    callers: dict[Var, tuple[Function, list[Var]]] = {}
    for group in groups:
        inner = {f.name: _add_parameters(group, f, group.closures[v]) for v, f in group.functions.items()}
        for f in group.functions.values():
            own = {v: (member, inner[f.name]) for v, member in group.members[f.name].items()}
            f.body = rewrite(f.body, lambda e, own=own: _plain_call(e, own))  # type: ignore[misc]
        callers.update({v: (f, group.outer) for v, f in group.functions.items()})
    if callers:
        home.body = rewrite(home.body, lambda e: _unbind(_plain_call(e, callers), callers))


def _add_parameters(group: _Group, f: Function, closure: Closure) -> list[Var]:
    """Gives ``f`` a parameter per outer variable; answers them. Captured constants are filled in."""
    own: dict[Var, Var] = {}
    atoms: dict[Var, Expr] = {}
    for captured, x in zip(f.captures, closure.captures, strict=True):
        if isinstance(x, Const):
            atoms[captured] = x
        elif isinstance(x, Local) and x.var not in group.functions:
            first = own.setdefault(x.var, captured)
            if first is not captured:
                atoms[captured] = Local(first)
    extra = [own.get(v) or Var(v.name, v.type) for v in group.outer]
    f.params = [*f.params, *extra]
    f.captures, f.self_var = [], None
    if atoms:
        f.body = rewrite(f.body, lambda e: atoms.get(e.var, e) if isinstance(e, Local) else e)
    return extra


def _plain_call(e: Expr, members: dict[Var, tuple[Function, list[Var]]]) -> Expr:
    """A call of a member passes the captured values as arguments."""
    if isinstance(e, Call) and isinstance(e.closure, Local) and e.closure.var in members:
        f, extra = members[e.closure.var]
        return Call(f.name, [*e.args, *map(Local, extra)], e.type, e.site, e.tail)
    if isinstance(e, CallValue) and isinstance(e.callee, Local) and e.callee.var in members:
        f, extra = members[e.callee.var]
        return Call(f.name, [*e.args, *map(Local, extra)], f.result, e.site, e.tail)
    return e


def _unbind(e: Expr, lifted: dict[Var, tuple[Function, list[Var]]]) -> Expr:
    if isinstance(e, Let) and e.var in lifted:
        return e.body
    if isinstance(e, LetRec) and e.bindings and e.bindings[0][0] in lifted:
        return e.body
    return e


def _group(
    module: Module, home: Function, bindings: list[tuple[Var, Closure]], made: Counter[str], uses: _Uses
) -> _Group | None:
    """The group of ``bindings``, if none of them escapes."""
    functions = {v: module.functions[c.func] for v, c in bindings}
    group = _Group(functions, dict(bindings), {home.name: functions}, [])
    outer: dict[Var, bool] = {}
    for v, c in bindings:
        f = functions[v]
        if made[f.name] != 1 or f.rest or T.rep(f.result) != "val" or f is home:
            return None
        group.members[f.name] = aliases = {} if f.self_var is None else {f.self_var: f}
        for captured, x in zip(f.captures, c.captures, strict=True):
            if isinstance(x, Local) and x.var in functions:
                aliases[captured] = functions[x.var]
            elif isinstance(x, Local):
                outer[x.var] = True
            elif not isinstance(x, Const):
                return None
    group.outer = list(outer)
    return group if T.rep(home.result) == "val" and _only_called(group, uses) else None


def _only_called(group: _Group, uses: _Uses) -> bool:
    captured = Counter(x.var for c in group.closures.values() for x in c.captures if isinstance(x, Local))
    for v, f in group.functions.items():
        if uses.escaping(v, f) != captured[v]:
            return False
        inner = _Uses(f.body)
        if any(inner.escaping(alias, member) for alias, member in group.members[f.name].items()):
            return False
    return True
