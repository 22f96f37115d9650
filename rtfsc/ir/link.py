"""Links modules that were lowered on their own into the one that imports them.

The names of a unit start with its prefix already, so linking renames nothing: functions, globals and sites
are put together, and what the top level of a unit does stands before that of the module, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.ir.nodes import INIT, Closure, Const, Expr, Loop, Module, Recur, Seq
from rtfsc.ir.walk import deep, nodes


def link(module: Module, units: Sequence[Module]) -> None:
    """Adds ``units``, in the order of their evaluation, to ``module``; they are used up by it."""
    before: list[Expr] = []
    labels = 0
    with deep():
        for unit in units:
            _move_sites(unit, module)
            top_level = unit.functions.pop(INIT).body
            labels = _number_labels(top_level, labels)
            before += _effects(top_level)
            for name, function in unit.functions.items():
                module.functions.setdefault(name, function)  # units may share wrappers of library functions
            module.globals.update(unit.globals)
        if before:
            init = module.functions[INIT]
            _number_labels(init.body, labels)
            init.body = Seq(before, init.body)


def _effects(top_level: Expr) -> list[Expr]:
    parts = [*top_level.effects, top_level.result] if type(top_level) is Seq else [top_level]
    return [part for part in parts if type(part) not in (Const, Closure)]


def _move_sites(unit: Module, module: Module) -> None:
    offset = len(module.sites)
    module.sites += unit.sites
    moved: set[Expr] = set()  # a node may have several parents
    for function in unit.functions.values():
        for node in nodes(function.body):
            if node.site and node not in moved:
                moved.add(node)
                node.site += offset


def _number_labels(top_level: Expr, used: int) -> int:
    """Gives the loops of a top level labels of their own in the whole; answers how many are used now."""
    names: dict[str, str] = {}
    for node in nodes(top_level):
        if type(node) is Loop or type(node) is Recur:
            if node.label not in names:
                used += 1
                names[node.label] = f"L{used}"
            node.label = names[node.label]
    return used
