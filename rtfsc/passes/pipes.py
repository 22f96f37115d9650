"""Loops that build a vector and loops that walk through one: how `fuse` finds and takes them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

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
    LetRec,
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    Var,
)
from rtfsc.ir.walk import Copier, nodes
from rtfsc.passes.counting import reads
from rtfsc.primitives.ops import OPS

MAX_STEP: Final = 80
"""Nodes of a step of the second loop that is copied to more than one place."""
MAX_PUSHES: Final = 3
"""Such places."""
_ADDS: Final = frozenset({"int.add", "i64.add"})

Next = Callable[[list[Expr]], Recur]


class NotFusible(Exception):
    """The loops have another shape than was hoped."""


@dataclass(slots=True)
class Producer:
    """``(loop L … ((out builder) (builder)) (if test step (builder.done out)))``, where every round pushes
    to ``out`` or leaves it. ``variables`` and ``inits`` are the others, without ``out``, which stands at
    ``position``. ``repeatable``: to run it again does nothing but raise what it raised."""

    loop: Loop
    position: int
    variables: list[Var]
    inits: list[Expr]
    test: Expr
    step: Expr
    pushes: int
    raises: bool
    repeatable: bool

    def again(self, others: list[Expr]) -> Next:
        return lambda more: Recur(self.loop.label, [*(Copier().copy(x) for x in others), *more])

    def rounds(self, push: Callable[[Expr, list[Expr]], Expr], skip: Callable[[list[Expr]], Expr]) -> Expr:
        """The step with what ``push`` and ``skip`` make of its ends; they get the other variables' values."""
        label, out = self.loop.label, self.loop.vars[self.position]

        def tail(e: Expr) -> Expr:
            if isinstance(e, Recur):
                if e.label != label:
                    raise NotFusible
                others = [x for i, x in enumerate(e.args) if i != self.position]
                if not all(is_step(x) for x in others):
                    raise NotFusible
                return pushed(e.args[self.position], others)
            return along(e, tail)

        def pushed(e: Expr, others: list[Expr]) -> Expr:
            if isinstance(e, Local) and e.var is out:
                return skip(others)
            if isinstance(e, Prim) and e.op == "builder.push" and _is_local(e.args[0], out):
                return push(e.args[1], others)
            return along(e, lambda x: pushed(x, others))

        return tail(self.step)


def along(e: Expr, f: Callable[[Expr], Expr]) -> Expr:
    """``e`` with ``f`` of what stands in tail position."""
    if isinstance(e, If):
        return If(e.test, f(e.then), f(e.orelse))
    if isinstance(e, Let):
        return Let(e.var, e.value, f(e.body))
    if isinstance(e, Seq):
        return Seq(e.effects, f(e.result))
    if e.type == T.NEVER and not any(isinstance(x, Recur) for x in nodes(e)):
        return e
    raise NotFusible


def producer_of(loop: Loop) -> Producer | None:
    body = loop.body
    if not isinstance(body, If) or not isinstance(body.orelse, Prim) or body.orelse.op != "builder.done":
        return None
    done = body.orelse.args[0]
    if not isinstance(done, Local) or done.var not in loop.vars:
        return None
    at = loop.vars.index(done.var)
    init = loop.inits[at]
    if not isinstance(init, Prim) or init.op != "builder":
        return None
    pushes = _pushes(loop, done.var, at)
    if pushes is None:
        return None
    others = [i for i in range(len(loop.vars)) if i != at]
    found = list(_hazards([body.test, body.then], _counter(body.test)))
    return Producer(
        loop, at, [loop.vars[i] for i in others], [loop.inits[i] for i in others], body.test, body.then,
        pushes, bool(found), all(isinstance(x, Prim) and x.op not in _EFFECTS for x in found),
    )  # fmt: skip


_EFFECTS: Final = frozenset({"host", "routed", "gensym"})


def _pushes(loop: Loop, out: Var, at: int) -> int | None:
    """In how many places ``out`` is pushed to; None if more is done with it than that and passing it on."""
    uses = pushes = passed = 0
    for e in nodes(loop.body):
        uses += _is_local(e, out)
        if isinstance(e, Prim) and e.op == "builder.push" and _is_local(e.args[0], out):
            pushes += 1
        elif isinstance(e, Recur) and e.label == loop.label:
            passed += _passed(e.args[at], out)
    return pushes if pushes <= MAX_PUSHES and uses == pushes + passed + 1 else None


def _passed(e: Expr, out: Var) -> int:
    """How often ``out`` itself is what ``e`` ends in."""
    if isinstance(e, If):
        return _passed(e.then, out) + _passed(e.orelse, out)
    if isinstance(e, Let):
        return _passed(e.body, out)
    if isinstance(e, Seq):
        return _passed(e.result, out)
    return _is_local(e, out)


@dataclass(slots=True)
class Consumer:
    """``(loop L ((j int) 0) … (if (int.lt j (seq.length v)) step exit))``, where ``v`` is read at ``j``
    alone. ``accumulators`` are the other variables, ``inits`` first values of those that stay. ``counts``:
    ``j`` is used otherwise too and stays; ``stops``: a round can end the loop; ``ends``: every round surely
    comes to an end, inside the loop."""

    loop: Loop
    vector: Var
    counter: Var
    accumulators: list[Var]
    inits: list[Expr]
    step: Expr
    exit: Expr
    counts: bool
    stops: bool
    raises: bool
    ends: bool

    def next(self, e: Expr, element: Var, label: str, again: Next) -> Expr:
        """In a copy of the step: ``element`` is read, and a recur goes on with the first loop."""
        if isinstance(e, Recur) and e.label == label:
            at = self.loop.vars.index(self.counter)
            args = [x for i, x in enumerate(e.args) if i != at]
            return again([e.args[at], *args] if self.counts else args)
        if isinstance(e, Prim) and e.op == "seq.nth" and reads(e, self.vector):
            return Local(element)
        if isinstance(e, Prim) and e.op == "as" and T.subtype(e.args[0].type, e.type):
            return e.args[0]
        return e


def consumer_of(v: Var, body: Expr) -> Consumer | None:
    """The only loop that ``v`` is used in, if it walks through it."""
    loop = next((e for e in nodes(body) if isinstance(e, Loop) and _walks(e, v)), None)
    if loop is None:
        return None
    assert isinstance(loop.body, If) and isinstance(loop.body.test, Prim)
    step, exit = loop.body.then, loop.body.orelse
    counter: Var = loop.body.test.args[0].var  # type: ignore[attr-defined]
    at = loop.vars.index(counter)
    read = sum(_is_element(e, v, counter) for e in nodes(step))
    if sum(_is_local(e, v) for e in nodes(body)) != read + 1:
        return None
    recurs = [e for e in nodes(step) if isinstance(e, Recur) and e.label == loop.label]
    first = loop.inits[at]
    if not isinstance(first, Const) or first.value != 0:
        return None
    if not all(_next(e.args[at], counter) for e in recurs):
        return None
    uses = sum(_is_local(e, counter) for x in (step, exit) for e in nodes(x))
    counts = uses > read + len(recurs)
    others = [i for i in range(len(loop.vars)) if i != at]
    found = list(_hazards([step, exit], counter))
    return Consumer(
        loop, v, counter, [loop.vars[i] for i in others],
        [loop.inits[i] for i in ([at, *others] if counts else others)], step, exit, counts,
        _stops(step, loop.label), bool(found), all(isinstance(e, Prim) for e in found) and _closed(loop),
    )  # fmt: skip


def _walks(loop: Loop, v: Var) -> bool:
    """The test of ``loop`` compares one of its variables with the length of ``v``."""
    test = loop.body.test if isinstance(loop.body, If) else None
    if not isinstance(test, Prim) or test.op != "int.lt" or not isinstance(test.args[0], Local):
        return False
    length = test.args[1]
    return (
        test.args[0].var in loop.vars
        and isinstance(length, Prim) and length.op == "seq.length" and reads(length, v)
    )  # fmt: skip


def _is_element(e: Expr, v: Var, counter: Var) -> bool:
    return isinstance(e, Prim) and e.op == "seq.nth" and reads(e, v) and _is_local(e.args[1], counter)


def _is_local(e: Expr, v: Var) -> bool:
    return isinstance(e, Local) and e.var is v


def _next(e: Expr, counter: Var) -> bool:
    """``counter`` and one."""
    return (
        isinstance(e, Prim) and e.op in _ADDS and _is_local(e.args[0], counter)
        and isinstance(e.args[1], Const) and e.args[1].value == 1
    )  # fmt: skip


def is_step(e: Expr) -> bool:
    """Cheap, and as good after the element as before it."""
    if isinstance(e, Prim):
        return e.op in _ADDS and isinstance(e.args[0], Local) and isinstance(e.args[1], Local | Const)
    return isinstance(e, Local | Const)


def _counter(test: Expr) -> Var | None:
    """The variable that ``test`` keeps below something."""
    if isinstance(test, Prim) and test.op == "int.lt" and isinstance(test.args[0], Local):
        return test.args[0].var
    return None


def _hazards(parts: list[Expr], counter: Var | None) -> Iterator[Expr]:
    """What may raise or do anything outside. One more than a counter that is below something is an int."""
    for part in parts:
        for e in nodes(part):
            if isinstance(e, Prim):
                if OPS[e.op].raises and not (counter is not None and _next(e, counter)):
                    yield e
            elif isinstance(e, Call | CallValue | Apply) or (isinstance(e, Global) and e.checked):
                yield e


def _stops(e: Expr, label: str) -> bool:
    """A round may end otherwise than with the next one or an error."""
    if isinstance(e, If):
        return _stops(e.then, label) or _stops(e.orelse, label)
    if isinstance(e, Let):
        return _stops(e.body, label)
    if isinstance(e, Seq):
        return _stops(e.result, label)
    if isinstance(e, Recur):
        return e.label != label
    return e.type != T.NEVER or isinstance(e, Loop)


def _closed(loop: Loop) -> bool:
    """Neither are there loops inside, nor does anything lead out of it but its end."""
    for e in nodes(loop.body):
        if isinstance(e, Loop | LetRec) or (isinstance(e, Recur) and e.label != loop.label):
            return False
        if getattr(e, "tail", False):
            return False
    return True
