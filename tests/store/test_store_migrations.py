"""Indexes of earlier schemas."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from contract import add, new_entry, together
from store_samples import sha

from runtime.store.migrations import MIGRATIONS, SCHEMA
from runtime.store.sqlite import SqliteIndex

OLD = {
    "name": "shop", "version": "", "doc": "", "target": "wasm32", "level": "O2", "compiler_fingerprint": "c",
    "interface_hash": sha("i"), "storage_pointer": sha("a"), "signature": sha("m"), "signer": sha("s"),
    "validation_status": "Verified", "creation_timestamp": 5,
}  # fmt: skip


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """An index of schema 1 with three modules of two names."""
    path = tmp_path / "index.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        for i, name in enumerate(("shop", "other", "shop")):
            row = {**OLD, "name": name, "action_key": sha(str(i))}
            names = ", ".join(row)
            connection.execute(
                f"INSERT INTO rtfs_modules ({names}) VALUES ({', '.join('?' * len(row))})",
                tuple(row.values()),
            )
            connection.execute(
                "INSERT INTO rtfs_exports VALUES (?, 0, 'f', 'function', ?, ?, ?, '[]')",
                (i + 1, sha(f"d{i}"), sha("i"), sha(f"r{i}")),
            )
    connection.close()
    return path


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_the_first_schema_is_brought_up_to_date(first: Path) -> None:
    index = SqliteIndex(first)
    assert [(e.id, e.serial) for e in index.history("shop")] == [(3, 2), (1, 1)]
    assert index.current("other") == index.get(2)
    assert add(index, new_entry(name="shop")).serial == 3
    index.close()
    assert version(first) == SCHEMA


def test_the_first_schema_is_served_where_it_cannot_be_changed(first: Path) -> None:
    index = SqliteIndex(first, read_only=True)
    assert [(e.id, e.serial) for e in index.find("interface_hash", sha("i"))] == [(3, 2), (2, 1), (1, 1)]
    assert index.read_only_reason() == "opened read-only"
    assert index.log_size() == 0 and index.meanings(sha("i"), "e") == []
    index.close()
    assert version(first) == 1


def test_several_may_bring_it_up_to_date_at_once(first: Path) -> None:
    indexes = [SqliteIndex(first) for _ in range(6)]
    found = together([lambda i=index: i.history("shop") for index in indexes])
    assert all(entries == found[0] and len(entries) == 2 for entries in found)
    for index in indexes:
        index.close()
