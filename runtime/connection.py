"""A connection to a SQLite file that belongs to one process: a child makes one of its own."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable

_PATIENCE_S = 10.0
_inherited: list[sqlite3.Connection] = []
"""After a fork the parent's connections must be neither used nor closed, so somebody must hold them."""


class OwnConnection:
    """Where an object keeps its connection. The caller's lock guards it."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    def get(self) -> sqlite3.Connection | None:
        """None where this process has none."""
        if self._connection is not None and self._owner != os.getpid():
            _inherited.append(self._connection)
            self._connection = None
        return self._connection

    def set(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        self._connection, self._owner = connection, os.getpid()
        return connection

    def close(self) -> None:
        """Idempotent; the next `set` starts anew."""
        connection = self.get()
        self._connection = None
        if connection is not None:
            connection.close()


def log_ahead(connection: sqlite3.Connection) -> None:
    """Journal mode WAL. Where several make a file at once, SQLite refuses this to all but one of them without
    waiting, whatever the connection's timeout."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.005)


def prepared(connection: sqlite3.Connection, statements: Iterable[str]) -> sqlite3.Connection:
    """The connection with a write-ahead log, after these statements; closed where one of them fails."""
    try:
        log_ahead(connection)
        for statement in statements:
            connection.executescript(statement)
    except BaseException:
        connection.close()
        raise
    return connection
