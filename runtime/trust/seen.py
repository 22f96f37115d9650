"""What this user has seen: the newest time, the logs of stores, the newest versions under each name.

Whoever can write a store can take away from it; only the memory of those who read it before shows that.  One
SQLite file in the user's data folder, made when there is something to remember.  Where nothing can be
written there (a read-only home, a full disk) what is added lasts as long as the process.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from runtime.connection import OwnConnection, log_ahead
from runtime.trust.errors import TrustStoreError
from runtime.trust.files import private_folder
from runtime.trust.merkle import Frontier

T = TypeVar("T")

_HASH_BYTES = 32
_PATIENCE_S = 10.0
_SCHEMA = 1
_UNWRITABLE = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
)  # fmt: skip
_TABLES = """
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), newest INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stores (
    id INTEGER PRIMARY KEY, location TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, peaks BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS leaves (
    store INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL, leaf BLOB, PRIMARY KEY (store, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leaves_subject ON leaves (store, kind, subject);
CREATE INDEX IF NOT EXISTS leaves_kept ON leaves (store, position) WHERE leaf IS NOT NULL;
CREATE TABLE IF NOT EXISTS versions (
    store INTEGER NOT NULL, name TEXT NOT NULL, part TEXT NOT NULL, signer TEXT NOT NULL,
    serial INTEGER NOT NULL, PRIMARY KEY (store, name, part, signer)
) WITHOUT ROWID;
"""


class SeenLeaf(NamedTuple):
    """``leaf`` is kept where the record matters to more than its own module."""

    hash: bytes
    kind: str
    subject: str
    leaf: bytes | None


class Seen:
    """``path``: None for a memory that ends with the process."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = OwnConnection()

    def newest_time(self) -> int:
        """In seconds since 1970; 0 if none was noted."""
        row = self._row("SELECT newest FROM clock")
        return int(row[0]) if row else 0

    def note_time(self, seconds: int) -> None:
        sql = "INSERT INTO clock VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET newest = max(newest, ?)"
        self._write(lambda connection: connection.execute(sql, (seconds, seconds)))

    def forget_time(self) -> None:
        self._write(lambda connection: connection.execute("DELETE FROM clock"))

    def store(self, location: str) -> SeenStore:
        return SeenStore(self, location)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    # -- inside, also for `SeenStore`

    def _row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        return next(iter(self._rows(sql, *values)), None)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._errors():
            connection = self._open(create=False)
            return [] if connection is None else connection.execute(sql, values).fetchall()

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Does the work in a transaction.  Where the file cannot be written (a full disk, a read-only home)
        in one on a copy in memory, so that what is remembered still counts."""
        with self._lock, self._errors():
            connection = self._open(create=True)
            assert connection is not None
            try:
                return _transaction(connection, work)
            except sqlite3.OperationalError as error:
                if _primary(error) not in _UNWRITABLE:
                    raise
            return _transaction(self._connection.set(_copied(connection)), work)

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        found = self._connection.get()
        if found is not None:
            return found
        if self.path is not None and not create and not self.path.exists():
            return None
        return self._connection.set(self._connect())

    def _connect(self) -> sqlite3.Connection:
        if self.path is None:
            return _prepared(_connection(":memory:"))
        try:
            private_folder(self.path.parent)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            return self._copy()
        _refuse_shared(self.path)
        try:
            return self._writable(_connection(str(self.path)))
        except sqlite3.OperationalError as error:
            if _primary(error) not in _UNWRITABLE:
                raise
            return self._copy()

    @staticmethod
    def _writable(connection: sqlite3.Connection) -> sqlite3.Connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] == _SCHEMA:
            return connection
        log_ahead(connection)
        return _prepared(connection)

    def _copy(self) -> sqlite3.Connection:
        """What is remembered, in a form that can be written."""
        assert self.path is not None
        if not self.path.exists():
            return _prepared(_connection(":memory:"))
        uri = f"file:{quote(str(self.path.absolute()))}"
        try:
            return _copied(_connection(f"{uri}?mode=ro", uri=True))
        except sqlite3.OperationalError:  # no journal can be made beside it
            return _copied(_connection(f"{uri}?immutable=1", uri=True))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise TrustStoreError(f"{self.path}: cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise TrustStoreError(
                f"{self.path}: damaged ({error})",
                hint="restore it, or move it away: then all that was seen of stores is forgotten",
            ) from error


class SeenStore:
    """The memory of one store, known by its location."""

    def __init__(self, seen: Seen, location: str) -> None:
        self._seen, self.location = seen, location

    def frontier(self) -> Frontier:
        """Of the log as it was when it was last read."""
        row = self._seen._row("SELECT size, peaks FROM stores WHERE location = ?", self.location)
        return Frontier() if row is None else _frontier(row)

    def extend(self, size: int, leaves: Sequence[SeenLeaf]) -> bool:
        """Adds leaves after the first ``size``.  False, and nothing is done, where another process has
        been here meanwhile."""

        def work(connection: sqlite3.Connection) -> bool:
            store, frontier = self._identify(connection)
            if frontier.size != size:
                return False
            rows = [(store, size + i, *leaf) for i, leaf in enumerate(leaves)]
            connection.executemany("INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?)", rows)
            for leaf in leaves:
                frontier = frontier.append(leaf.hash)
            connection.execute(
                "UPDATE stores SET size = ?, peaks = ? WHERE id = ?",
                (frontier.size, b"".join(frontier.peaks), store),
            )
            return True

        return self._seen._write(work)

    def hashes(self, start: int, stop: int) -> list[bytes]:
        """Of the leaves ``start`` to ``stop`` - 1."""
        rows = self._leaves("hash", "position >= ? AND position < ?", start, stop)
        return [bytes(row[0]) for row in rows]

    def find(self, kind: str, subject: str) -> list[int]:
        """The numbers of the leaves so labelled."""
        rows = self._leaves("position", "kind = ? AND subject = ?", kind, subject)
        return [int(row[0]) for row in rows]

    def kept(self) -> list[tuple[int, bytes]]:
        """Numbers and leaves of the records that matter to more than one module."""
        # Named, because SQLite would go through all leaves: the primary key seems as good to it.
        rows = self._leaves("position, leaf", "leaf IS NOT NULL", index="leaves_kept")
        return [(int(row[0]), bytes(row[1])) for row in rows]

    def version(self, name: str, part: str, signers: Iterable[str]) -> int:
        """The highest serial noted for any of the signers, 0 if none."""
        sql = (
            "SELECT max(serial) FROM versions v JOIN stores s ON s.id = v.store"
            " WHERE location = ? AND name = ? AND part = ? AND signer = ?"
        )
        rows = [self._seen._row(sql, self.location, name, part, signer) for signer in signers]
        return max((int(row[0] or 0) for row in rows if row), default=0)

    def note_version(self, name: str, parts: Iterable[str], signers: Iterable[str], serial: int) -> None:
        rows = [(name, part, signer, serial) for part in parts for signer in signers]

        def work(connection: sqlite3.Connection) -> None:
            store, _ = self._identify(connection)
            connection.executemany(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET serial = max(serial, excluded.serial)",
                [(store, *row) for row in rows],
            )

        self._seen._write(work)

    def forget(self) -> None:
        """As if the store had never been seen."""

        def work(connection: sqlite3.Connection) -> None:
            store, _ = self._identify(connection)
            for table in ("leaves", "versions"):
                connection.execute(f"DELETE FROM {table} WHERE store = ?", (store,))
            connection.execute("DELETE FROM stores WHERE id = ?", (store,))

        self._seen._write(work)

    def _identify(self, connection: sqlite3.Connection) -> tuple[int, Frontier]:
        connection.execute(
            "INSERT INTO stores (location, size, peaks) VALUES (?, 0, x'') ON CONFLICT DO NOTHING",
            (self.location,),
        )
        sql = "SELECT id, size, peaks FROM stores WHERE location = ?"
        store, *row = connection.execute(sql, (self.location,)).fetchone()
        return store, _frontier(row)

    def _leaves(self, columns: str, where: str, *values: object, index: str = "") -> list[tuple[Any, ...]]:
        by = f" INDEXED BY {index}" if index else ""
        return self._seen._rows(
            f"SELECT {columns} FROM leaves{by} WHERE store = (SELECT id FROM stores WHERE location = ?)"
            f" AND {where} ORDER BY position",
            self.location,
            *values,
        )


def _connection(path: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=_PATIENCE_S, check_same_thread=False, uri=uri
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
        return result
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _copied(source: sqlite3.Connection) -> sqlite3.Connection:
    copy = _connection(":memory:")
    source.backup(copy)
    return _prepared(copy)


def _primary(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _SCHEMA:
        raise TrustStoreError(f"what was seen of stores was written by a newer rtfsc (schema {version})")
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_SCHEMA}; COMMIT")
    return connection


def _refuse_shared(path: Path) -> None:
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise TrustStoreError(f"{path}: others can write this file", hint=f"chmod 600 {path}")


def _frontier(row: Sequence[Any]) -> Frontier:
    size, peaks = row
    cut = range(0, len(peaks), _HASH_BYTES)
    return Frontier(size, tuple(peaks[i : i + _HASH_BYTES] for i in cut))
