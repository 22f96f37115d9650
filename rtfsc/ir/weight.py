"""What a call costs of the stack budget ``DEPTH``, the same for both engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtfsc.ir.nodes import Apply, Call, CallValue, Closure, Expr, Function, Let, LetRec, Loop, Module, Try
from rtfsc.ir.walk import bound, nodes

FRAME_BYTES: Final = 48
LOCAL_BYTES: Final = 8


def frame_weight(function: Function) -> int:
    """Bytes of budget that a frame of the function takes: a fixed part and a word per variable."""
    return _scan(function)[0]


def frame_weights(module: Module) -> dict[str, int]:
    """Weight of every function that can be part of a recursion; calls of the others cost nothing.

    A call of an unknown value may reach every function of which a closure is made and, through the
    host, every exported one.
    """
    scans = {name: _scan(function) for name, function in module.functions.items()}
    unknown = [func for _, _, closures in scans.values() for func in closures]
    for export in module.exports:
        unknown += [export.func] if export.func else []
        unknown += [variant.func for variant in export.variants]
    graph = {_UNKNOWN: unknown} | {name: callees for name, (_, callees, _) in scans.items()}
    looping = _cyclic({name: list(dict.fromkeys(callees)) for name, callees in graph.items()})
    return {name: weight for name, (weight, _, _) in scans.items() if name in looping}


def grows(e: Expr, weights: Mapping[str, int]) -> bool:
    """Whether ``e`` makes a call that can grow the stack without bound.

    A frame is counted just before the first part in tail position that does: paths without such a call,
    like the last level of fib, cost nothing.
    """
    for node in nodes(e):
        if isinstance(node, Call):
            if not node.tail and node.func in weights:
                return True
        elif isinstance(node, CallValue | Apply) and not node.tail:
            return True
    return False


_UNKNOWN: Final = ""
"""The node of the call graph that stands for calls of unknown values."""
_BINDERS: Final = (Let, Try, Loop, LetRec)


def _scan(function: Function) -> tuple[int, list[str], list[str]]:
    """(weight, functions called, functions that closures are made of)."""
    variables = len(function.params) + len(function.captures) + (function.self_var is not None)
    callees: list[str] = []
    closures: list[str] = []
    for e in nodes(function.body):
        if isinstance(e, Call):
            callees.append(e.func)
        elif isinstance(e, CallValue | Apply):
            callees.append(_UNKNOWN)
        elif isinstance(e, Closure):
            closures.append(e.func)
        elif isinstance(e, _BINDERS):
            variables += len(bound(e))
    return FRAME_BYTES + LOCAL_BYTES * variables, callees, closures


def _cyclic(graph: dict[str, list[str]]) -> set[str]:
    """Nodes on a cycle: members of strongly connected components, and those that call themselves
    (Tarjan, iterative)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: set[str] = set()
    for root in graph:
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            node, i = work.pop()
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            callees = graph[node]
            while i < len(callees) and callees[i] in index:
                if callees[i] in on_stack:
                    low[node] = min(low[node], low[callees[i]])
                i += 1
            if i < len(callees):
                work += [(node, i), (callees[i], 0)]
            elif low[node] == index[node]:
                component = _popped(stack, node)
                on_stack.difference_update(component)
                if len(component) > 1 or node in callees:
                    found.update(component)
    return found


def _popped(stack: list[str], node: str) -> list[str]:
    start = stack.index(node)
    component = stack[start:]
    del stack[start:]
    return component
