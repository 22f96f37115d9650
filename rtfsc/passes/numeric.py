"""Which parameters are used as numbers, and so deserve an entry that takes them unboxed; and which are read
as vectors, and so deserve a clone for vectors of known elements.

A variable is numeric if an arithmetic operation, an ordering, or a ``check`` for numbers looks at it, or
if it flows (through a let, a loop, an argument) into a variable that is.  In the same way it is read if an
operation looks at its elements.
"""

from __future__ import annotations

from collections.abc import Callable

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Call, Const, Expr, Function, Let, Local, Loop, Module, Prim, Var
from rtfsc.ir.walk import nodes

_ORDERINGS = frozenset({"lt", "le", "gt", "ge"})
_READS = frozenset({
    "seq", "seq.nth", "seq.at", "seq.get", "nth", "nth3", "get", "get-or", "first", "last", "rest", "take",
    "drop", "reverse", "sort", "distinct", "subvec", "subvec3", "conj", "cons", "concat", "into", "assoc",
    "partition", "destructure.vec", "check.type",
})  # fmt: skip


def numeric_variables(module: Module) -> set[Var]:
    return _flowing(module, _operands)


def vectors_read(module: Module) -> set[Var]:
    """The variables at whose elements an operation looks, here or where they flow to."""
    return _flowing(
        module, lambda e: [x.var for x in e.args if isinstance(x, Local)] if e.op in _READS else []
    )


def _flowing(module: Module, used: Callable[[Prim], list[Var]]) -> set[Var]:
    """The variables that ``used`` names, and those that flow into them."""
    found: list[Var] = []
    sources: dict[Var, list[Var]] = {}

    def flow(x: Expr, into: Var) -> None:
        if isinstance(x, Local):
            sources.setdefault(into, []).append(x.var)

    for f in module.functions.values():
        for e in nodes(f.body):
            if isinstance(e, Prim):
                found += used(e)
                if e.op == "eq" and isinstance(e.args[0], Local) and isinstance(e.args[1], Local):
                    flow(e.args[0], e.args[1].var)
                    flow(e.args[1], e.args[0].var)
            elif isinstance(e, Let):
                flow(e.value, e.var)
            elif isinstance(e, Loop):
                for x, v in zip(e.inits, e.vars, strict=True):
                    flow(x, v)
            elif isinstance(e, Call) and e.func in module.functions:
                for x, v in zip(e.args, module.functions[e.func].params, strict=True):
                    flow(x, v)
    reached: set[Var] = set()
    while found:
        v = found.pop()
        if v not in reached:
            reached.add(v)
            found += sources.get(v, ())
    return reached


def _locals(e: Prim) -> list[Var]:
    return [x.var for x in e.args if isinstance(x, Local)]


def _operands(e: Prim) -> list[Var]:
    """The variables that ``e`` uses as numbers."""
    locals_ = _locals(e)
    if e.op.startswith(("num.", "int.", "float.")) or e.op in _ORDERINGS:
        return locals_
    if e.op == "check" and e.imm in (T.INT, T.NUM):
        return locals_
    if e.op == "nth":
        return [x.var for x in e.args[1:] if isinstance(x, Local)]
    if e.op == "eq" and any(isinstance(x, Const) and x.type == T.INT for x in e.args):
        return locals_
    return []


def converted_parameters(f: Function) -> set[int]:
    """Positions of int parameters whose value is converted to float: a float would do as well there."""
    found: set[Var] = set()
    origin = {v: i for i, v in enumerate(f.params)}
    for e in nodes(f.body):
        if isinstance(e, Prim) and e.op == "int.to-float" and isinstance(e.args[0], Local):
            found.add(e.args[0].var)
        elif isinstance(e, Let) and isinstance(e.value, Local) and e.value.var in origin:
            origin[e.var] = origin[e.value.var]
        elif isinstance(e, Loop):
            for x, v in zip(e.inits, e.vars, strict=True):
                if isinstance(x, Local) and x.var in origin:
                    origin[v] = origin[x.var]
    return {origin[v] for v in found if v in origin}


def float_parameters(f: Function) -> set[int]:
    """Positions of parameters that are declared as floats (which lets integers in)."""
    positions = {v: i for i, v in enumerate(f.params)}
    return {
        positions[x.var]
        for e in nodes(f.body)
        if isinstance(e, Prim) and e.op == "check" and e.imm in (T.FLOAT, T.NUM)
        for x in e.args
        if isinstance(x, Local) and x.var in positions
    }
