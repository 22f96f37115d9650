"""Connections to SQLite files that a fork must not share."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from runtime.connection import OwnConnection, prepared


def test_a_child_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    own = OwnConnection()
    assert own.get() is None
    first = own.set(sqlite3.connect(path, isolation_level=None))
    prepared(first, ("PRAGMA journal_mode = WAL", "CREATE TABLE t (n)"))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if own.get() is None:
                own.set(sqlite3.connect(path, isolation_level=None)).execute("INSERT INTO t VALUES (1)")
                own.close()
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert own.get() is first
    assert first.execute("SELECT n FROM t").fetchall() == [(1,)]
    own.close()
    own.close()
    assert own.get() is None
    with pytest.raises(sqlite3.ProgrammingError):
        first.execute("SELECT 1")


def test_what_cannot_be_prepared_is_closed() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError):
        prepared(connection, ("CREATE TABLE t (n)", "no sql"))
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")
