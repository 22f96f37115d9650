"""A loop that builds a vector and a loop that walks through it become one, and the vector is not built.

Before::

    (let (v vec (loop A ((i int) 0) ((out builder) (builder))
                  (if (int.lt i n)
                    (recur A (i64.add i 1) (builder.push out (i64.mul i 2)))
                    (builder.done out))))
      (loop B ((j int) 0) ((sum int) 0)
        (if (int.lt j (seq.length v))
          (recur B (i64.add j 1) (int.add sum (as [int] (seq.nth v j)) @1))
          sum)))

After::

    (loop A ((i int) 0) ((sum int) 0)
      (if (int.lt i n)
        (let (element int (i64.mul i 2))
          (recur A (i64.add i 1) (int.add sum element @1)))
        sum))

What is told apart from outside stays as it was.  In the program as written the first loop ends before the
second starts, so where both can raise, an error of the first comes first, whatever element it is for.  The
fused loop may meet an error of the second before; then what remains of the first alone is run to see whether
it raises, and only if not the error stands.  For that the first loop must be free of calls and effects, and
the second must come to an end for every element.  A second loop that can stop early is fused only with one
that cannot raise.  Between the two nothing may stand that raises.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Expr, Function, If, Let, Local, Loop, Module, Prim, Seq, Try, Var, nil
from rtfsc.ir.walk import Copier, children, nodes, rewrite, size
from rtfsc.passes.branches import droppable
from rtfsc.passes.pipes import MAX_STEP, Consumer, NotFusible, Producer, consumer_of, producer_of


def run(module: Module) -> None:
    for f in module.functions.values():
        if sum(isinstance(e, Loop) for e in nodes(f.body)) > 1:
            _Fusion(f).run()


class _Fusion:
    """Of one function. ``copies`` numbers the labels of what is copied."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.copies = 0

    def run(self) -> None:
        self.function.body = rewrite(self.function.body, self.simplify)

    def simplify(self, e: Expr) -> Expr:
        if not isinstance(e, Let):
            return e
        outer: list[Expr] = []
        value = e.value
        while isinstance(value, Let | Seq):
            outer.append(value)
            value = value.body if isinstance(value, Let) else value.result
        producer = producer_of(value) if isinstance(value, Loop) else None
        if producer is None:
            return e
        found = self.consumed(e.var, producer, e.body)
        if found is None:
            return e
        for around in reversed(outer):
            found = (
                Let(around.var, around.value, found)
                if isinstance(around, Let)
                else Seq(around.effects, found)  # type: ignore[attr-defined]
            )
        return found

    def consumed(self, v: Var, producer: Producer, body: Expr) -> Expr | None:
        """``body`` with the fused loop in place of the one that walks through ``v``."""
        consumer = consumer_of(v, body)
        if consumer is None or not _reached_first(body, consumer.loop):
            return None
        try:
            fused = self.fused(producer, consumer)
        except NotFusible:
            return None
        return rewrite(body, lambda e: fused if e is consumer.loop else e)

    def fused(self, producer: Producer, consumer: Consumer) -> Expr:
        if producer.pushes > 1 and size(consumer.step, MAX_STEP) == MAX_STEP:
            raise NotFusible
        both = producer.raises and consumer.raises
        if producer.raises and consumer.stops:
            raise NotFusible
        if both and not (producer.repeatable and consumer.ends):
            raise NotFusible
        alone = self.alone(producer) if both else None
        loop = self.merged(producer, consumer)
        if alone is None:
            return loop
        error = Var("error", T.ERR)
        return Try(loop, error, Seq([alone], Prim("throw", [Local(error)], T.NEVER)))

    def merged(self, producer: Producer, consumer: Consumer) -> Loop:
        counter = [consumer.counter] if consumer.counts else []
        kept = [*counter, *consumer.accumulators]
        unchanged: list[Expr] = [Local(v) for v in kept]

        def push(element: Expr, others: list[Expr]) -> Expr:
            """A round of the second loop for one element, then the next of the first."""
            self.copies += 1
            suffix = f"~f{self.copies}"
            own, again = Var("element", element.type), producer.again(others)
            step = Copier(suffix=suffix).copy(consumer.step)
            label = consumer.loop.label + suffix
            return Let(own, element, rewrite(step, lambda e: consumer.next(e, own, label, again)))

        def skip(others: list[Expr]) -> Expr:
            return producer.again(others)([_copy(x) for x in unchanged])

        step = producer.rounds(push, skip)
        loop = producer.loop
        inits = [*producer.inits, *consumer.inits]
        return Loop(loop.label, [*producer.variables, *kept], inits, If(producer.test, step, consumer.exit))

    def alone(self, producer: Producer) -> Expr:
        """The first loop for what it may raise."""
        self.copies += 1
        copy = Copier(suffix=f"~f{self.copies}").copy(producer.loop)
        assert isinstance(copy, Loop)
        again = producer_of(copy)
        assert again is not None

        def push(element: Expr, others: list[Expr]) -> Expr:
            return Seq([element], again.again(others)([]))

        def skip(others: list[Expr]) -> Expr:
            return again.again(others)([])

        step = again.rounds(push, skip)
        return Loop(again.loop.label, again.variables, again.inits, If(again.test, step, nil()))


def _copy(e: Expr) -> Expr:
    return Copier().copy(e)


def _reached_first(body: Expr, loop: Loop) -> bool:
    """Whether ``loop`` is evaluated, once and surely, before anything in ``body`` that may raise or has an
    effect."""
    e = body
    while e is not loop:
        following = None
        for x in _operands(e):
            if any(y is loop for y in nodes(x)):
                following = x
                break
            if not droppable(x):
                return False
        if following is None:
            return False
        e = following
    return all(droppable(x) for x in loop.inits)


def _operands(e: Expr) -> Iterable[Expr]:
    """What is certainly evaluated, in order."""
    if isinstance(e, If):
        return [e.test]
    if isinstance(e, Loop):
        return e.inits
    if isinstance(e, Try):
        return []
    return children(e)
