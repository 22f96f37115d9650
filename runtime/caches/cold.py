"""Cold stores of answers: bytes by key (64 hex digits), kept until somebody clears them."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from runtime.connection import OwnConnection, prepared

_KIND = "answers"
_MOST_BYTES = 4 << 20
_BUSY_S = 5.0
"""How long others may write in the file."""


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


_PREPARE = (
    # An answer lost with the machine is asked for again.
    "PRAGMA synchronous = NORMAL",
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, data BLOB NOT NULL)",
)


class SqliteCold:
    """In one SQLite file, shared by processes; made at the first write."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self.name = str(self._path)
        self._lock = threading.Lock()
        self._connection = OwnConnection()

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
            self._connection.close()

    def _run(self, statement: str, values: tuple[object, ...], *, create: bool = True) -> list[Any]:
        with self._lock:
            try:
                connection = self._open(create)
                return [] if connection is None else connection.execute(statement, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise ColdError(f"{self._path}: {error}") from error

    def _open(self, create: bool) -> sqlite3.Connection | None:
        found = self._connection.get()
        if found is not None:
            return found
        if not create and not self._path.exists():
            return None
        make_private(self._path)
        connection = sqlite3.connect(
            self._path, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
        )
        return self._connection.set(prepared(connection, _PREPARE))


def make_private(path: Path) -> None:
    """The file, if it is not there yet, readable by its owner alone: what models were asked and answered is
    nobody else's business. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


class BlobCold:
    """In a folder or a bucket, one blob an answer, shared by whoever may read it. ``address`` as the blobs
    of a store have it: ``s3://BUCKET/PREFIX?endpoint=…``, ``file:///FOLDER``, …

    Raises `StoreError` for what is no such address. Nothing is connected to before the first use."""

    def __init__(self, address: str) -> None:
        from runtime.store.location import without_secrets
        from runtime.store.opening import open_blobs

        self.name = without_secrets(address)
        self.local = address.startswith("file:")
        # What is waited for here is waited for by a caller who would rather ask the model.
        self._blobs = open_blobs(address, hasty=True)

    def read(self, key: str) -> bytes | None:
        from runtime.store.errors import MissingBlob, StoreError

        try:
            return self._blobs.read(_blob(key), _MOST_BYTES)
        except MissingBlob:
            return None
        except StoreError as error:
            raise ColdError(error.message) from error

    def write(self, key: str, data: bytes) -> None:
        with _as_cold_errors():
            self._blobs.write(_blob(key), data)

    def delete(self, key: str) -> None:
        with _as_cold_errors():
            self._blobs.delete(_blob(key))

    def clear(self, start: str = "") -> None:
        for key in list(self._keys()):
            if key.startswith(start):
                self.delete(key)

    def newest(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """In the order of the keys: which are the newest is not known."""
        for key in islice(self._keys(), limit):
            data = self.read(key)
            if data is not None:
                yield key, data

    def size(self) -> int:
        return sum(1 for _ in self._keys())

    def close(self) -> None:
        pass

    def _keys(self) -> Iterator[str]:
        with _as_cold_errors():
            for name, _ in self._blobs.names(_KIND):
                yield name[len(_KIND) + 1 :].replace("/", "")


def _blob(key: str) -> str:
    return f"{_KIND}/{key[:2]}/{key[2:]}"


@contextmanager
def _as_cold_errors() -> Iterator[None]:
    from runtime.store.errors import StoreError

    try:
        yield
    except StoreError as error:
        raise ColdError(error.message) from error


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
