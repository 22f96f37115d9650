"""What the emitter must know of a whole module before it writes the first function.

* which functions are used as values, and so need an entry in the table;
* which calls can be part of a recursion, and so count `DEPTH`;
* which functions can raise, and so which results carry a flag.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Apply, Call, CallValue, Closure, Function, Global, Module, Prim, Try
from rtfsc.ir.walk import children
from rtfsc.ir.weight import frame_weights
from rtfsc.primitives.ops import OPS

UNKNOWN = ""
"""The node of the call graph that stands for a call of any value."""


@dataclass(slots=True)
class Calls:
    """What one function does. ``plain`` and ``tail``: callees (`UNKNOWN` for a call of a value).
    ``escaping``: callees whose errors leave the function. ``raises``: an own op raises out of it."""

    plain: dict[str, None] = field(default_factory=dict)
    tail: dict[str, None] = field(default_factory=dict)
    escaping: dict[str, None] = field(default_factory=dict)
    closures: dict[str, None] = field(default_factory=dict)
    checked: dict[str, None] = field(default_factory=dict)
    raises: bool = False


def _survey(function: Function) -> Calls:
    calls = Calls()
    todo = [(function.body, False)]
    while todo:
        e, caught = todo.pop()
        if isinstance(e, Prim):
            calls.raises |= OPS[e.op].raises and not caught
        elif isinstance(e, Call):
            (calls.tail if e.tail else calls.plain)[e.func] = None
            if not caught:
                calls.escaping[e.func] = None
        elif isinstance(e, CallValue | Apply):
            (calls.tail if e.tail else calls.plain)[UNKNOWN] = None
            calls.raises |= not caught
        elif isinstance(e, Closure):
            calls.closures[e.func] = None
        elif isinstance(e, Global) and e.checked:
            calls.checked[e.name] = None
            calls.raises |= not caught
        elif isinstance(e, Try):
            todo.append((e.handler, caught))
            todo.append((e.body, True))
            continue
        for child in reversed(children(e)):
            todo.append((child, caught))
    return calls


@dataclass(slots=True)
class Facts:
    """``values``: functions used as values, with their place in the table. ``weights``: frames of
    functions that can be part of a recursion. ``counted``: those of them that can grow the stack, by a
    call that is not a tail call. ``raises``: an error can come out. ``flagged``: unboxed result with an
    error flag. ``unknown``: calls of values occur. ``checked``: globals that may be read before they
    are set."""

    values: dict[str, int]
    weights: dict[str, int]
    counted: frozenset[str]
    raises: frozenset[str]
    flagged: frozenset[str]
    checked: frozenset[str]
    unknown: bool


def analyse(module: Module) -> Facts:
    calls = {name: _survey(function) for name, function in module.functions.items()}
    used = {name: None for c in calls.values() for name in c.closures}
    if module.separate == "module":  # those that link to it see its functions as values
        used |= {export.func: None for export in module.exports if export.func is not None}
    values = {name: i for i, name in enumerate(n for n in module.functions if n in used)}
    weights = frame_weights(module)
    counted = frozenset(
        name for name in weights if any(n == UNKNOWN or n in weights for n in calls[name].plain)
    )
    raises = _raising(calls, counted)
    return Facts(
        values, weights, counted, raises, _flagged(module, calls, raises),
        frozenset(name for c in calls.values() for name in c.checked),
        any(UNKNOWN in c.plain or UNKNOWN in c.tail for c in calls.values()),
    )  # fmt: skip


def _raising(calls: dict[str, Calls], counted: frozenset[str]) -> frozenset[str]:
    callers: dict[str, list[str]] = {}
    for name, c in calls.items():
        for callee in c.escaping:
            callers.setdefault(callee, []).append(name)
    todo = [name for name, c in calls.items() if c.raises or name in counted]
    raising = set(todo)
    while todo:
        for caller in callers.get(todo.pop(), ()):
            if caller not in raising:
                raising.add(caller)
                todo.append(caller)
    return frozenset(raising)


def _flagged(module: Module, calls: dict[str, Calls], raises: frozenset[str]) -> frozenset[str]:
    """Unboxed functions with a flag: those that raise, and those that share their result type with
    one of them, because a tail call goes between them."""
    unboxed = {n for n, f in module.functions.items() if T.rep(f.result) != "val"}
    beside: dict[str, list[str]] = {}
    for name, c in calls.items():
        for callee in c.tail:
            beside.setdefault(name, []).append(callee)
            beside.setdefault(callee, []).append(name)
    todo = [name for name in module.functions if name in unboxed and name in raises]
    flagged = set(todo)
    while todo:
        for other in beside.get(todo.pop(), ()):
            if other in unboxed and other not in flagged:
                flagged.add(other)
                todo.append(other)
    return frozenset(flagged)
