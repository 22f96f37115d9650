"""Calls of small functions, of functions called once, and of known closures are replaced by bodies.

Before::

    (function add (params a b) (num.add a b @1))
    (function $init (params)
      (let (f fn (closure lam)) (call lib/map/2 f (vector 1 2) @2)))

After::

    (function $init (params)
      (let (f fn (closure lam)) (c (vector 1 2)) (s vec (seq ["map"] c @2))
        (loop L ((i int) 0) ((out builder) (builder))
          (… (body of lam) …))))

Functions are visited callees first; a recursive group is never opened.  A library function that calls a
parameter is opened where that argument is a closure known here; the call inside then becomes direct, and is
opened in turn.  A recursive function that is given such a closure is called as a clone for it (`callbacks`).
Code from the library takes the site of the call that it replaces.  Arguments are evaluated
before the body, in order; in a call that is no tail call, no call of the body stays one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.graph import components
from rtfsc.ir.nodes import (
    INIT,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    Let,
    LetRec,
    Local,
    Loop,
    Module,
    Prim,
    Var,
)
from rtfsc.ir.walk import Copier, map_children, nodes
from rtfsc.passes.callbacks import Callbacks

SMALL: Final = 14
"""Nodes of a function that is opened wherever it is called."""
MEDIUM: Final = 60
"""Nodes of a local function that is opened where it is called through a known closure."""
LARGE: Final = 250
"""Nodes of a function that is opened where it is called once, or with a known closure that it calls."""
GROWTH: Final = 3000
"""Nodes that all inlining may add to one function."""


def run(module: Module) -> None:
    facts = _survey(module)
    graph = {name: info.refers for name, info in facts.items()}
    for group in components(graph):
        for name in group:
            facts[name].recursive = len(group) > 1 or name in facts[name].refers
    callbacks = Callbacks(module)
    for group in components(graph):
        for name in group:
            _open(module, facts, callbacks, name)


def _copies(body: Expr) -> int:
    """The largest number in the label of a loop that was inlined before: new ones come after it."""
    labels = [e.label for e in nodes(body) if isinstance(e, Loop)]
    return max((int(n) for label in labels for n in label.split("~")[1:] if n.isdecimal()), default=0)


def _open(module: Module, facts: dict[str, Info], callbacks: Callbacks, name: str) -> None:
    """Opens what is called in one function."""
    f = module.functions[name]
    inliner = _Inliner(module, facts, callbacks, f)
    f.body = inliner.walk(f.body)
    if inliner.copies > inliner.earlier:
        seen = _inspect(f)
        facts[name].size, facts[name].applied = seen.size, seen.applied


@dataclass(slots=True)
class Info:
    """What decides about one function. ``refers``: functions that it calls or makes closures of;
    ``calls`` and ``closures``: how often it occurs as either; ``applied``: positions of the parameters
    that its body calls."""

    size: int
    refers: dict[str, bool]
    applied: set[int]
    calls: int = 0
    closures: int = 0
    exported: bool = False
    recursive: bool = False


def _survey(module: Module) -> dict[str, Info]:
    facts = {name: _inspect(f) for name, f in module.functions.items()}
    for f in module.functions.values():
        for e in nodes(f.body):
            if isinstance(e, Call):
                facts[e.func].calls += 1
            elif isinstance(e, Closure):
                facts[e.func].closures += 1
    for export in module.exports:
        for name in (export.func, *[v.func for v in export.variants]):
            if name is not None:
                facts[name].exported = True
    facts[INIT].recursive = True
    return facts


def _inspect(f: Function) -> Info:
    refers: dict[str, bool] = {}
    applied: set[Var] = set()
    carried: dict[Var, Var] = {}
    count = 0
    for e in nodes(f.body):
        count += 1
        if isinstance(e, Call | Closure):
            refers[e.func] = True
            if isinstance(e, Call):
                applied.update(x.var for x in e.args if isinstance(x, Local))
        elif isinstance(e, CallValue) and isinstance(e.callee, Local):
            applied.add(e.callee.var)
        elif isinstance(e, Let) and isinstance(e.value, Local):
            carried[e.var] = e.value.var
        elif isinstance(e, Loop):
            carried.update((v, x.var) for v, x in zip(e.vars, e.inits, strict=True) if isinstance(x, Local))
    for v, source in reversed(carried.items()):
        if v in applied:
            applied.add(source)
    return Info(count, refers, {i for i, v in enumerate(f.params) if v in applied})


class _Inliner:
    def __init__(
        self, module: Module, facts: dict[str, Info], callbacks: Callbacks, function: Function
    ) -> None:
        self.module = module
        self.facts = facts
        self.callbacks = callbacks
        self.function = function
        self.closures: dict[Var, Closure] = {}
        self.carriers: dict[Var, Var] = {}
        self.cyclic: set[Var] = set()
        self.budget = GROWTH
        self.copies = self.earlier = _copies(function.body)
        self.open: list[str] = [function.name]

    def walk(self, e: Expr) -> Expr:
        if isinstance(e, Let):
            return self.let(e)
        if isinstance(e, LetRec):
            for v, closure in e.bindings:
                self.closures[v] = closure
                self.cyclic.add(v)
        map_children(e, self.walk)
        if isinstance(e, Call):
            return self.call(e)
        if isinstance(e, CallValue):
            return self.call_value(e)
        return e

    def let(self, e: Let) -> Expr:
        e.value = self.walk(e.value)
        if isinstance(e.value, Closure):
            e.value.captures, outer = self.name_captures(e.value)
            self.closures[e.var] = e.value
            e.body = self.walk(e.body)
            e.type = e.body.type
            return _wrap(outer, e)
        if isinstance(e.value, Local) and e.value.var in self.closures:
            self.closures[e.var] = self.closures[e.value.var]
            self.carriers[e.var] = self.carriers.get(e.value.var, e.value.var)
        e.body = self.walk(e.body)
        e.type = e.body.type
        return e

    def name_captures(self, e: Closure) -> tuple[list[Expr], list[tuple[Var, Expr]]]:
        """Captured values as locals, so that an opened body can refer to them."""
        atoms: list[Expr] = []
        outer: list[tuple[Var, Expr]] = []
        for x in e.captures:
            if isinstance(x, Local | Const):
                atoms.append(x)
                continue
            v = Var("captured", x.type)
            outer.append((v, x))
            atoms.append(Local(v))
        return atoms, outer

    def call_value(self, e: CallValue) -> Expr:
        """A call of a closure that is known here becomes a direct call."""
        if isinstance(e.callee, Closure):
            v = Var("f", T.FN)
            return self.let(Let(v, e.callee, CallValue(Local(v), e.args, e.site, e.tail)))
        closure = self.known(e.callee)
        if closure is None:
            return e
        f = self.module.functions[closure.func]
        args = _arguments(f, e.args)
        if args is None:
            return e
        if e.tail and not f.library and T.rep(f.result) != "val":
            return e
        tail = e.tail and not f.library  # its errors take this call's site, so the frame stays
        carrier = None
        if isinstance(e.callee, Local) and (f.captures or f.self_var is not None):
            carrier = Local(self.carriers.get(e.callee.var, e.callee.var))
        return self.call(Call(f.name, args, f.result, e.site, tail, carrier))

    def known(self, callee: Expr | None) -> Closure | None:
        return self.closures.get(callee.var) if isinstance(callee, Local) else None

    def call(self, e: Call) -> Expr:
        f = self.module.functions[e.func]
        if not self.wanted(e, f):
            return self.with_callback(e, f)
        closure = self.known(e.closure)
        atoms: dict[Var, Expr] = {}
        if f.captures:
            if closure is None:
                return e
            atoms.update(zip(f.captures, closure.captures, strict=True))
        if f.self_var is not None:
            if not isinstance(e.closure, Local):
                return e
            atoms[f.self_var] = e.closure
        return self.expand(e, f, atoms)

    def wanted(self, e: Call, f: Function) -> bool:
        info = self.facts[f.name]
        if info.recursive or f.name in self.open or info.size > self.budget:
            return False
        if info.size <= SMALL:
            return True
        if info.size > LARGE:
            return False
        if e.closure is not None or info.closures:
            return info.size <= MEDIUM or (info.closures == 1 and info.calls == 0)
        if info.calls == 1 and not info.exported and self.function.name != INIT:
            return True
        return any(self.is_closure(x) for i, x in enumerate(e.args) if i in info.applied)

    def with_callback(self, e: Call, f: Function) -> Expr:
        """A recursive function that is given known closures is called as a clone for them."""
        info = self.facts[f.name]
        if not info.recursive or info.size > LARGE or f.captures or f.self_var is not None or f.rest:
            return e
        for i in sorted(info.applied):
            if i < len(e.args) and self.is_closure(e.args[i]):
                found = self.callbacks.specialise(e, i, self.remade)
                if found is not None:
                    call, new = found
                    if new is not None:
                        self.facts[new.name] = _inspect(new)
                        self.facts[new.name].recursive = True
                        _open(self.module, self.facts, self.callbacks, new.name)
                    return self.with_callback(call, self.module.functions[call.func])
        return e

    def remade(self, x: Expr) -> Closure | None:
        """The closure that ``x`` is, where it can be made anew elsewhere."""
        if isinstance(x, Closure):
            return x
        return None if isinstance(x, Local) and x.var in self.cyclic else self.known(x)

    def is_closure(self, x: Expr) -> bool:
        return isinstance(x, Closure) or self.known(x) is not None

    def expand(self, e: Call, f: Function, atoms: dict[Var, Expr]) -> Expr:
        self.copies += 1
        self.budget -= self.facts[f.name].size
        copier = Copier(suffix=f"~{self.copies}", site=e.site if f.library else 0, tails=e.tail, atoms=atoms)
        bound: list[tuple[Var, Expr]] = []
        for param, x in zip(f.params, e.args, strict=True):
            v = copier.var(param)
            if isinstance(x, Closure):
                v.type = T.FN
            bound.append((v, x))
        body = copier.copy(f.body)
        if T.rep(body.type) != T.rep(e.type) and not e.tail:
            body = _as_declared(body, e.type)
        self.open.append(f.name)
        result = self.walk(_wrap(bound, body))
        self.open.pop()
        return result


def _as_declared(body: Expr, t: T.Type) -> Expr:
    """The value in the representation that the call promised."""
    v = Var("result", t)
    return Let(v, body, Local(v)) if T.subtype(body.type, t) else body


def _arguments(f: Function, args: list[Expr]) -> list[Expr] | None:
    """Arguments of a direct call for those of a call of a value; None if their number is wrong."""
    fixed = len(f.params) - f.rest
    if len(args) < fixed or (len(args) > fixed and not f.rest):
        return None
    if not f.rest:
        return args
    return [*args[:fixed], Prim("list", args[fixed:], T.LIST)]


def _wrap(bound: list[tuple[Var, Expr]], body: Expr) -> Expr:
    for v, x in reversed(bound):
        body = Let(v, x, body)
    return body
