"""Canonical form: what a definition means, without how it is written.

A definition is a function, a global (its ``SetGlobal`` in ``INIT``) or ``INIT``.  Its shape is its serial
form with variables and labels numbered, and without sites, docs and names; the definitions it refers to
are left out and listed beside it.  Its hash covers the shape and the hashes of that list.  A recursive
group is hashed as one unit: starting from the bare shapes, each round hashes every member over the
current colours of the members it refers to, until no more members can be told apart; two members that
never can be behave alike, so an order of the members, and their names, play no part.
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir.encode import FunctionWriter
from rtfsc.ir.graph import components
from rtfsc.ir.keys import digest
from rtfsc.ir.nodes import INIT, Expr, Function, Local, Module, SetGlobal, Var
from rtfsc.ir.walk import deep, nodes

VERSION: Final = "rtfs-definition/1"

Name = tuple[str, str]
"""("function" | "global", name): the two name spaces of a module."""


def definition_hashes(module: Module) -> dict[str, str]:
    """Hash in hex per function, global and export name (where they clash, the export decides)."""
    hashes = _hashes(module)
    named = {name: h for (kind, name), h in hashes.items() if kind == "global"}
    named.update({name: h for (kind, name), h in hashes.items() if kind == "function"})
    for e in module.exports:
        named[e.name] = hashes[("global", e.name) if e.func is None else ("function", e.func)]
    return named


def module_hash(module: Module) -> str:
    """One hash for all that a module exports and does on its top level."""
    hashes = _hashes(module)
    exports = []
    for e in module.exports:
        kind, name = ("global", e.name) if e.func is None else ("function", e.func)
        exports.append((e.name, kind, hashes[kind, name]))
    return digest("rtfs-module-meaning/1", sorted(exports), hashes.get(("function", INIT), ""))


def _hashes(module: Module) -> dict[Name, str]:
    shapes: dict[Name, _Shape] = {}
    with deep():
        for f in module.functions.values():
            shapes["function", f.name] = _function_shape(f)
        for name in module.globals:
            shapes["global", name] = _Shape()
        if INIT in module.functions:
            for e in nodes(module.functions[INIT].body):
                if isinstance(e, SetGlobal) and ("global", e.name) in shapes:
                    shapes["global", e.name].expr(e.value)
    done: dict[Name, str] = {}
    for group in components({n: s.references for n, s in shapes.items()}):
        _hash_group(group, shapes, done)
    return done


class _Shape(FunctionWriter):
    """Writes one definition without names and sites; ``references`` in order of first use."""

    def __init__(self) -> None:
        super().__init__()
        self.references: dict[Name, int] = {}
        self.labels: dict[str, int] = {}

    def var(self, v: Var) -> None:
        self.numbers[v] = len(self.numbers)
        self.t(v.type)

    def local(self, e: Local) -> None:
        self.u(self.numbers.setdefault(e.var, len(self.numbers)))

    def site(self, e: Expr) -> int:
        return 0

    def function_name(self, name: str) -> None:
        self._refer(("function", name))

    def global_name(self, name: str) -> None:
        self._refer(("global", name))

    def _refer(self, name: Name) -> None:
        self.u(self.references.setdefault(name, len(self.references)))

    def label(self, name: str) -> None:
        self.u(self.labels.setdefault(name, len(self.labels)))


def _function_shape(f: Function) -> _Shape:
    w = _Shape()
    w.u(f.rest | (f.self_var is not None) << 1)
    w.t(f.result)
    w.vars(f.params)
    w.vars(f.captures)
    if f.self_var is not None:
        w.var(f.self_var)
    w.expr(f.body)
    return w


def _hash_group(group: list[Name], shapes: dict[Name, _Shape], done: dict[Name, str]) -> None:
    """Adds the hashes of one strongly connected component whose outward references are ``done``."""
    texts = {n: shapes[n].finish() for n in group}
    colours = dict.fromkeys(group, "")
    distinct = 0
    for _ in range(len(group) + 1):
        colours = {n: digest(VERSION, n[0], texts[n], _resolve(shapes[n], colours, done)) for n in group}
        found = len(set(colours.values()))
        if found in (distinct, len(group)) and distinct:
            break
        distinct = found
    members = sorted(set(colours.values()))
    for n in group:
        done[n] = digest(VERSION + "+group", colours[n], members) if len(group) > 1 else colours[n]


def _resolve(shape: _Shape, colours: dict[Name, str], done: dict[Name, str]) -> list[str]:
    """References within the group by colour, others by hash; what the module does not define as unknown."""
    return [colours[r] if r in colours else done.get(r, "unknown") for r in shape.references]
