"""What was computed before is not computed again, nor what is the same in every round of a loop.

Before::

    (loop L ((i int) 0) (t 0)
      (if (int.lt i (count v @1))
        (recur L (int.add i 1 @2) (if (lt (nth v i @3) 0 @4) t (num.add t (nth v i @5) @2)))
        t))

After::

    (let (same (count v @1))
      (loop L ((i int) 0) (t 0)
        (if (int.lt i same)
          (recur L (int.add i 1 @2)
            (let (same.1 (nth v i @3)) (if (lt same.1 0 @4) t (num.add t same.1 @2))))
          t)))

Every expression gets a number, equal ones the same: values are immutable, so equal operations on the same
operands give the same.  Where an expression that occurs again is certain to be evaluated first of all in a
test, a value or an effect, it is bound before that; what comes after uses the variable.  An operation that
raises is moved over nothing that can raise, so the first error stays the first; one that came out before
on the same operands cannot raise any more, so it may go.  Comparisons stay: an engine that compares and
jumps at once is not helped by the boolean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Const,
    Expr,
    Global,
    If,
    Let,
    Local,
    Loop,
    Module,
    Prim,
    Seq,
    Try,
    Var,
)
from rtfsc.ir.walk import bound, children, map_children
from rtfsc.primitives.ops import OPS

_FAR: Final = 40
"""Nodes of a test, value or effect that are looked at; keeps the pass linear."""
_PARTIAL: Final = frozenset({"as", "seq.nth"})
"""Not defined for all operands, so moved no further than what raises."""
_NEVER: Final = frozenset({
    "host", "routed", "gensym", "throw", "err.new", "builder", "builder.push", "builder.done", "vector",
    "list", "map",
})  # fmt: skip
"""Not the same each time, changing what they are given, or only there to make something new."""
_ATOMS: Final = frozenset({T.NIL, T.BOOL, T.INT, T.FLOAT, T.STR, T.KW, T.SYM})


def run(module: Module) -> None:
    for f in module.functions.values():
        common = Common()
        common.number(f.body)
        if common.worth:
            f.body = common.walk(f.body)


def _eligible(e: Prim) -> bool:
    op = OPS[e.op]
    if e.op in _NEVER or e.op.startswith("raise.") or (op.inline and op.result == T.BOOL):
        return False
    return not (op.result & T.BUILDER or T.BUILDER in op.params)


def _total(e: Prim) -> bool:
    return not OPS[e.op].raises and e.op not in _PARTIAL


class Common:
    """Of one function. By id of a node: ``numbers``, and ``depths``, the number of loops around the
    innermost binding of its variables; by number: ``count`` of places, ``available`` variables; by label of
    a loop: ``cheap`` operations in it that may be done before it at any time. ``partial``: operations, by id,
    that are not total or have a part that is not: they take it along where they are moved."""

    def __init__(self) -> None:
        self.table: dict[Any, int] = {}
        self.numbers: dict[int, int] = {}
        self.depths: dict[int, int] = {}
        self.variables: dict[Var, tuple[int, int]] = {}
        self.count: dict[int, int] = {}
        self.available: dict[int, Var] = {}
        self.cheap: dict[str, list[Prim]] = {}
        self.around: list[str] = []
        self.partial: set[int] = set()
        self.worth = False

    # --- numbers

    def intern(self, key: Any) -> int:
        return self.table.setdefault(key, len(self.table) + 1)

    def introduce(self, v: Var, number: int = 0) -> None:
        self.variables[v] = number or self.intern(v), len(self.around)

    def number(self, e: Expr) -> None:
        """Numbers the expression and its parts; what has no number equals nothing."""
        if isinstance(e, Let):
            self.number(e.value)
            self.introduce(e.var, self.numbers.get(id(e.value), 0))
            self.number(e.body)
        elif isinstance(e, Loop):
            for x in e.inits:
                self.number(x)
            self.around.append(e.label)
            self.cheap[e.label] = []
            for v in e.vars:
                self.introduce(v)
            self.number(e.body)
            self.around.pop()
            self.worth = True
        else:
            for v in bound(e):
                self.introduce(v)
            for x in children(e):
                self.number(x)
            if isinstance(e, Prim) and (not _total(e) or any(id(x) in self.partial for x in e.args)):
                self.partial.add(id(e))
            self.leaf(e)

    def leaf(self, e: Expr) -> None:
        if isinstance(e, Local):
            if e.var not in self.variables:
                self.variables[e.var] = self.intern(e.var), 0
            self.numbers[id(e)], self.depths[id(e)] = self.variables[e.var]
        elif isinstance(e, Const) and e.type in _ATOMS:
            self.numbers[id(e)], self.depths[id(e)] = self.intern((e.type, repr(e.value))), 0
        elif isinstance(e, Prim) and e.args and _eligible(e):
            parts = [self.numbers.get(id(x), 0) for x in e.args]
            if all(parts):
                self.operation(e, self.intern((e.op, e.imm, e.type, *parts)))

    def operation(self, e: Prim, number: int) -> None:
        depth = max(self.depths[id(x)] for x in e.args)
        self.numbers[id(e)], self.depths[id(e)] = number, depth
        self.count[number] = times = self.count.get(number, 0) + 1
        self.worth |= times > 1
        if depth < len(self.around) and OPS[e.op].inline and id(e) not in self.partial:
            self.cheap[self.around[depth]].append(e)

    # --- what comes first

    def first(self, parts: list[Expr], wanted: Callable[[Prim], bool], may_raise: bool) -> list[Prim]:
        """Wanted operations that ``parts`` are certain to evaluate, in order, and that may be evaluated
        before all else."""
        found: list[Prim] = []
        left = _FAR
        todo = [(x, False) for x in reversed(parts)]
        while todo and left:
            e, done = todo.pop()
            if not done:
                left -= 1
                todo.append((e, True))
                todo.extend((x, False) for x in reversed(_certain(e)))
            elif not isinstance(e, Prim):
                may_raise = may_raise and not _can_raise(e)
            elif self.numbers.get(id(e), 0) in self.available:
                pass
            elif id(e) in self.numbers and (may_raise or id(e) not in self.partial) and wanted(e):
                found.append(e)
            elif not _total(e):
                may_raise = False
        return found

    # --- rewriting

    def walk(self, e: Expr) -> Expr:
        if isinstance(e, If):
            return self.after(e, [e.test])
        if isinstance(e, Let):
            return self.after(e, [e.value])
        if isinstance(e, Seq):
            return self.after(e, [*e.effects, e.result])
        if isinstance(e, Loop):
            return self.loop(e)
        return self.inner(e)

    def after(self, e: Expr, parts: list[Expr]) -> Expr:
        """``e``, of which ``parts`` are evaluated first: what occurs again is bound before it."""
        found = self.first(parts, lambda x: self.count[self.numbers[id(x)]] > 1, True)
        if isinstance(e, Let) and found and found[-1] is e.value:
            found.pop()  # it has a variable
        made = self.bind(found)
        return self.wrap(made, self.inner(e))

    def loop(self, e: Loop) -> Expr:
        e.inits = [self.walk(x) for x in e.inits]
        depth = len(self.around)
        plain = all(isinstance(x, Local | Const) for x in e.inits)
        made = self.bind(self.first([e.body], lambda x: self.depths[id(x)] <= depth, plain))
        made += self.bind(self.cheap[e.label])
        self.around.append(e.label)
        e.body = self.walk(e.body)
        self.around.pop()
        e.type = e.body.type
        return self.wrap(made, e)

    def inner(self, e: Expr) -> Expr:
        """``e`` with what is available in place of what equals it."""
        if isinstance(e, Prim):
            v = self.available.get(self.numbers.get(id(e), 0))
            return map_children(e, self.walk) if v is None else Local(v)
        return self.let(e) if isinstance(e, Let) else map_children(e, self.walk)

    def let(self, e: Let) -> Expr:
        number = self.numbers.get(id(e.value), 0) if isinstance(e.value, Prim) else 0
        e.value = self.walk(e.value)
        fresh = number != 0 and isinstance(e.value, Prim) and number not in self.available
        fresh = fresh and e.var.type == e.value.type
        if fresh:
            self.available[number] = e.var
        e.body = self.walk(e.body)
        e.type = e.body.type
        if fresh:
            del self.available[number]
        return e

    def bind(self, found: list[Prim]) -> list[tuple[int, Var, Expr]]:
        """Variables for operations; their number is available from here on."""
        made: list[tuple[int, Var, Expr]] = []
        for x in found:
            number = self.numbers[id(x)]
            if number not in self.available:
                value = map_children(Prim(x.op, list(x.args), x.type, x.site, x.imm), self.inner)
                self.available[number] = v = Var("same", x.type)
                made.append((number, v, value))
        return made

    def wrap(self, made: list[tuple[int, Var, Expr]], e: Expr) -> Expr:
        for number, v, value in reversed(made):
            del self.available[number]
            e = Let(v, value, e)
        return e


def _certain(e: Expr) -> list[Expr]:
    """The parts of ``e`` that are always evaluated, in order, and bind nothing on their way."""
    if isinstance(e, If):
        return [e.test]
    if isinstance(e, Let):
        return [e.value]
    if isinstance(e, Loop):
        return e.inits
    if isinstance(e, Try):
        return []
    return children(e)


def _can_raise(e: Expr) -> bool:
    return isinstance(e, If | Let | Loop | Try | Call | CallValue | Apply) or (
        isinstance(e, Global) and e.checked
    )
