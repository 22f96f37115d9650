"""Recursive functions that are given a known closure are cloned for it: part of `inline`.

Before::

    (function fold (params f acc n)
      (if (eq n 0) acc (call fold f (call-value f acc n @1) (num.dec n @2) !tail @3)))
    (function main (params k)
      (call fold (closure add k) 0 9 @4))

After::

    (function fold~add (params acc n k)
      (let (f fn (closure add k))
        (if (eq n 0) acc (call fold~add (… (body of add) …) (num.dec n @2) k !tail @3))))
    (function main (params k)
      (call fold~add 0 9 k @4))

The clone takes what the closure captured instead of the closure, and makes the closure itself; where all
its calls are opened, nobody makes it.  Closures that are captured by it and known too are made anew in the
same way.  A call inside a clone that passes the same closure on is a call of the same clone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Call, Closure, Const, Expr, Function, Let, Local, Module, Var
from rtfsc.ir.walk import copy_function, rewrite

MAX_CLONES: Final = 8
"""Clones of one function."""
_DEPTH: Final = 4
"""Closures in closures that a clone makes anew."""

Known = Callable[[Expr], Closure | None]
"""The closure that an expression is known to be, if any."""


@dataclass(frozen=True, slots=True)
class Template:
    """How a closure is made: of ``func``, from captures that are templates themselves, or None for a
    value that is passed."""

    func: str
    captures: tuple[Template | None, ...]

    def named(self) -> str:
        inner = [c.named() for c in self.captures if c is not None]
        return "~".join([self.func, *inner])


@dataclass(slots=True)
class Callbacks:
    """The clones of a module."""

    module: Module
    clones: dict[tuple[str, int, Template], str] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)

    def specialise(self, call: Call, position: int, known: Known) -> tuple[Call, Function | None] | None:
        """The call of a clone for the closure at ``position``, with the clone if it is new."""
        values: list[Expr] = []
        template = _template(call.args[position], known, values, 0)
        if template is None:
            return None
        key = call.func, position, template
        new = None
        if key not in self.clones:
            if self.count.get(call.func, 0) >= MAX_CLONES:
                return None
            self.count[call.func] = self.count.get(call.func, 0) + 1
            new = self.clone(call.func, position, template)
            self.clones[key] = new.name
        args = [x for i, x in enumerate(call.args) if i != position]
        return Call(self.clones[key], [*args, *values], call.type, call.site, call.tail), new

    def clone(self, func: str, position: int, template: Template) -> Function:
        name = f"{func}~{template.named().removeprefix('lib/')}"
        while name in self.module.functions:
            name += "'"
        new = copy_function(self.module.functions[func], name)
        parameter = new.params.pop(position)
        bound: list[tuple[Var, Expr]] = []
        closure = self.make(template, new.params, bound)
        parameter.type = T.FN
        new.body = rewrite(new.body, lambda e: Local(e.var) if isinstance(e, Local) else e)
        for v, x in reversed([*bound, (parameter, closure)]):
            new.body = Let(v, x, new.body)
        self.module.functions[name] = new
        return new

    def make(self, template: Template, params: list[Var], bound: list[tuple[Var, Expr]]) -> Closure:
        """The closure made anew; ``params`` and ``bound`` get what it needs."""
        captures: list[Expr] = []
        for inner, v in zip(template.captures, self.module.functions[template.func].captures, strict=True):
            own = Var(v.name, v.type)
            if inner is None:
                params.append(own)
            else:
                own.type = T.FN
                bound.append((own, self.make(inner, params, bound)))
            captures.append(Local(own))
        return Closure(template.func, captures)


def _template(e: Expr, known: Known, values: list[Expr], depth: int) -> Template | None:
    """None if it is not known how the closure ``e`` is made; ``values`` gets what it captures."""
    closure = known(e)
    if closure is None or depth == _DEPTH:
        return None
    captures: list[Template | None] = []
    for x in closure.captures:
        if not isinstance(x, Local | Const):
            return None
        count = len(values)
        inner = _template(x, known, values, depth + 1)
        if inner is None:
            del values[count:]
            values.append(Local(x.var) if isinstance(x, Local) else x)
        captures.append(inner)
    return Template(closure.func, tuple(captures))
