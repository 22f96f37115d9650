"""An index of texts in a SQLite file, shared by processes; each searches its own copy in memory."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtfsc.files import replacing, write_atomically
from runtime.caches.cold import make_private
from runtime.caches.vectors import LARGE, Group, Match, MemoryVectors, SemanticHit
from runtime.connection import OwnConnection, prepared
from runtime.meaning.embedding import to_bytes

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS cores (
        number INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, tag TEXT NOT NULL, core TEXT NOT NULL,
        vector BLOB NOT NULL, UNIQUE (grp, tag, core)
    );
    CREATE TABLE IF NOT EXISTS hits (
        number INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, tenant TEXT NOT NULL,
        embedder TEXT NOT NULL, query TEXT NOT NULL, match TEXT NOT NULL, score REAL NOT NULL,
        model TEXT NOT NULL, answer TEXT NOT NULL
    );
"""
_MOST_HITS = 100_000
_TRIM_EVERY = 256
_BUSY_S = 2.0
"""How long others may write in the file."""


class FileVectors(MemoryVectors):
    """``path``: made at the first write. A group is read when it is first searched, and again what other
    processes add. Graphs of large groups, which `prepare` makes, lie beside the file."""

    def __init__(self, path: str | os.PathLike[str], capacity: int = 100_000) -> None:
        super().__init__(capacity)
        self._path = Path(path)
        self.name = str(self._path)
        self._connection = OwnConnection()
        # Of the groups in memory: the numbers of their texts, the last one, the file's version when read.
        self._known: dict[tuple[str, str], dict[str, int]] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._version: dict[tuple[str, str], int] = {}
        self._added = 0

    def add(self, group: str, tag: str, core: str, vector: array[float]) -> None:
        with self._lock:
            file = self._open(create=True)
            assert file is not None
            self._read(group, tag)
            if core in self._group(group, tag).cores_at:
                return  # the same text has the same vector
            done = file.execute(
                "INSERT OR IGNORE INTO cores (grp, tag, core, vector) VALUES (?, ?, ?, ?)",
                (group, tag, core, to_bytes(vector)),
            )
            if done.rowcount and done.lastrowid is not None:
                self._known[group, tag][core] = self._last[group, tag] = done.lastrowid
            super().add(group, tag, core, vector)
            self._grown(file)

    def add_many(self, group: str, tag: str, items: Iterable[tuple[str, array[float]]]) -> None:
        """All of them or none, which takes a tenth of the time."""
        with self._lock:
            file = self._open(create=True)
            assert file is not None
            file.execute("BEGIN IMMEDIATE")
            try:
                for core, vector in items:
                    self.add(group, tag, core, vector)
                file.execute("COMMIT")
            except BaseException:
                file.execute("ROLLBACK")
                self._forget()
                raise

    def nearest(self, group: str, tag: str, vector: array[float], limit: int) -> list[Match]:
        with self._lock:
            self._read(group, tag)
            return super().nearest(group, tag, vector, limit)

    def remove(self, group: str, tag: str, core: str) -> None:
        with self._lock:
            super().remove(group, tag, core)
            self._known.get((group, tag), {}).pop(core, None)
            self._write("DELETE FROM cores WHERE grp = ? AND tag = ? AND core = ?", group, tag, core)

    def clear(self, start: str = "") -> None:
        with self._lock:
            super().clear(start)
            self._forget()
            self._write("DELETE FROM cores WHERE substr(grp, 1, ?) = ?", len(start), start)
            if not start:
                for path in self._path.parent.glob(f"{self._path.name}.*.usearch*"):
                    path.unlink(missing_ok=True)

    def size(self) -> int:
        found = self._rows("SELECT count(*) FROM cores")
        return int(found[0][0]) if found else 0

    def prepare(self, minimum: int = LARGE) -> int:
        with self._lock:
            large = self._rows("SELECT grp, tag FROM cores GROUP BY 1, 2 HAVING count(*) > ?", minimum)
            made = 0
            for group, tag in large:
                self._read(group, tag)
                loaded = self._groups[group, tag]
                numbers = self._known[group, tag]
                graph = loaded.build([numbers[core] for core in loaded.cores])
                if graph is not None:
                    self._save(group, tag, graph, self._last[group, tag])
                    made += 1
            return made

    def record(self, hit: SemanticHit) -> None:
        columns = ", ".join(SemanticHit._fields)
        with self._lock:
            self._write(
                f"INSERT INTO hits ({columns}) VALUES ({', '.join('?' * len(hit))})", *hit, create=True
            )
            file = self._connection.get()
            assert file is not None
            self._grown(file)

    def hits(self, limit: int) -> list[SemanticHit]:
        columns = ", ".join(SemanticHit._fields)
        found = self._rows(f"SELECT {columns} FROM hits ORDER BY number DESC LIMIT ?", limit)
        return [SemanticHit(*row) for row in found]

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._forget()

    # -- the file

    def _open(self, create: bool = False) -> sqlite3.Connection | None:
        """The connection of this process; None while there is no file."""
        found = self._connection.get()
        if found is not None:
            return found
        if not create and not self._path.exists():
            return None
        make_private(self._path)
        connection = sqlite3.connect(
            self._path, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
        )
        settings = ("PRAGMA synchronous = NORMAL", _SCHEMA)
        self._connection.set(prepared(connection, settings))
        self._forget()
        return connection

    def _rows(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            file = self._open()
            return [] if file is None else file.execute(statement, values).fetchall()

    def _write(self, statement: str, *values: object, create: bool = False) -> None:
        with self._lock:
            file = self._open(create)
            if file is not None:
                file.execute(statement, values)

    def _grown(self, file: sqlite3.Connection) -> None:
        """By a text, or by a hit: there may be many of these and few of the others."""
        self._added += 1
        if self._added % _TRIM_EVERY == 0:
            self._trim(file)

    def _trim(self, file: sqlite3.Connection) -> None:
        # By number: to count them all would take as long as a search. What was removed counts too.
        file.execute(
            "DELETE FROM cores WHERE number <= (SELECT max(number) FROM cores) - ?", (self.capacity,)
        )
        file.execute("DELETE FROM hits WHERE number <= (SELECT max(number) FROM hits) - ?", (_MOST_HITS,))

    # -- what is in memory

    def _read(self, group: str, tag: str) -> None:
        """Brings the group in memory up to date with the file."""
        file, key = self._open(), (group, tag)
        known = self._known.setdefault(key, {})
        if file is None:
            return
        version = file.execute("PRAGMA data_version").fetchone()[0]
        if self._version.get(key) == version:
            return
        present = file.execute("SELECT count(*) FROM cores WHERE grp = ? AND tag = ?", key).fetchone()[0]
        if present < len(known):  # another process has removed some
            known.clear()
            self._last.pop(key, None)
            self.clear_group(group, tag)
        rows = file.execute(
            "SELECT number, core, vector FROM cores WHERE grp = ? AND tag = ? AND number > ? ORDER BY number",
            (*key, self._last.get(key, 0)),
        ).fetchall()
        first = not known
        for number, core, data in rows:
            known[core] = self._last[key] = number
            super().add(group, tag, core, _floats(data))
        self._version[key] = version
        if first and len(rows) > LARGE:
            self._adopt(group, tag, self._groups[key])

    def _forget(self) -> None:
        self._known.clear()
        self._last.clear()
        self._version.clear()
        super().clear()

    # -- graphs beside the file

    def _graph_path(self, group: str, tag: str) -> Path:
        name = hashlib.sha256(json.dumps([group, tag]).encode()).hexdigest()[:32]
        return self._path.with_name(f"{self._path.name}.{name}.usearch")

    def _save(self, group: str, tag: str, graph: Any, last: int) -> None:
        path = self._graph_path(group, tag)
        with replacing(path) as temporary:
            make_private(temporary)
            graph.save(str(temporary))
        noted = json.dumps({"last": last}).encode()
        write_atomically(path.with_suffix(".usearch-last"), noted, mode=0o600, synced=False)

    def _adopt(self, group: str, tag: str, loaded: Group) -> None:
        """The saved graph; without one, or with one that cannot be read, the search is exact and slower."""
        path = self._graph_path(group, tag)
        try:
            from usearch.index import Index

            last = int(json.loads(path.with_suffix(".usearch-last").read_text())["last"])
            graph = Index.restore(str(path), view=True)
        except (OSError, ImportError, ValueError, KeyError, RuntimeError):
            return
        if graph is not None and graph.ndim == loaded.dimensions:
            covered = {n: core for core, n in self._known[group, tag].items() if n <= last}
            loaded.adopt(graph, covered)


def _floats(data: bytes) -> array[float]:
    values = array("f", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
