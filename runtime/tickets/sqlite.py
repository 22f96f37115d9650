"""Tickets in a SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from runtime.connection import OwnConnection, log_ahead
from runtime.tickets.ticket import (
    CANCELLED,
    ENDED,
    FAILED,
    LOST,
    MOST_ATTEMPTS,
    QUEUED,
    RUNNING,
    STATES,
    StaleLease,
    Ticket,
    TicketsUnavailable,
    UnknownTicket,
    check_size,
    new_id,
)
from runtime.trust.files import private_folder

_COLUMNS = ", ".join(field.name for field in fields(Ticket))
_SCHEMA = 1
_MAKE = """
CREATE TABLE IF NOT EXISTS tickets (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, label TEXT NOT NULL, job BLOB NOT NULL,
    submitted_ms INTEGER NOT NULL, started_ms INTEGER, ended_ms INTEGER,
    attempts INTEGER NOT NULL, fence INTEGER NOT NULL, worker TEXT NOT NULL, lease_ms INTEGER NOT NULL,
    result BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON tickets (submitted_ms, id) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS leased ON tickets (lease_ms) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS by_time ON tickets (submitted_ms);
"""
_BUSY_S = 30.0


class SqliteTickets:
    """``clock_ms``: since 1970."""

    def __init__(
        self, path: Path, *, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self.path, self._clock_ms = path, clock_ms
        self._lock = threading.RLock()
        self._connection = OwnConnection()

    def submit(self, job: bytes, *, label: str = "", key: str | None = None) -> str:
        check_size("job", job)
        id = new_id(key)
        with self._writing() as sql:
            sql.execute(
                f"INSERT OR IGNORE INTO tickets ({_COLUMNS}) VALUES (?,?,?,?,?,NULL,NULL,0,0,'',0,NULL)",
                (id, QUEUED, label, job, self._clock_ms()),
            )
        return id

    def get(self, id: str) -> Ticket:
        with self._reading() as sql:
            wanted = f"SELECT {_COLUMNS} FROM tickets WHERE id = ?"
            row = None if sql is None else sql.execute(wanted, (id,)).fetchone()
        if row is None:
            raise UnknownTicket(f"no ticket {id}")
        return Ticket(*row)

    def find(self, states: Iterable[str] = STATES, most: int = 100) -> list[Ticket]:
        wanted = tuple(states)
        marks = ",".join("?" * len(wanted))
        with self._reading() as sql:
            if sql is None:
                return []
            rows = sql.execute(
                f"SELECT {_COLUMNS} FROM tickets WHERE state IN ({marks})"
                " ORDER BY submitted_ms DESC, id DESC LIMIT ?",
                (*wanted, most),
            ).fetchall()
        return [Ticket(*row) for row in rows]

    def cancel(self, id: str) -> Ticket:
        self.get(id)
        with self._writing() as sql:
            sql.execute(
                "UPDATE tickets SET state = ?, ended_ms = ? WHERE id = ? AND state IN (?, ?)",
                (CANCELLED, self._clock_ms(), id, QUEUED, RUNNING),
            )
        return self.get(id)

    def lease(self, worker: str, seconds: float) -> Ticket | None:
        with self._reading() as sql:  # so that those who wait for work do not write
            if sql is None or self._next(sql, self._clock_ms()) is None:
                return None
        with self._writing() as sql:
            now = self._clock_ms()  # the lock may have been waited for
            sql.execute(
                "UPDATE tickets SET state = ?, result = ?, ended_ms = ?"
                " WHERE state = 'running' AND lease_ms <= ? AND attempts >= ?",
                (FAILED, LOST, now, now, MOST_ATTEMPTS),
            )
            found = self._next(sql, now)
            if found is None:
                return None
            leased = found.leased(worker, now, seconds)
            sql.execute(
                "UPDATE tickets SET state = ?, started_ms = ?, attempts = ?, fence = ?, worker = ?,"
                " lease_ms = ? WHERE id = ?",
                (RUNNING, now, leased.attempts, leased.fence, worker, leased.lease_ms, leased.id),
            )
            return leased

    def extend(self, ticket: Ticket, seconds: float) -> None:
        with self._writing() as sql:
            done = sql.execute(
                "UPDATE tickets SET lease_ms = ? WHERE id = ? AND state = ? AND fence = ?",
                (self._clock_ms() + int(seconds * 1000), ticket.id, RUNNING, ticket.fence),
            )
            if done.rowcount != 1:
                raise StaleLease(f"ticket {ticket.id} is no longer this worker's")

    def finish(self, ticket: Ticket, state: str, result: bytes) -> None:
        check_size("result", result)
        with self._writing() as sql:
            done = sql.execute(
                "UPDATE tickets SET state = ?, result = ?, ended_ms = ?"
                " WHERE id = ? AND state = ? AND fence = ?",
                (state, result, self._clock_ms(), ticket.id, RUNNING, ticket.fence),
            )
            if done.rowcount != 1:
                raise StaleLease(f"ticket {ticket.id} is no longer this worker's: the result was not taken")

    def forget(self, before_ms: int) -> int:
        if not self.path.exists():
            return 0
        marks = ",".join("?" * len(ENDED))
        with self._writing() as sql:
            done = sql.execute(
                f"DELETE FROM tickets WHERE state IN ({marks}) AND ended_ms < ?", (*ENDED, before_ms)
            )
            return done.rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _next(self, sql: sqlite3.Connection, now: int) -> Ticket | None:
        """Who was given up comes first: somebody waits for it the longest."""
        for condition, values in (
            ("state = 'running' AND lease_ms <= ? ORDER BY lease_ms", (now,)),
            ("state = 'queued' ORDER BY submitted_ms, id", ()),
        ):
            row = sql.execute(f"SELECT {_COLUMNS} FROM tickets WHERE {condition} LIMIT 1", values).fetchone()
            if row is not None:
                return Ticket(*row)
        return None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """None while there is no file: who looks does not make it."""
        with self._lock, self._errors():
            found = self._connection.get()
            yield self._open() if found is not None or self.path.exists() else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, on the disk."""
        with self._lock, self._errors():
            sql = self._open()
            sql.execute("BEGIN IMMEDIATE")
            try:
                yield sql
                sql.execute("COMMIT")
            except BaseException:
                if sql.in_transaction:
                    sql.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        found = self._connection.get()
        if found is not None:
            return found
        if not self.path.exists():
            private_folder(self.path.parent)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sql = sqlite3.connect(self.path, isolation_level=None, timeout=_BUSY_S, check_same_thread=False)
        try:
            log_ahead(sql)
            sql.execute("PRAGMA synchronous = FULL")
            sql.execute("PRAGMA trusted_schema = OFF")
            version = sql.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA:
                raise TicketsUnavailable(f"{self.path}: made by a newer rtfsc (schema {version})")
            if version < _SCHEMA:
                sql.executescript(f"BEGIN IMMEDIATE;{_MAKE}PRAGMA user_version = {_SCHEMA};COMMIT;")
        except BaseException:
            sql.close()
            raise
        return self._connection.set(sql)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TicketsUnavailable(f"{self.path}: {error}") from error
        except OSError as error:
            raise TicketsUnavailable(f"{self.path}: {error.strerror or error}") from error
