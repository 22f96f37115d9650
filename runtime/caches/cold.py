"""Cold stores of answers: bytes by key (64 hex digits), kept until somebody clears them."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol


class ColdError(Exception):
    """The store failed. A cache makes a miss of it."""


class ColdStore(Protocol):
    """Safe to use from several threads."""

    def read(self, key: str) -> bytes | None:
        """Raises `ColdError`."""

    def write(self, key: str, data: bytes) -> None:
        """Raises `ColdError`."""

    def delete(self, key: str) -> None: ...

    def clear(self, start: str = "") -> None:
        """Of the keys that begin so. Raises `ColdError`."""

    def newest(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """Keys and data, the newest first where the store knows. Raises `ColdError`."""

    def size(self) -> int:
        """How many answers; may take a while. Raises `ColdError`."""

    def close(self) -> None: ...


class SqliteCold:
    """In one SQLite file, shared by processes; made at the first write."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    def read(self, key: str) -> bytes | None:
        found = self._run("SELECT data FROM answers WHERE key = ?", (key,), create=False)
        return bytes(found[0][0]) if found else None

    def write(self, key: str, data: bytes) -> None:
        self._run("REPLACE INTO answers VALUES (?, ?)", (key, data))

    def delete(self, key: str) -> None:
        self._run("DELETE FROM answers WHERE key = ?", (key,), create=False)

    def clear(self, start: str = "") -> None:
        self._run("DELETE FROM answers WHERE substr(key, 1, ?) = ?", (len(start), start), create=False)

    def newest(self, limit: int) -> Iterator[tuple[str, bytes]]:
        found = self._run("SELECT key, data FROM answers ORDER BY rowid DESC LIMIT ?", (limit,), create=False)
        yield from ((str(key), bytes(data)) for key, data in found)

    def size(self) -> int:
        found = self._run("SELECT count(*) FROM answers", (), create=False)
        return int(found[0][0]) if found else 0

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    def _run(self, statement: str, values: tuple[object, ...], *, create: bool = True) -> list[Any]:
        with self._lock:
            try:
                connection = self._open(create)
                return [] if connection is None else connection.execute(statement, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise ColdError(f"{self._path}: {error}") from error

    def _open(self, create: bool) -> sqlite3.Connection | None:
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        if not create and not self._path.exists():
            return None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=5.0, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        # An answer lost with the machine is asked for again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, data BLOB NOT NULL)")
        self._connection, self._owner = connection, os.getpid()
        return connection


class MemoryCold:
    """In this process."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}

    def read(self, key: str) -> bytes | None:
        return self._data.get(key)

    def write(self, key: str, data: bytes) -> None:
        self._data[key] = data

    def delete(self, key: str) -> None:
        self._data.pop(key, None)

    def clear(self, start: str = "") -> None:
        for key in [key for key in self._data if key.startswith(start)]:
            self.delete(key)

    def newest(self, limit: int) -> Iterator[tuple[str, bytes]]:
        yield from list(reversed(self._data.items()))[:limit]

    def size(self) -> int:
        return len(self._data)

    def close(self) -> None:
        pass
