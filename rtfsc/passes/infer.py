"""Forward inference over one function, which writes the function anew as it goes.

Before (called with an int)::

    (function f (params n)
      (if (is [int] n) (num.add n 1 @1) nil))

After::

    (function f (params (n int)) (result int)
      (int.add n 1 @1))

The walk evaluates a body abstractly: each expression comes back with what is *known* of its value, which
may be narrower than the type it has (the type says how it travels).  Tests narrow variables in the arms
they guard; where that makes a boxed variable an int, float or bool, the arm gets it unboxed once.  Loops
are walked until the types of their variables are stable, starting from what earlier walks found, so types
only grow.  Calls, globals and captures are asked of an oracle (`specialise`), which walks a function again
when an answer has grown.  The tree of the last walk is the result; the input tree is never changed.

As a pass of its own this is `specialise` without clones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
    Var,
)
from rtfsc.passes.branches import conditional, sequence
from rtfsc.passes.facts import Facts, divisors, facts, whole
from rtfsc.passes.known import ANY, Known, deep, meet
from rtfsc.passes.unbox import Typed, coerce, coerce_tail, rewrite
from rtfsc.primitives.ops import OPS

SCALARS: Final = frozenset({T.INT, T.FLOAT, T.BOOL})
_SMALL_CONSTS: Final = frozenset({T.NIL, T.BOOL, T.INT, T.FLOAT, T.KW, T.STR})
_NEVER_EMPTY: Final = frozenset({"seq.nth"})
"""Operations without error that do not come about where what they look at holds nothing."""
_DEEP_LOOPS: Final = 6
"""Loops nested more deeply keep the types they were declared with, so that walking them stays linear."""


def run(module: Module) -> None:
    from rtfsc.passes.specialise import specialise

    specialise(module, clones=False)


class Target(Protocol):
    """The function that a call goes to: ``params`` as declared (the types arguments are coerced to),
    ``result`` as it travels, ``known`` as it is known."""

    @property
    def name(self) -> str: ...
    @property
    def params(self) -> list[T.Type]: ...
    @property
    def result(self) -> T.Type: ...
    @property
    def known(self) -> Known: ...


class Oracle(Protocol):
    def call(self, func: str, types: list[Known]) -> Target: ...
    def closure(self, func: str, captures: list[Known]) -> None: ...
    def const_type(self, e: Const) -> Known: ...
    def global_type(self, name: str) -> Known: ...
    def global_value(self, name: str) -> Const | None: ...
    def set_global(self, name: str, t: Known) -> None: ...


LoopTypes = list[tuple[Known, T.Type]]
"""Per loop variable: what is known, and the type in which it travels."""


class Inference:
    """One walk over one function. ``loops`` outlives it: the loop types found so far, by label."""

    def __init__(self, oracle: Oracle, loops: dict[str, LoopTypes]) -> None:
        self.oracle = oracle
        self.loops = loops
        self.env: dict[Var, Expr] = {}
        self.known: dict[Var, Known] = {}
        self.unboxed: dict[Var, Var] = {}
        self.multiples: dict[Any, bool] = {}
        self.trail: list[tuple[dict[Any, Any], Any, Any]] = []
        self.frames: dict[str, tuple[LoopTypes, list[Var]]] = {}
        self.depth = 0
        self.tails: dict[str, bool] = {}

    def bind(self, old: Var, v: Var, known: Known) -> Var:
        """``old`` of the input is ``v`` of the output."""
        self.env[old] = Local(v)
        self.known[v] = known
        return v

    def set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self.trail.append((table, key, table.get(key)))
        table[key] = value

    def undo(self, mark: int) -> None:
        while len(self.trail) > mark:
            table, key, value = self.trail.pop()
            if value is None:
                del table[key]
            else:
                table[key] = value

    def narrow(self, found: Facts) -> list[tuple[Var, Var]]:
        """Applies facts; answers the variables that became scalar, with their unboxed stand-ins."""
        fresh: list[tuple[Var, Var]] = []
        for v, t in found:
            v = self.unboxed.get(v, v)
            old = self.known[v]
            new = meet(old, t)
            if new == old:
                continue
            if new in SCALARS and v.type != new:
                stand_in = Var(v.name, new)
                self.known[stand_in] = new
                self.set(self.unboxed, v, stand_in)
                fresh.append((v, stand_in))
            self.set(self.known, v, new)
        return fresh

    def walk(self, e: Expr) -> Typed:
        typed: Typed = _WALK[type(e)](self, e)
        return typed

    def operands(self, items: list[Expr]) -> tuple[list[Expr], list[Known], Expr | None]:
        """Walks operands in order; if one never returns, the third item is all that is left to do."""
        args: list[Expr] = []
        types: list[Known] = []
        for x in items:
            e, t = self.walk(x)
            if t == T.NEVER:
                return args, types, sequence(args, e)
            args.append(e)
            types.append(t)
        return args, types, None

    def const(self, e: Const) -> Typed:
        return e, e.type if e.type in _SMALL_CONSTS else self.oracle.const_type(e)

    def local(self, e: Local) -> Typed:
        x = self.env[e.var]
        if isinstance(x, Const):
            return Const(x.type, x.value), x.type  # a small one
        v = x.var  # type: ignore[attr-defined]
        v = self.unboxed.get(v, v)
        return Local(v), self.known[v]

    def global_(self, e: Global) -> Typed:
        t = self.oracle.global_type(e.name)
        if not e.checked:
            value = self.oracle.global_value(e.name)
            if value is not None:
                return Const(value.type, value.value), value.type
        return Global(e.name, e.type, e.checked, e.site), meet(t, e.type)

    def set_global(self, e: SetGlobal) -> Typed:
        value, t = self.walk(e.value)
        self.oracle.set_global(e.name, t)
        return SetGlobal(e.name, coerce(value, t, e.value.type)), t

    def let(self, e: Let) -> Typed:
        value, t = self.walk(e.value)
        if t == T.NEVER:
            return value, t
        if isinstance(value, Local) or (isinstance(value, Const) and _is_small(value)):
            self.env[e.var] = value
            return self.walk(e.body)
        v = self.bind(e.var, Var(e.var.name, t if t in SCALARS else value.type), t)
        body, result = self.walk(e.body)
        return Let(v, coerce(value, t, v.type), body), result

    def letrec(self, e: LetRec) -> Typed:
        for v, _ in e.bindings:
            self.bind(v, Var(v.name, T.FN), T.FN)
        bindings = []
        for v, closure in e.bindings:
            new, _ = self.closure(closure)
            bindings.append((self.env[v].var, new))  # type: ignore[attr-defined]
        body, t = self.walk(e.body)
        return LetRec(bindings, body), t  # type: ignore[arg-type]

    def seq(self, e: Seq) -> Typed:
        effects: list[Expr] = []
        for x in e.effects:
            new, t = self.walk(x)
            if t == T.NEVER:
                return sequence(effects, new), t
            effects.append(new)
        result, t = self.walk(e.result)
        return sequence(effects, result), t

    def conditional(self, e: If) -> Typed:
        test, t = self.walk(e.test)
        if t == T.NEVER:
            return test, t
        test = coerce(test, t, T.BOOL)
        effects: list[Expr] = []
        if isinstance(test, Seq):
            effects, test = test.effects, test.result
        if isinstance(test, Const):
            taken, t = self.walk(e.then if test.value else e.orelse)
            return sequence(effects, taken), t
        then, t1 = self.arm(e.then, test, True)
        orelse, t2 = self.arm(e.orelse, test, False)
        if t1 == T.NEVER and t2 != T.NEVER:
            self.learn(facts(test, False))
            # An arm that never yields a value does not widen the type of the other.
            then = coerce_tail(then, t1, orelse.type)
        elif t2 == T.NEVER and t1 != T.NEVER:
            self.learn(facts(test, True))
            orelse = coerce_tail(orelse, t2, then.type)
        return sequence(effects, conditional(test, then, orelse)), t1 | t2

    def arm(self, e: Expr, test: Expr, outcome: bool) -> Typed:
        mark = len(self.trail)
        fresh = self.narrow(facts(test, outcome))
        for pair in divisors(test, outcome):
            self.set(self.multiples, pair, True)
        body, t = self.walk(e)
        self.undo(mark)
        if isinstance(body, Const):
            return body, t
        for v, stand_in in reversed(fresh):
            body = Let(stand_in, Prim("as", [Local(v)], stand_in.type, 0, stand_in.type), body)
        return body, t

    def learn(self, found: Facts) -> None:
        """Facts that hold from here on, up to the end of the enclosing arm."""
        for v, t in found:
            v = self.unboxed.get(v, v)
            if self.known[v] & t:
                self.set(self.known, v, meet(self.known[v], t))

    def loop(self, e: Loop) -> Typed:
        inits, types, stuck = self.operands(e.inits)
        if stuck is not None:
            return stuck, T.NEVER
        start = [(t, x.type) for x, t in zip(inits, types, strict=True)]
        if self.depth >= _DEEP_LOOPS:
            start = [(deep(v.type), v.type) for v in e.vars]
        found = _join(self.loops.get(e.label, start), start)
        self.depth += 1
        while True:
            new, body, t, seen = self.iteration(e, found)
            joined = _join(found, seen)
            if joined == found:
                break
            found = joined
        self.depth -= 1
        self.loops[e.label] = found
        inits = [coerce(x, k, v.type) for x, k, v in zip(inits, types, new, strict=True)]
        return Loop(e.label, new, inits, body), t

    def iteration(self, e: Loop, found: LoopTypes) -> tuple[list[Var], Expr, Known, LoopTypes]:
        mark = len(self.trail)
        new = []
        for old, (known, travels) in zip(e.vars, found, strict=True):
            v = Var(old.name, known if known in SCALARS else travels)
            new.append(self.bind(old, v, known))
        seen: LoopTypes = list(found)
        self.frames[e.label] = (seen, new)
        body, t = self.walk(e.body)
        self.undo(mark)
        return new, body, t, seen

    def recur(self, e: Recur) -> Typed:
        args, types, stuck = self.operands(e.args)
        if stuck is not None:
            return stuck, T.NEVER
        seen, vars = self.frames[e.label]
        now = [(t, x.type) for x, t in zip(args, types, strict=True)]
        seen[:] = _join(seen, now)
        args = [coerce(x, t, v.type) for x, t, v in zip(args, types, vars, strict=True)]
        return Recur(e.label, args), T.NEVER

    def call(self, e: Call) -> Typed:
        closure = None if e.closure is None else self.walk(e.closure)[0]
        args, types, stuck = self.operands(e.args)
        if stuck is not None:
            return stuck, T.NEVER
        target = self.oracle.call(e.func, types)
        args = [coerce(x, t, p) for x, t, p in zip(args, types, target.params, strict=True)]
        if e.tail:
            self.tails[target.name] = True
        return Call(target.name, args, target.result, e.site, e.tail, closure), target.known

    def call_value(self, e: CallValue) -> Typed:
        args, _, stuck = self.operands([e.callee, *e.args])
        if stuck is not None:
            return stuck, T.NEVER
        return CallValue(args[0], args[1:], e.site, e.tail), ANY

    def apply(self, e: Apply) -> Typed:
        args, _, stuck = self.operands([e.callee, e.args])
        if stuck is not None:
            return stuck, T.NEVER
        return Apply(args[0], args[1], e.site, e.tail), ANY

    def closure(self, e: Closure) -> Typed:
        captures, types, stuck = self.operands(e.captures)
        if stuck is not None:
            return stuck, T.NEVER
        self.oracle.closure(e.func, types)
        # The function has its captures as they were: what a check no longer says of one, the narrowing says.
        captures = [coerce(x, t, old.type) for x, t, old in zip(captures, types, e.captures, strict=True)]
        return Closure(e.func, captures), T.FN

    def prim(self, e: Prim) -> Typed:
        args, types, stuck = self.operands(e.args)
        if stuck is not None:
            return stuck, T.NEVER
        new, t = rewrite(e, args, types)
        if isinstance(new, Prim) and new.op == "int.div" and self.divides(*new.args):
            t = T.INT
        if e.op == "check" and isinstance(args[0], Local):
            self.learn([(args[0].var, e.imm)])
        if t == T.NEVER and not OPS[e.op].raises and new.type != T.NEVER and e.op not in _NEVER_EMPTY:
            t = deep(new.type)
        return new, t

    def divides(self, n: Expr, d: Expr) -> bool:
        """``n`` is a multiple of ``d``, so the quotient is an integer: a test proved it, or what would
        remain was taken off."""
        if whole(n, d) is not None:
            return True
        if not isinstance(n, Local) or not isinstance(d, Local | Const):
            return False
        return (n.var, d.var if isinstance(d, Local) else d.value) in self.multiples

    def try_(self, e: Try) -> Typed:
        mark = len(self.trail)
        body, t1 = self.walk(e.body)
        self.undo(mark)
        v = self.bind(e.var, Var(e.var.name, T.ERR), T.ERR)
        handler, t2 = self.walk(e.handler)
        self.undo(mark)
        return Try(body, v, handler), t1 | t2


def _is_small(c: Const) -> bool:
    """As cheap to make again as to keep; a collection is if it is empty."""
    return c.type in _SMALL_CONSTS or c.value == ()


def _join(a: LoopTypes, b: LoopTypes) -> LoopTypes:
    return [(k1 | k2, t1 | t2) for (k1, t1), (k2, t2) in zip(a, b, strict=True)]


_WALK: Final[dict[type, Callable[..., Typed]]] = {
    Const: Inference.const,
    Local: Inference.local,
    Global: Inference.global_,
    SetGlobal: Inference.set_global,
    Let: Inference.let,
    LetRec: Inference.letrec,
    Seq: Inference.seq,
    If: Inference.conditional,
    Loop: Inference.loop,
    Recur: Inference.recur,
    Call: Inference.call,
    CallValue: Inference.call_value,
    Apply: Inference.apply,
    Closure: Inference.closure,
    Prim: Inference.prim,
    Try: Inference.try_,
}
