"""Where a collection of garbage may happen: one answer for both engines.

A *poll* asks whether enough has been allocated. There is one at the head of every loop that may allocate,
and at the entry of every function that may allocate and can be part of a recursion; so no program allocates
without bound between two of them. What cannot reach a poll keeps its values where they are and pays nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Function,
    If,
    Let,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
    Var,
)  # fmt: skip
from rtfsc.ir.walk import nodes
from rtfsc.primitives.ops import OPS

QUIET: Final = frozenset(
    {
        "eq", "ne", "lt", "le", "gt", "ge", "compare", "num.even", "num.odd", "num.zero", "num.pos",
        "num.neg-p", "num.check", "str.length", "str.contains", "str.starts-with", "str.eq", "length",
        "count", "empty", "contains", "seq.nth", "seq.at", "seq.get", "get", "get-or", "get-in",
        "get-in-or", "kw-get", "kw-get-or", "map.check", "map.has", "map.get", "err.message", "err.type",
        "err.data", "err.is", "range.size",
    }
)  # fmt: skip
"""Functions of `rt` that allocate for an error alone."""
_OF_STRINGS: Final = frozenset({"nth", "nth3", "first", "last"})
"""Those that allocate for strings alone, which they cut."""


@dataclass(frozen=True, slots=True)
class Polls:
    """``entries``: functions with a poll at their entry. ``loops``: (function, label) of loops with one.
    ``collecting``: functions that a collection may happen in or below."""

    entries: frozenset[str]
    loops: frozenset[tuple[str, str]]
    collecting: frozenset[str]

    def is_point(self, function: str, e: Expr) -> bool:
        """Whether a collection may happen in ``e`` itself, after its operands have their values; for a loop,
        at its head."""
        kind = type(e)
        if kind is Call:
            return e.func in self.collecting  # type: ignore[attr-defined]
        if kind is Loop:
            return (function, e.label) in self.loops  # type: ignore[attr-defined]
        return kind in _POINTS or (kind is Prim and e.op == "host")  # type: ignore[attr-defined]


_POINTS: Final = frozenset({CallValue, Apply, SetGlobal})


def find_polls(module: Module, weights: Mapping[str, int]) -> Polls:
    """``weights``: those of `frame_weights`, which tell what can be part of a recursion."""
    functions = module.functions
    callees = {name: _callees(function.body) for name, function in functions.items()}
    allocating = _spread(callees, {n for n, f in functions.items() if _allocates_itself(module, f)})
    entries = frozenset(name for name in weights if name in allocating)
    loops = frozenset(
        (name, e.label)
        for name in allocating
        for e in nodes(functions[name].body)
        if isinstance(e, Loop) and _round_allocates(module, e, allocating)
    )
    collecting = {name for name, function in functions.items() if _unknown(function)}
    collecting |= {*entries, *(name for name, _ in loops)}
    return Polls(entries, loops, frozenset(_spread(callees, collecting)))


def _callees(body: Expr) -> list[str]:
    return [e.func for e in nodes(body) if isinstance(e, Call)]


def _spread(callees: dict[str, list[str]], found: set[str]) -> set[str]:
    """The functions of ``found`` and all that may call one of them."""
    callers: dict[str, list[str]] = {}
    for name, called in callees.items():
        for callee in called:
            callers.setdefault(callee, []).append(name)
    todo = list(found)
    while todo:
        for caller in callers.get(todo.pop(), ()):
            if caller not in found:
                found.add(caller)
                todo.append(caller)
    return found


def _unknown(function: Function) -> bool:
    """Whether it calls what is not known, or the host, which may call back."""
    return any(type(e) in _POINTS or (isinstance(e, Prim) and e.op == "host") for e in nodes(function.body))


def _allocates_itself(module: Module, function: Function) -> bool:
    if _boxes(function.body, T.rep(function.result)):
        return True
    loops: dict[str, list[Var]] = {}
    for e in nodes(function.body):
        if isinstance(e, Loop):
            loops[e.label] = e.vars
        if _allocates(module, e) or (isinstance(e, Recur) and _rebinds(e, loops[e.label])):
            return True
    return False


def _rebinds(e: Recur, variables: list[Var]) -> bool:
    return any(_boxes(a, T.rep(v.type)) for a, v in zip(e.args, variables, strict=True))


def _round_allocates(module: Module, loop: Loop, allocating: set[str]) -> bool:
    """Whether a round of the loop may allocate; a body that is never repeated is no loop."""
    again, found = False, _boxes(loop.body, T.rep(loop.type))
    for e in nodes(loop.body):
        if isinstance(e, Recur) and e.label == loop.label:
            again = True
            found = found or _rebinds(e, loop.vars)
        found = found or _allocates(module, e) or (isinstance(e, Call) and e.func in allocating)
        if again and found:
            return True
    return False


def _boxes(e: Expr, want: T.Rep) -> bool:
    """Whether a number of the representation of ``e`` becomes a boxed value."""
    return want == "val" and not isinstance(e, Const) and T.rep(e.type) in ("i64", "f64")


def _allocates(module: Module, e: Expr) -> bool:
    """Whether evaluating ``e`` itself, without its parts, may take memory that an error does not."""
    if isinstance(e, Prim):
        op = OPS[e.op]
        if op.inline:
            return e.op == "host" or (e.op in ("as", "check") and _boxes(e.args[0], T.rep(e.type)))
        if e.op in _OF_STRINGS:
            return bool(e.args[0].type & T.STR)
        if e.op not in QUIET:
            return True
        return any(_boxes(a, T.rep(p)) for a, p in zip(e.args, op.params, strict=True))
    if isinstance(e, Call):
        params = module.functions[e.func].params
        return any(_boxes(a, T.rep(p.type)) for a, p in zip(e.args, params, strict=True))
    if isinstance(e, Closure):
        return bool(e.captures)
    if isinstance(e, CallValue | Apply | Try):  # a caught error was allocated too
        return True
    if isinstance(e, Let):
        return _boxes(e.value, T.rep(e.var.type)) or _boxes(e.body, T.rep(e.type))
    if isinstance(e, Loop):
        return any(_boxes(i, T.rep(v.type)) for i, v in zip(e.inits, e.vars, strict=True)) or _boxes(
            e.body, T.rep(e.type)
        )
    if isinstance(e, If):
        return _boxes(e.then, T.rep(e.type)) or _boxes(e.orelse, T.rep(e.type))
    if isinstance(e, Seq):
        return _boxes(e.result, T.rep(e.type))
    return isinstance(e, SetGlobal)
