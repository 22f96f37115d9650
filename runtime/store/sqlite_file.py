"""A SQLite file (WAL) shared by any number of processes: how it is opened, made, brought up to date and
written."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from runtime.connection import OwnConnection
from runtime.store.errors import DamagedIndex, ReadOnlyStore, StoreBusy, StoreError, StoreFull, from_os_error
from runtime.store.migrations import MIGRATIONS, SCHEMA

BUSY_TIMEOUT_S = 10.0

_SETTINGS = ("PRAGMA trusted_schema = OFF", "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL")


class SqliteFile:
    """``read_only`` never writes, whatever the file would allow.  The file is opened at the first use and
    made at the first write."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._wanted_read_only = read_only
        self._lock = threading.RLock()
        self._connection = OwnConnection()
        self._reason: str | None = "opened read-only" if read_only else None

    def read_only_reason(self) -> str | None:
        """Why nothing can be written; None if it can."""
        with self._lock, self._errors():
            self._open()
            return self._reason

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """The connection, by this thread alone; None while there is no file."""
        with self._lock, self._errors():
            yield self._open()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """Like `reading`; all that is read within is of one moment."""
        with self.reading() as connection:
            if connection is None or connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. What is not ``durable`` may be lost if the machine stops."""
        with self._lock, self._errors():
            connection = self._open(create=True)
            if connection is None or self._reason is not None:
                raise ReadOnlyStore(f"{self.path}: {self._reason}")
            if not durable:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            finally:
                if not durable:
                    connection.execute("PRAGMA synchronous = FULL")

    def _open(self, *, create: bool = False) -> sqlite3.Connection | None:
        """The connection of this process; None while there is no file."""
        found = self._connection.get()
        if found is not None:
            return found
        if not self.path.exists():
            if not create or self._wanted_read_only:
                return None
            _create(self.path)
        connection, reason = _connect(self.path, self._wanted_read_only)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            reason = f"made by a newer rtfsc (schema {version}, this one knows {SCHEMA})"
            connection.execute("PRAGMA query_only = ON")
        elif version < SCHEMA:
            if reason is None:
                _migrate(connection)
            else:
                connection = _migrated_copy(connection)
        self._reason = reason
        return self._connection.set(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translate(error, self.path) from error
        except OSError as error:
            raise from_os_error(error, self.path, "open the index") from error


def _connect(path: Path, read_only: bool) -> tuple[sqlite3.Connection, str | None]:
    """A connection, and why it cannot write."""
    if not read_only and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return _try_connect(path, "mode=rw"), None
    reason = "opened read-only" if read_only else "the file or its folder cannot be written"
    try:
        return _try_connect(path, "mode=ro"), reason
    except sqlite3.OperationalError:
        # WAL needs a shared-memory file beside the database; where that cannot be made nobody writes.
        return _try_connect(path, "immutable=1"), reason


def _try_connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Makes the index beside its place and moves it there whole: of two processes one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection)
        finally:
            connection.close()
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{temporary}{suffix}").unlink(missing_ok=True)


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, SCHEMA)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """An older file that must not be written is read through a copy in memory that is brought up to date."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    connection.close()
    _migrate(copy)
    return copy


def _translate(error: sqlite3.Error, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None) or 0
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path}: another process is writing", hint="try again")
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE:
        return StoreFull(f"{path}: no space left for the index")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return ReadOnlyStore(f"{path}: cannot be written ({error})")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DamagedIndex(f"{path}: the index is damaged ({error})", hint="move the file away")
    return StoreError(f"{path}: {error}")
