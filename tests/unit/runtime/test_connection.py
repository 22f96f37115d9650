"""Connections to SQLite files that a fork must not share."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from runtime.connection import OwnConnection, log_ahead, prepared


def test_a_child_has_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    own = OwnConnection()
    assert own.get() is None
    first = own.set(sqlite3.connect(path, isolation_level=None))
    prepared(first, ("CREATE TABLE t (n)",))
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


def test_a_file_that_another_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path, refused = tmp_path / "x.sqlite", threading.Event()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    class Noticed(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            try:
                return super().execute(*arguments)
            except sqlite3.OperationalError:
                refused.set()
                raise

    def make() -> None:
        assert refused.wait(60)
        other.execute("CREATE TABLE t (n)")
        other.execute("COMMIT")

    maker = threading.Thread(target=make)
    maker.start()
    connection = sqlite3.connect(path, isolation_level=None, timeout=60, factory=Noticed)
    log_ahead(connection)
    maker.join()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    connection.close()
