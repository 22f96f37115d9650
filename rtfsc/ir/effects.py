"""Which capabilities the functions of a linked module can call."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Call, Closure, Const, Expr, Function, Module, Prim
from rtfsc.ir.walk import nodes

_CALL = "lib/call/1+"
"""The library function whose first argument is the id."""
ANY_ID = "*"
"""Stands for a call whose id is not a literal."""


def add_effects(module: Module) -> None:
    """Adds to every exported function the ids that it or what it reaches calls."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name, function in module.functions.items():
        found[name] = _own(function)
    if not any(ids for ids, _ in found.values()):
        return
    for export in module.exports:
        if export.func is not None:
            export.effects = tuple(sorted({*export.effects, *_reached(export.func, found)}))


def _own(function: Function) -> tuple[set[str], set[str]]:
    """Ids that a function calls itself, and the functions that it uses."""
    ids: set[str] = set()
    uses: set[str] = set()
    for node in nodes(function.body):
        kind = type(node)
        if kind is Prim and node.op == "host" and node.imm == "call":  # type: ignore[attr-defined]
            ids.add(_id(node.args[0]))  # type: ignore[attr-defined]
        elif (kind is Call or kind is Closure) and node.func == _CALL:  # type: ignore[attr-defined]
            ids.add(_id(node.args[0]) if kind is Call else ANY_ID)  # type: ignore[attr-defined]
        elif kind is Call or kind is Closure:
            uses.add(node.func)  # type: ignore[attr-defined]
    return ids, uses


def _id(id: Expr) -> str:
    return id.value if type(id) is Const and id.type & (T.STR | T.KW) else ANY_ID


def _reached(start: str, found: dict[str, tuple[set[str], set[str]]]) -> set[str]:
    ids: set[str] = set()
    seen, todo = {start}, [start]
    while todo:
        own, uses = found[todo.pop()]
        ids |= own
        todo += uses - seen
        seen |= uses
    return ids
