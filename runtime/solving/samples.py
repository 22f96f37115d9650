"""What models answered to delegated calls: pairs of arguments and result, in a file of the user.

One function is a name, an interface, a doc, a model and a tenant. Tenants never see each other's pairs.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from runtime.connection import OwnConnection, prepared
from runtime.trust.files import PRIVATE_FILE, private_folder

MOST_PAIRS: Final = 500
"""Of one function; more are not kept, but still compared with those that are."""
MOST_TEXT: Final = 2048
"""Characters of one pair that is kept."""
_BUSY_S: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS functions (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, signature TEXT NOT NULL,
    interface_hash TEXT NOT NULL, doc TEXT NOT NULL, model TEXT NOT NULL, revision TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'recording', reason TEXT NOT NULL DEFAULT '', digest TEXT NOT NULL DEFAULT '',
    export TEXT NOT NULL DEFAULT '', upto INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL,
    UNIQUE (tenant, name, interface_hash, doc, model));
CREATE TABLE IF NOT EXISTS pairs (
    id INTEGER PRIMARY KEY, function INTEGER NOT NULL REFERENCES functions (id) ON DELETE CASCADE,
    arguments TEXT NOT NULL, result TEXT NOT NULL, UNIQUE (function, arguments));
"""


class Identity(NamedTuple):
    """``signature``: a declaration without a doc."""

    tenant: str
    name: str
    signature: str
    interface_hash: str
    doc: str
    model: str


class Function(NamedTuple):
    """``state``: ``recording``, ``inconsistent`` (one call had two answers: never distilled), ``distilled``,
    ``refused`` (no candidate was accepted) or ``withdrawn``; ``reason``: why. ``digest``, ``export``: of the
    distilled function; ``upto``: the last pair that it was made from; ``next_at``: pairs that must be there
    before it is tried again."""

    id: int
    identity: Identity
    revision: str
    state: str
    reason: str
    digest: str
    export: str
    upto: int
    next_at: int
    changed: float
    pairs: int


class Pair(NamedTuple):
    """As RTFS texts; ``arguments`` is a vector."""

    id: int
    arguments: str
    result: str


class Samples:
    """Safe to use from several threads and processes. Nothing is opened before the first use.

    Raises `sqlite3.Error` and OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection = OwnConnection()

    def find(self, identity: Identity) -> Function | None:
        if not self.path.exists():
            return None
        with self._open() as connection:
            return _of(connection, identity)

    def get(self, id: int) -> Function | None:
        if not self.path.exists():
            return None
        with self._open() as connection:
            return _one(connection, "f.id = ?", (id,))

    def all(self) -> list[Function]:
        """By name."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            return _functions(connection, "1 ORDER BY name, f.id", ())

    def add(self, identity: Identity, revision: str, arguments: str, result: str) -> Function:
        """Records an answer. Another answer to the same call makes the function inconsistent; one of
        another revision of the model starts anew."""
        with self._open(write=True) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO functions (tenant, name, signature, interface_hash, doc, model,"
                " revision, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*identity, revision, time.time()),
            )
            function = _of(connection, identity)
            assert function is not None
            if function.revision != revision:
                _start_anew(connection, function.id, revision)
            row = connection.execute(
                "SELECT result FROM pairs WHERE function = ? AND arguments = ?", (function.id, arguments)
            ).fetchone()
            fits = function.pairs < MOST_PAIRS and len(arguments) + len(result) <= MOST_TEXT
            if row is not None and row[0] != result:
                reason = f"{arguments:.200} had the answers {row[0]:.200} and {result:.200}"
                _set(connection, function.id, "inconsistent", reason)
            elif row is None and fits:
                connection.execute(
                    "INSERT INTO pairs (function, arguments, result) VALUES (?, ?, ?)",
                    (function.id, arguments, result),
                )
            changed = _one(connection, "f.id = ?", (function.id,))
            assert changed is not None
            return changed

    def pairs(self, id: int, upto: int | None = None) -> list[Pair]:
        """In the order of their recording."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT id, arguments, result FROM pairs WHERE function = ? AND id <= ? ORDER BY id",
                (id, upto if upto is not None else 1 << 62),
            )
            return [Pair(*row) for row in rows]

    def distilled(self, id: int, digest: str, export: str, upto: int) -> bool:
        """False if it has become inconsistent or was forgotten in the meantime."""
        with self._open(write=True) as connection:
            done = connection.execute(
                "UPDATE functions SET state = 'distilled', reason = '', digest = ?, export = ?, upto = ?,"
                " changed = ? WHERE id = ? AND state != 'inconsistent'",
                (digest, export, upto, time.time(), id),
            )
            return done.rowcount == 1

    def put_off(self, id: int, state: str, reason: str, next_at: int) -> None:
        """Not distilled before there are ``next_at`` pairs. An inconsistent function stays what it is."""
        with self._open(write=True) as connection:
            connection.execute(
                "UPDATE functions SET state = ?, reason = ?, next_at = ?, changed = ? WHERE id = ?"
                " AND state != 'inconsistent'",
                (state, reason, next_at, time.time(), id),
            )

    def forget(self, id: int) -> None:
        with self._open(write=True) as connection:
            connection.execute("DELETE FROM pairs WHERE function = ?", (id,))
            connection.execute("DELETE FROM functions WHERE id = ?", (id,))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _open(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._connection.get() or self._connection.set(_opened(self.path))
            if not write:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _opened(path: Path) -> sqlite3.Connection:
    private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    return prepared(connection, ("PRAGMA synchronous = NORMAL", _SCHEMA))


def _of(connection: sqlite3.Connection, identity: Identity) -> Function | None:
    where = "tenant = ? AND name = ? AND interface_hash = ? AND doc = ? AND model = ?"
    return _one(connection, where, identity[:2] + identity[3:])


def _one(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> Function | None:
    return next(iter(_functions(connection, where, values)), None)


def _functions(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Function]:
    rows = connection.execute(
        "SELECT f.id, tenant, name, signature, interface_hash, doc, model, revision, state, reason, digest,"
        " export, upto, next_at, changed, (SELECT count(*) FROM pairs WHERE function = f.id)"
        f" FROM functions f WHERE {where}",
        values,
    )
    return [Function(row[0], Identity(*row[1:7]), *row[7:]) for row in rows]


def _set(connection: sqlite3.Connection, id: int, state: str, reason: str) -> None:
    values = (state, reason, time.time(), id)
    connection.execute("UPDATE functions SET state = ?, reason = ?, changed = ? WHERE id = ?", values)


def _start_anew(connection: sqlite3.Connection, id: int, revision: str) -> None:
    connection.execute("DELETE FROM pairs WHERE function = ?", (id,))
    connection.execute(
        "UPDATE functions SET revision = ?, state = 'recording', reason = 'the model has changed',"
        " digest = '', export = '', upto = 0, next_at = 0, changed = ? WHERE id = ?",
        (revision, time.time(), id),
    )
