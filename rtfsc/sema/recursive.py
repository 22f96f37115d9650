"""The order in which a ``let`` binds (C22).

A binding that is a literal function sees itself and the functions bound later in the same ``let``; every
other value sees earlier bindings only. Functions that need each other are made together, in one group::

    [a (fn [] (b)) k 3 b (fn [] k)]    ->   k; {a b}

A group waits for the last function that it needs, unless a value in between uses one of the group: then
those it needs are made earlier, which is possible if they do not capture a value bound later still.
"""

from __future__ import annotations

from rtfsc.ast.nodes import Bind, BindName
from rtfsc.sema.scopes import Local


class Step:
    """Either one value, or functions made together."""

    __slots__ = ("functions", "value")

    def __init__(self, value: Bind | None, functions: list[Bind]) -> None:
        self.value, self.functions = value, functions


class Item:
    """A binding with what the plan needs: ``local`` and ``captures`` of a function, ``uses`` of a value (the
    functions that it mentions), ``binds`` the locals that a value binds."""

    __slots__ = ("bind", "binds", "captures", "local", "uses")

    def __init__(
        self, bind: Bind, local: Local | None, captures: list[Local], uses: list[Local], binds: list[Local]
    ) -> None:
        self.bind, self.local, self.captures, self.uses, self.binds = bind, local, captures, uses, binds


class Unorderable(Exception):
    """``function`` is used before ``value``, which it needs, is bound."""

    def __init__(self, function: Bind, value: Local) -> None:
        self.function, self.value = function, value


def plan(items: list[Item]) -> list[Step]:
    position = {item.local: i for i, item in enumerate(items) if item.local is not None}
    steps: list[Step] = []
    waiting: list[int] = []
    done: set[int] = set()
    for i, item in enumerate(items):
        if i in done:
            continue
        if item.local is None:
            if waiting and any(position.get(use) in waiting for use in item.uses):
                group = _closure(items, position, waiting, done)
                _require_bound(items, group, i)
                steps.append(_group(items, group, done))
                waiting = []
            steps.append(Step(item.bind, []))
            continue
        waiting.append(i)
        if not any(
            position.get(c, -1) > i and position[c] not in done for w in waiting for c in items[w].captures
        ):
            steps.append(_group(items, waiting, done))
            waiting = []
    return steps


def _group(items: list[Item], members: list[int], done: set[int]) -> Step:
    done.update(members)
    return Step(None, [items[m].bind for m in sorted(members)])


def _closure(items: list[Item], position: dict[Local, int], start: list[int], done: set[int]) -> list[int]:
    group = list(start)
    for member in group:  # grows while it is walked
        for captured in items[member].captures:
            at = position.get(captured)
            if at is not None and at not in done and at not in group:
                group.append(at)
    return group


def _require_bound(items: list[Item], group: list[int], now: int) -> None:
    later = {local for item in items[now:] if item.local is None for local in item.binds}
    for member in group:
        for captured in items[member].captures:
            if captured in later:
                raise Unorderable(items[member].bind, captured)


def bound_name(bind: Bind) -> str:
    return bind.pattern.name if type(bind.pattern) is BindName else "a pattern"
