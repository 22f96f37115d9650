"""Strongly connected components of a graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def components(graph: Mapping[K, Iterable[K]]) -> list[list[K]]:
    """Components, those that are referred to first (Tarjan's algorithm, iterative). Successors that
    are no key of ``graph`` are passed over. The order follows that of ``graph`` alone."""
    index: dict[K, int] = {}
    low: dict[K, int] = {}
    stack: list[K] = []
    on_stack: set[K] = set()
    result: list[list[K]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            for s in successors:
                if s not in graph:
                    continue
                if s not in index:
                    index[s] = low[s] = len(index)
                    stack.append(s)
                    on_stack.add(s)
                    work.append((s, iter(graph[s])))
                    break
                if s in on_stack:
                    low[node] = min(low[node], index[s])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    result.append(_pop(stack, on_stack, node))
    return result


def _pop(stack: list[K], on_stack: set[K], root: K) -> list[K]:
    component = []
    while True:
        n = stack.pop()
        on_stack.discard(n)
        component.append(n)
        if n == root:
            return component
