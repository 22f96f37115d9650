"""Search in groups of meanings (one interface, one embedder) of a SQLite index.

A group of up to `LARGE` vectors is searched exactly: as one matrix in memory, loaded again when the version
of the group changes.  A larger one can be given a graph (usearch) by `build`; what the graph proposes, and
what was added since, is compared exactly, so that a graph that is out of date costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rtfsc.files import replacing, write_atomically
from runtime.meaning.graphs import build_graph
from runtime.store import vectors
from runtime.store.index import Near

LARGE = 10_000
"""Vectors of a group beyond which a graph is worth its memory."""
_MOST_BYTES = 256 << 20
_PROPOSED = 64
"""How many the graph proposes at least: with 64 of 100,000 its best is the best of all in 99 of 100."""
_BATCH = 500
_WITHOUT_NUMPY = 2000
_ROWS = """
    SELECT m.rowid, m.module_id, m.export, m.vector FROM rtfs_meanings m
    JOIN rtfs_modules e ON e.id = m.module_id
    WHERE m.interface_hash = ? AND m.embedder = ? AND e.validation_status = 'Verified'
    AND typeof(m.vector) = 'blob'
"""


class _Matrix(NamedTuple):
    """Rows of length 1, and what each belongs to."""

    version: int
    near: list[tuple[int, str]]
    rows: Any


class _Graph(NamedTuple):
    """``last``: the last row of the table that is in it."""

    last: int
    index: Any


class Groups:
    """Not safe for several threads: the index calls it under its lock. ``folder``: of the graphs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._matrices: OrderedDict[tuple[str, str, int], _Matrix] = OrderedDict()
        self._graphs: dict[Path, tuple[float, _Graph]] = {}
        self._compared = 0

    def nearest(
        self, connection: sqlite3.Connection, interface_hash: str, embedder: str, vector: bytes, limit: int
    ) -> list[Near]:
        """The best of the group, best first, by cosine."""
        wanted = vectors.floats(vector)
        group = (interface_hash, embedder)
        found = connection.execute(
            "SELECT version, size FROM rtfs_groups WHERE interface_hash = ? AND embedder = ?", group
        ).fetchone()
        if found is None:
            return []
        version, size = found[0], found[1] if isinstance(found[1], int) else 0
        graph = self._graph(group, len(wanted)) if size > LARGE else None
        if graph is not None:
            rows: Iterable[tuple[int, str, bytes]] = _proposed(connection, group, graph, wanted, limit)
        else:
            matrix = (
                self._matrix(connection, group, len(wanted), version) if self._worth_numpy(size) else None
            )
            if matrix is not None:
                return _best_of_matrix(matrix, wanted, limit)
            rows = (row[1:] for row in connection.execute(_ROWS, group))
        near = [
            Near(module_id, export, vectors.cosine(wanted, values))
            for module_id, export, data in rows
            if len(data) == len(vector) and (values := vectors.finite(data)) is not None
        ]
        return sorted(near, key=vectors.best_first)[:limit]

    def build(self, connection: sqlite3.Connection, minimum: int = LARGE) -> list[tuple[str, str, int]]:
        """Makes the graphs of all groups with more than ``minimum`` vectors: (interface, embedder, size)
        of each. Takes a minute or more for 100,000. Raises ImportError without usearch."""
        import numpy as np

        made = []
        for interface_hash, embedder, _ in connection.execute(
            "SELECT interface_hash, embedder, size FROM rtfs_groups WHERE size > ? ORDER BY 1, 2", (minimum,)
        ).fetchall():
            group = (interface_hash, embedder)
            rows = connection.execute(_ROWS + " ORDER BY m.rowid", group).fetchall()
            for length in sorted({len(row[3]) for row in rows if row[3] and len(row[3]) % 4 == 0}):
                chosen = [row for row in rows if len(row[3]) == length]
                data = np.frombuffer(b"".join(row[3] for row in chosen), "<f4").reshape(len(chosen), -1)
                index = build_graph([row[0] for row in chosen], data)
                self._save(group, length // 4, index, chosen[-1][0])
            made.append((interface_hash, embedder, len(rows)))
        return made

    # -- groups in memory

    def _worth_numpy(self, size: int) -> bool:
        """To load it takes as long as to compare some thousand vectors without it, and most processes that
        look something up look up one thing."""
        if "numpy" not in sys.modules:
            self._compared += size
        return self._compared > _WITHOUT_NUMPY or "numpy" in sys.modules

    def _matrix(
        self, connection: sqlite3.Connection, group: tuple[str, str], dimensions: int, version: int
    ) -> _Matrix | None:
        key = (*group, dimensions)
        known = self._matrices.get(key)
        if known is not None and known.version == version:
            self._matrices.move_to_end(key)
            return known
        np = _numpy()
        if np is None:
            return None
        rows = [row for row in connection.execute(_ROWS, group) if len(row[3]) == 4 * dimensions]
        data = np.frombuffer(b"".join(row[3] for row in rows), "<f4").reshape(len(rows), dimensions)
        whole = np.isfinite(data).all(axis=1)
        if not whole.all():  # somebody wrote what is no vector
            data, rows = data[whole], [row for row, is_whole in zip(rows, whole, strict=True) if is_whole]
        lengths = np.linalg.norm(data, axis=1, keepdims=True)
        matrix = data / np.where(lengths > 0, lengths, 1)
        made = _Matrix(version, [(row[1], row[2]) for row in rows], matrix)
        self._matrices[key] = made
        self._matrices.move_to_end(key)
        while len(self._matrices) > 1 and sum(m.rows.nbytes for m in self._matrices.values()) > _MOST_BYTES:
            self._matrices.popitem(last=False)
        return made

    # -- graphs in files

    def _path(self, group: tuple[str, str], dimensions: int) -> Path:
        name = hashlib.sha256(json.dumps([*group, dimensions]).encode()).hexdigest()[:32]
        return self._folder / f"{name}.usearch"

    def _graph(self, group: tuple[str, str], dimensions: int) -> _Graph | None:
        """None where there is none, or it cannot be used: then the search is exact and slower."""
        path = self._path(group, dimensions)
        try:
            made = path.with_suffix(".json").stat().st_mtime_ns
            known = self._graphs.get(path)
            if known is not None and known[0] == made:
                return known[1]
            from usearch.index import Index

            facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            index = Index.restore(str(path), view=True)
            if index is None or index.ndim != dimensions:
                return None
            graph = _Graph(int(facts["last"]), index)
        except (OSError, ImportError, ValueError, KeyError, RuntimeError):
            return None
        self._graphs[path] = (made, graph)
        return graph

    def _save(self, group: tuple[str, str], dimensions: int, index: Any, last: int) -> None:
        path = self._path(group, dimensions)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            index.save(str(temporary))
        write_atomically(path.with_suffix(".json"), json.dumps({"last": last}).encode(), synced=False)


def _best_of_matrix(matrix: _Matrix, wanted: Any, limit: int) -> list[Near]:
    import numpy as np

    if not matrix.near:
        return []
    vector = np.frombuffer(wanted, np.float32)
    length = float(np.linalg.norm(vector)) or 1.0
    # Not `@`: its BLAS may share the work out and wait for threads that a busy machine runs later.
    scores = np.vecdot(matrix.rows, vector / length)
    # A few more than asked for: of equal scores the newer entry comes first.
    few = min(len(scores), limit + 8)
    best = np.argpartition(-scores, few - 1)[:few]
    near = [Near(matrix.near[i][0], matrix.near[i][1], float(scores[i])) for i in best]
    return sorted(near, key=vectors.best_first)[:limit]


def _proposed(
    connection: sqlite3.Connection, group: tuple[str, str], graph: _Graph, wanted: Any, limit: int
) -> list[tuple[int, str, bytes]]:
    """What the graph proposes and what is not in it yet, as (module, export, vector)."""
    import numpy as np

    matches = graph.index.search(np.frombuffer(wanted, np.float32), max(_PROPOSED, 8 * limit))
    numbers = [int(key) for key in matches.keys]
    rows = connection.execute(f"{_ROWS} AND m.rowid > ?", (*group, graph.last)).fetchall()
    for at in range(0, len(numbers), _BATCH):
        batch = numbers[at : at + _BATCH]
        marks = ", ".join("?" * len(batch))
        rows += connection.execute(f"{_ROWS} AND m.rowid IN ({marks})", (*group, *batch)).fetchall()
    return [row[1:] for row in rows]


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy
