"""What a call costs of the stack budget ``DEPTH``, the same for both engines."""

from __future__ import annotations

from typing import Final

from rtfsc.ir.nodes import Apply, Call, CallValue, Closure, Function, Module
from rtfsc.ir.walk import bound, nodes

FRAME_BYTES: Final = 48
LOCAL_BYTES: Final = 8


def frame_weight(function: Function) -> int:
    """Bytes of budget that a frame of the function takes: a fixed part and a word per variable."""
    count = len(function.params) + len(function.captures) + (function.self_var is not None)
    return FRAME_BYTES + LOCAL_BYTES * (count + sum(len(bound(e)) for e in nodes(function.body)))


def frame_weights(module: Module) -> dict[str, int]:
    """Weight of every function that can be part of a recursion; calls of the others cost nothing.

    A call of an unknown value may reach every function of which a closure is made and, through the
    host, every exported one.
    """
    graph = _calls(module)
    looping = _cyclic(graph)
    return {name: frame_weight(f) for name, f in module.functions.items() if name in looping}


_UNKNOWN: Final = ""
"""The node of the call graph that stands for calls of unknown values."""


def _calls(module: Module) -> dict[str, list[str]]:
    graph: dict[str, list[str]] = {_UNKNOWN: [e.func for e in module.exports if e.func]}
    for name, function in module.functions.items():
        callees = graph[name] = []
        for e in nodes(function.body):
            if isinstance(e, Call):
                callees.append(e.func)
            elif isinstance(e, CallValue | Apply):
                callees.append(_UNKNOWN)
            elif isinstance(e, Closure):
                graph[_UNKNOWN].append(e.func)
    for export in module.exports:
        graph[_UNKNOWN] += [variant.func for variant in export.variants]
    return {name: list(dict.fromkeys(callees)) for name, callees in graph.items()}


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
