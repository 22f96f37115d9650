"""Which boxed variables are needed after each point where a collection may happen.

One walk backwards over a function. Sets are integers, a bit per variable. At the head of a loop all that its
body reads is needed; inside a `Try`, all that the handler reads.
"""

from __future__ import annotations

from collections.abc import Callable

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Const,
    Expr,
    Function,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Recur,
    Seq,
    Try,
    Var,
)  # fmt: skip
from rtfsc.ir.walk import bound, children, nodes

_NEVER_MOVES = T.NIL | T.BOOL


class Liveness:
    """``after(e)``: the variables needed after the point ``e``, for a loop those needed at its head.
    ``entry``: those needed when the function begins. Expressions are told apart by identity."""

    def __init__(self, function: Function, is_point: Callable[[Expr], bool]) -> None:
        self._is_point = is_point
        self._vars: list[Var] = []
        self._bits: dict[Var, int] = {}
        self._points: dict[int, int] = {}
        self._heads: dict[str, int] = {}
        self._caught = 0
        self.entry = self._named(self._before(function.body, 0))

    def after(self, e: Expr) -> list[Var]:
        return self._named(self._points.get(id(e), 0))

    def _named(self, found: int) -> list[Var]:
        return [self._vars[i] for i in range(found.bit_length()) if found >> i & 1]

    def _bit(self, var: Var) -> int:
        if T.rep(var.type) != "val" or T.subtype(var.type, _NEVER_MOVES):
            return 0
        bit = self._bits.get(var)
        if bit is None:
            bit = self._bits[var] = 1 << len(self._vars)
            self._vars.append(var)
        return bit

    def _without(self, live: int, variables: list[Var]) -> int:
        for var in variables:
            live &= ~self._bit(var)
        return live

    def _note(self, e: Expr, live: int) -> None:
        if self._is_point(e):
            self._points[id(e)] = live | self._caught

    def _before(self, e: Expr, after: int) -> int:
        """What is needed before ``e``, given what is needed after it."""
        if isinstance(e, Const | Global):
            return after
        if isinstance(e, Local):
            return after | self._bit(e.var)
        if isinstance(e, Let | Seq):
            return self._chain(e, after)
        if isinstance(e, LetRec):
            live = self._before(e.body, after)
            for _, closure in reversed(e.bindings):
                live = self._before(closure, live)
            return self._without(live, bound(e))
        if isinstance(e, If):
            return self._before(e.test, self._before(e.then, after) | self._before(e.orelse, after))
        if isinstance(e, Loop):
            return self._loop(e, after)
        if isinstance(e, Recur):
            after = self._heads[e.label]
        elif isinstance(e, Try):
            return self._try(e, after)
        self._note(e, after)
        for child in reversed(children(e)):
            after = self._before(child, after)
        return after

    def _chain(self, e: Expr, after: int) -> int:
        """A chain of bindings and effects, however long, without recursion."""
        links: list[Let | Seq] = []
        while isinstance(e, Let | Seq):
            links.append(e)
            e = e.body if isinstance(e, Let) else e.result
        live = self._before(e, after)
        for link in reversed(links):
            if isinstance(link, Let):
                live = self._before(link.value, live & ~self._bit(link.var))
            else:
                for effect in reversed(link.effects):
                    live = self._before(effect, live)
        return live

    def _loop(self, e: Loop, after: int) -> int:
        head, inside = after | self._caught, 0
        for node in nodes(e.body):
            if isinstance(node, Local):
                head |= self._bit(node.var)
            for var in bound(node):
                inside |= self._bit(var)
        head &= ~inside
        self._heads[e.label] = self._without(head, e.vars)
        self._note(e, head)
        self._before(e.body, after)
        for var, init in zip(reversed(e.vars), reversed(e.inits), strict=True):
            head = self._before(init, head & ~self._bit(var))
        return head

    def _try(self, e: Try, after: int) -> int:
        handler = self._before(e.handler, after) & ~self._bit(e.var)
        caught, self._caught = self._caught, self._caught | handler
        live = self._before(e.body, after)
        self._caught = caught
        return live | handler
