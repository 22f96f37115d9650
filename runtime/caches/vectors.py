"""Indexes of texts by their embeddings: what L3 asks for the nearest."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from runtime.meaning.graphs import build_graph

LARGE = 10_000
"""Texts of a group beyond which a graph (usearch) is worth its memory."""
_PROPOSED = 64
"""How many a graph proposes at least; they are compared exactly."""


class Match(NamedTuple):
    """``score``: the cosine."""

    core: str
    score: float


class SemanticHit(NamedTuple):
    """One line of the log of L3: what was asked, what answered it, and how near the two are."""

    time_ms: int
    tenant: str
    embedder: str
    query: str
    match: str
    score: float
    model: str
    answer: str


class VectorIndex(Protocol):
    """Texts in groups, one vector each per embedder (``tag``). Safe to use from several threads. Whatever
    goes wrong is raised: the cache above makes a miss of it."""

    capacity: int

    def add(self, group: str, tag: str, core: str, vector: array[float]) -> None:
        """Of length 1. Replaces the vector of the same text."""

    def nearest(self, group: str, tag: str, vector: array[float], limit: int) -> list[Match]:
        """Best first."""

    def remove(self, group: str, tag: str, core: str) -> None: ...

    def clear(self, start: str = "") -> None:
        """Of the groups that begin so."""

    def size(self) -> int: ...

    def prepare(self, minimum: int = LARGE) -> int:
        """Makes graphs over the groups of more than ``minimum`` texts; returns how many. May take minutes."""

    def record(self, hit: SemanticHit) -> None:
        """In the log."""

    def hits(self, limit: int) -> list[SemanticHit]:
        """The newest of the log first."""

    def close(self) -> None: ...


class MemoryVectors:
    """In this process. With numpy a group is one matrix; what was not used for longest gives way."""

    def __init__(self, capacity: int = 100_000, *, logged: int = 1_000) -> None:
        if capacity < 1:
            raise ValueError(f"an index holds at least one text, not {capacity}")
        self.capacity = capacity
        self._groups: dict[tuple[str, str], Group] = {}
        self._order: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._lock = threading.RLock()
        self._hits: list[SemanticHit] = []
        self._logged = logged

    def add(self, group: str, tag: str, core: str, vector: array[float]) -> None:
        with self._lock:
            self._group(group, tag).add(core, vector)
            self._order[group, tag, core] = None
            self._order.move_to_end((group, tag, core))
            while len(self._order) > self.capacity:
                self.remove(*next(iter(self._order)))

    def nearest(self, group: str, tag: str, vector: array[float], limit: int) -> list[Match]:
        with self._lock:
            found = self._groups.get((group, tag))
            near = found.nearest(vector, limit) if found is not None else []
            for match in near[:1]:
                self._order.move_to_end((group, tag, match.core))
            return near

    def remove(self, group: str, tag: str, core: str) -> None:
        with self._lock:
            self._order.pop((group, tag, core), None)
            found = self._groups.get((group, tag))
            if found is not None and not found.remove(core):
                del self._groups[group, tag]

    def clear(self, start: str = "") -> None:
        with self._lock:
            for key in [key for key in self._groups if key[0].startswith(start)]:
                self.clear_group(*key)

    def clear_group(self, group: str, tag: str) -> None:
        with self._lock:
            found = self._groups.pop((group, tag), None)
            for core in found.cores if found is not None else ():
                self._order.pop((group, tag, core), None)

    def size(self) -> int:
        return len(self._order)

    def prepare(self, minimum: int = LARGE) -> int:
        with self._lock:
            large = [group for group in self._groups.values() if len(group.cores) > minimum]
            return sum(group.build() is not None for group in large)

    def record(self, hit: SemanticHit) -> None:
        with self._lock:
            self._hits.append(hit)
            del self._hits[: -self._logged]

    def hits(self, limit: int) -> list[SemanticHit]:
        return list(reversed(self._hits))[:limit]

    def close(self) -> None:
        pass

    def _group(self, group: str, tag: str) -> Group:
        found = self._groups.get((group, tag))
        if found is None:
            found = self._groups[group, tag] = Group()
        return found


class Group:
    """Texts that are compared with each other: rows of one matrix, and a graph where there are many. Not
    safe for several threads."""

    def __init__(self) -> None:
        self.cores: list[str] = []
        self.cores_at: dict[str, int] = {}
        self._matrix: Any = None
        self._plain: list[array[float]] = []
        self._graph: Any = None
        self._covered: dict[int, str] = {}  # number in the graph → text, as it was when the graph was made
        self._later: set[str] = set()  # texts that the graph does not know

    def add(self, core: str, vector: array[float]) -> None:
        row = self.cores_at.get(core, len(self.cores))
        self._set(row, vector)
        if row == len(self.cores):
            self.cores_at[core] = row
            self.cores.append(core)
        if self._graph is not None:
            self._later.add(core)

    def remove(self, core: str) -> int:
        """How many are left."""
        row = self.cores_at.pop(core, None)
        if row is not None:
            last = self.cores.pop()
            if last != core:
                self.cores[row] = last
                self.cores_at[last] = row
                self._set(row, self._vector(len(self.cores)))
            del self._plain[len(self.cores) :]
            self._later.discard(core)
        return len(self.cores)

    def nearest(self, vector: array[float], limit: int) -> list[Match]:
        if not self.cores:
            return []
        if len(vector) != self.dimensions:
            return []
        if self._matrix is None:
            scored = [
                Match(core, _dot(vector, row)) for core, row in zip(self.cores, self._plain, strict=True)
            ]
            return sorted(scored, key=_best_first)[:limit]
        import numpy as np

        wanted = np.frombuffer(vector, np.float32)
        rows = self._proposed(wanted, limit)
        matrix = self._matrix[: len(self.cores)] if rows is None else self._matrix[rows]
        # Not `@`: its BLAS may share the work out and wait for threads that a busy machine runs later.
        scores = np.vecdot(matrix, wanted)
        few = min(limit, len(scores))
        best = np.argpartition(-scores, few - 1)[:few] if few < len(scores) else range(len(scores))
        near = [Match(self.cores[i if rows is None else rows[i]], float(scores[i])) for i in best]
        return sorted(near, key=_best_first)

    def build(self, numbers: Sequence[int] | None = None) -> Any:
        """Makes the graph and returns it; None where numpy or usearch are absent. ``numbers``: of the texts,
        for a graph that is saved; by default their rows."""
        if self._matrix is None:
            return None
        count = len(self.cores)
        labels = list(range(count)) if numbers is None else numbers
        try:
            index = build_graph(labels, self._matrix[:count])
        except ImportError:
            return None
        self.adopt(index, dict(zip(labels, self.cores, strict=True)))
        return index

    def adopt(self, graph: Any, covered: dict[int, str]) -> None:
        """``covered``: the texts that the graph knows, by number. What it names is compared exactly, and so
        is what it does not know: a graph that is out of date costs time and nothing else."""
        self._graph, self._covered = graph, covered
        self._later = set(self.cores).difference(covered.values())

    def _proposed(self, wanted: Any, limit: int) -> list[int] | None:
        """Rows to compare; None for all."""
        if self._graph is None:
            return None
        keys = self._graph.search(wanted, max(_PROPOSED, 8 * limit)).keys
        texts = {text for key in keys if (text := self._covered.get(int(key))) is not None} | self._later
        return [row for text in texts if (row := self.cores_at.get(text)) is not None] or None

    @property
    def dimensions(self) -> int:
        """Of the vectors; 0 before the first."""
        if self._matrix is not None:
            return int(self._matrix.shape[1])
        return len(self._plain[0]) if self._plain else 0

    def _set(self, row: int, vector: array[float]) -> None:
        if self.cores and self.dimensions not in (0, len(vector)):
            raise ValueError(f"{len(vector)} dimensions, the others have {self.dimensions}")
        np = _numpy()
        if np is None:
            self._plain[row : row + 1] = [vector]
            return
        if self._matrix is None:
            self._matrix = np.empty((16, len(vector)), np.float32)
        if row >= len(self._matrix):
            grown = np.empty((2 * len(self._matrix), len(vector)), np.float32)
            grown[: len(self._matrix)] = self._matrix
            self._matrix = grown
        self._matrix[row] = vector

    def _vector(self, row: int) -> Any:
        return self._plain[row] if self._matrix is None else self._matrix[row]


def _dot(a: array[float], b: array[float]) -> float:
    from operator import mul

    return float(sum(map(mul, a, b)))


def _best_first(match: Match) -> tuple[float, str]:
    return -match.score, match.core


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy
