"""Which parameters are used as numbers, and so deserve an entry that takes them unboxed.

A variable is numeric if an arithmetic operation, an ordering, or a ``check`` for numbers looks at it, or
if it flows (through a let, a loop, an argument) into a variable that is.
"""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Call, Const, Expr, Let, Local, Loop, Module, Prim, Var
from rtfsc.ir.walk import nodes

_ORDERINGS = frozenset({"lt", "le", "gt", "ge"})


def numeric_variables(module: Module) -> set[Var]:
    found: list[Var] = []
    sources: dict[Var, list[Var]] = {}

    def flow(x: Expr, into: Var) -> None:
        if isinstance(x, Local):
            sources.setdefault(into, []).append(x.var)

    for f in module.functions.values():
        for e in nodes(f.body):
            if isinstance(e, Prim):
                found += _operands(e)
            elif isinstance(e, Let):
                flow(e.value, e.var)
            elif isinstance(e, Loop):
                for x, v in zip(e.inits, e.vars, strict=True):
                    flow(x, v)
            elif isinstance(e, Call) and e.func in module.functions:
                for x, v in zip(e.args, module.functions[e.func].params, strict=True):
                    flow(x, v)
    numeric: set[Var] = set()
    while found:
        v = found.pop()
        if v not in numeric:
            numeric.add(v)
            found += sources.get(v, ())
    return numeric


def _operands(e: Prim) -> list[Var]:
    """The variables that ``e`` uses as numbers."""
    locals_ = [x.var for x in e.args if isinstance(x, Local)]
    if e.op.startswith(("num.", "int.", "float.")) or e.op in _ORDERINGS:
        return locals_
    if e.op == "check" and e.imm in (T.INT, T.NUM):
        return locals_
    if e.op == "eq" and any(isinstance(x, Const) and x.type == T.INT for x in e.args):
        return locals_
    return []
