"""The index in one SQLite file (WAL), shared by any number of processes."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runtime.store.errors import DamagedIndex, ReadOnlyStore, StoreBusy, StoreError, StoreFull, from_os_error
from runtime.store.index import MODULE_KEYS, Description, Entry, Key, NewEntry, Status, Uses
from runtime.store.migrations import MIGRATIONS, SCHEMA
from runtime.trust.statement import Export

BUSY_TIMEOUT_S = 10.0

_COLUMNS = (
    "id, name, version, doc, target, level, compiler_fingerprint, action_key, interface_hash, source_digest,"
    " storage_pointer, ir_pointer, source_pointer, signature, signer, creation_timestamp, validation_status,"
    " status_reason, last_used_timestamp, use_count"
)
_NEWEST = "ORDER BY creation_timestamp DESC, id DESC"
_SETTINGS = ("PRAGMA trusted_schema = OFF", "PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL")


class SqliteIndex:
    """``read_only`` never writes, whatever the file would allow.  The file is opened at the first use and
    made at the first write."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._wanted_read_only = read_only
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._inherited: list[sqlite3.Connection] = []
        self._reason: str | None = "opened read-only" if read_only else None

    # -- reading

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        if by in MODULE_KEYS:
            where = f"{by} = ?"
        else:
            where = f"id IN (SELECT module_id FROM rtfs_exports WHERE {by} = ?)"
        return self._select(f"WHERE {where} AND validation_status = 'Verified' {_NEWEST} LIMIT ?", key, limit)

    def at_action(self, action_key: str) -> Entry | None:
        return next(iter(self._select("WHERE action_key = ?", action_key)), None)

    def get(self, entry_id: int) -> Entry | None:
        return next(iter(self._select("WHERE id = ?", entry_id)), None)

    def all(self) -> list[Entry]:
        return self._select(_NEWEST)

    def read_only_reason(self) -> str | None:
        with self._lock, self._errors():
            self._open()
            return self._reason

    # -- writing

    def add(self, new: NewEntry, replacing: Entry | None = None) -> tuple[Entry, bool]:
        description = new.description
        with self._transaction() as connection:
            current = self.at_action(description.action_key)
            if current is not None:
                if replacing is None or current.signature != replacing.signature:
                    return current, False
                connection.execute("DELETE FROM rtfs_modules WHERE id = ?", (current.id,))
            values = [*_module_values(description), new.source_pointer, new.signature, new.signer]
            values += [new.created_ms, "Verified"]
            names = _COLUMNS.split(", ")[1:]
            cursor = connection.execute(
                f"INSERT INTO rtfs_modules ({', '.join(names[: len(values)])})"
                f" VALUES ({', '.join('?' * len(values))})",
                values,
            )
            entry = new.entry(int(cursor.lastrowid or 0))
            connection.executemany(
                "INSERT INTO rtfs_exports VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [_export_values(entry.id, i, export) for i, export in enumerate(description.exports)],
            )
            return entry, True

    def set_status(self, entry_id: int, status: Status, reason: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE rtfs_modules SET validation_status = ?, status_reason = ? WHERE id = ?",
                (status, reason, entry_id),
            )

    def remove(self, entry_id: int) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM rtfs_modules WHERE id = ?", (entry_id,))

    def touch(self, uses: Mapping[int, Uses]) -> None:
        rows = [(use.times, use.last_ms, entry_id) for entry_id, use in sorted(uses.items())]
        with self._transaction(durable=False) as connection:
            connection.executemany(
                "UPDATE rtfs_modules SET use_count = use_count + ?, last_used_timestamp = ? WHERE id = ?",
                rows,
            )

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    # -- inside

    def _select(self, tail: str, *values: object) -> list[Entry]:
        with self._lock, self._errors():
            connection = self._open()
            if connection is None:
                return []
            rows = connection.execute(f"SELECT {_COLUMNS} FROM rtfs_modules {tail}", values).fetchall()
            return [_entry(row, self._exports(connection, row[0])) for row in rows]

    def _exports(self, connection: sqlite3.Connection, entry_id: int) -> tuple[Export, ...]:
        rows = connection.execute(
            "SELECT name, kind, def_hash, interface_hash, retrieval_key, effects FROM rtfs_exports"
            " WHERE module_id = ? ORDER BY position",
            (entry_id,),
        )
        return tuple(Export(*(*row[:5], self._effects(row[5]))) for row in rows)

    def _effects(self, text: Any) -> tuple[str, ...]:
        try:
            return tuple(json.loads(text))
        except (ValueError, TypeError):
            raise DamagedIndex(f"{self.path}: effects {text!r:.40} are not a list") from None

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
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
        """The connection of this process; None while there is no index."""
        if self._connection is not None:
            if self._owner == os.getpid():
                return self._connection
            # After a fork the parent's connection must be neither used nor closed here.
            self._inherited.append(self._connection)
            self._connection = None
        if not self.path.exists():
            if not create or self._wanted_read_only:
                return None
            _create(self.path)
        connection, reason = _connect(self.path, self._wanted_read_only)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            reason = f"made by a newer rtfsc (schema {version}, this one knows {SCHEMA})"
            connection.execute("PRAGMA query_only = ON")
        elif version < SCHEMA and reason is None:
            _migrate(connection)
        self._connection, self._owner, self._reason = connection, os.getpid(), reason
        return connection

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
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


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


def _module_values(d: Description) -> list[Any]:
    """In the order of ``_COLUMNS`` after ``id``."""
    return [
        d.name, d.version, d.doc, d.target, d.level, d.compiler_fingerprint, d.action_key, d.interface_hash,
        d.source_digest, d.storage_pointer, d.ir_pointer,
    ]  # fmt: skip


def _export_values(entry_id: int, position: int, e: Export) -> tuple[Any, ...]:
    effects = json.dumps(list(e.effects))
    return (entry_id, position, e.name, e.kind, e.def_hash, e.interface_hash, e.retrieval_key, effects)


def _entry(row: tuple[Any, ...], exports: tuple[Export, ...]) -> Entry:
    source_pointer, signature, signer, created, status, reason, last_used, uses = row[12:]
    description = Description(*(*row[1:12], exports))
    return Entry(
        row[0], description, source_pointer, signature, signer, created, status, reason, last_used, uses
    )
