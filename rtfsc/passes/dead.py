"""What nobody uses goes: pure lets, functions out of reach, globals that are never read.

Before::

    (let (x (vector 1 2)) (y (num.inc n @1)) n)

After::

    (do (num.inc n @1) n)

What can raise stays, for its effect.
"""

from __future__ import annotations

from rtfsc.ir.nodes import (
    INIT,
    Call,
    Closure,
    Expr,
    Global,
    Let,
    LetRec,
    Local,
    Module,
    Seq,
    SetGlobal,
    Var,
)
from rtfsc.ir.walk import map_children, nodes
from rtfsc.passes.branches import droppable, sequence


def run(module: Module) -> None:
    for f in module.functions.values():
        f.body = _Body().walk(f.body)
    _drop_functions(module)
    _drop_globals(module)


class _Body:
    """One walk, bodies before values: a let knows all uses of its variable when it is decided."""

    def __init__(self) -> None:
        self.used: set[Var] = set()

    def walk(self, e: Expr) -> Expr:
        if isinstance(e, Local):
            self.used.add(e.var)
            return e
        if isinstance(e, Let):
            return self.let(e)
        if isinstance(e, LetRec):
            return self.letrec(e)
        if isinstance(e, Seq):
            e.effects = [x for x in e.effects if not droppable(x)]
            map_children(e, self.walk)
            return sequence(e.effects, e.result)
        return map_children(e, self.walk)

    def let(self, e: Let) -> Expr:
        e.body = self.walk(e.body)
        if e.var in self.used:
            e.value = self.walk(e.value)
            if isinstance(e.body, Local) and e.body.var is e.var:
                return e.value
            e.type = e.body.type
            return e
        if droppable(e.value):
            return e.body
        return sequence([self.walk(e.value)], e.body)

    def letrec(self, e: LetRec) -> Expr:
        e.body = self.walk(e.body)
        e.type = e.body.type
        waiting = dict(e.bindings)
        kept: dict[Var, Closure] = {}
        while True:
            wanted = [v for v in waiting if v in self.used]
            if not wanted:
                break
            for v in wanted:
                closure = waiting.pop(v)
                map_children(closure, self.walk)
                kept[v] = closure
        if not kept:
            return e.body
        e.bindings = [(v, c) for v, c in e.bindings if v in kept]
        return e


def _drop_functions(module: Module) -> None:
    work = [INIT]
    for export in module.exports:
        work += [export.func] if export.func else []
        work += [v.func for v in export.variants]
    reached: set[str] = set()
    while work:
        name = work.pop()
        if name in reached:
            continue
        reached.add(name)
        for e in nodes(module.functions[name].body):
            if isinstance(e, Call | Closure):
                work.append(e.func)
    module.functions = {n: f for n, f in module.functions.items() if n in reached}


def _drop_globals(module: Module) -> None:
    used = {e.name for e in module.exports if e.func is None}
    for f in module.functions.values():
        used.update(e.name for e in nodes(f.body) if isinstance(e, Global))
    unused = [name for name in module.globals if name not in used]
    if not unused:
        return
    for name in unused:
        del module.globals[name]
    init = module.functions[INIT]
    init.body = _unset(init.body, set(unused))


def _unset(e: Expr, unused: set[str]) -> Expr:
    map_children(e, lambda x: _unset(x, unused))
    if isinstance(e, SetGlobal) and e.name in unused:
        return e.value
    return sequence(e.effects, e.result) if isinstance(e, Seq) else e
