"""The index in one SQLite file, for one user or for those who share a folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runtime.store import rows, vectors
from runtime.store.errors import NotStored
from runtime.store.groups import LARGE, Groups
from runtime.store.index import MODULE_KEYS, Entry, Hit, Key, Meaning, Near, NewEntry, Status, Uses
from runtime.store.sqlite_file import SqliteFile

_NEWEST = "ORDER BY creation_timestamp DESC, id DESC"
_BATCH = 500


class SqliteIndex(SqliteFile):
    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, read_only=read_only)
        self._groups = Groups(path.parent / "groups")

    # -- entries

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        if by in MODULE_KEYS:
            where = f"{by} = ?"
        else:
            where = f"id IN (SELECT module_id FROM rtfs_exports WHERE {by} = ?)"
        return self._select(f"WHERE {where} AND validation_status = 'Verified' {_NEWEST} LIMIT ?", key, limit)

    def at_action(self, action_key: str) -> Entry | None:
        return self._one("WHERE action_key = ?", action_key)

    def get(self, entry_id: int) -> Entry | None:
        return self._one("WHERE id = ?", entry_id)

    def all(self) -> list[Entry]:
        return self._select(_NEWEST)

    def starting(self, prefix: str) -> list[Entry]:
        after = prefix + "\U0010ffff"
        return self._select(f"WHERE storage_pointer >= ? AND storage_pointer < ? {_NEWEST}", prefix, after)

    def add(
        self, new: NewEntry, replacing: Entry | None = None, leaf: bytes | None = None
    ) -> tuple[Entry, bool]:
        with self.transaction() as connection:
            present = self.at_action(new.description.action_key)
            if present is not None:
                if replacing is None or present.signature != replacing.signature:
                    return present, False
                connection.execute("DELETE FROM rtfs_modules WHERE id = ?", (present.id,))
            if leaf is not None:
                _append(connection, leaf)
            return _insert(connection, new, present), True

    def set_status(self, entry_id: int, status: Status, reason: str, *, signature: str | None = None) -> None:
        with self.transaction() as connection:
            connection.execute(
                "UPDATE rtfs_modules SET validation_status = ?, status_reason = ?"
                " WHERE id = ? AND signature = coalesce(?, signature)",
                (status, reason, entry_id, signature),
            )

    def set_manifest(self, entry_id: int, old: str, new: str, leaf: bytes | None = None) -> bool:
        with self.transaction() as connection:
            done = connection.execute(
                "UPDATE rtfs_modules SET signature = ? WHERE id = ? AND signature = ?", (new, entry_id, old)
            )
            if done.rowcount == 1 and leaf is not None:
                _append(connection, leaf)
            return done.rowcount == 1

    def remove(self, entry_id: int) -> None:
        with self.transaction() as connection:
            connection.execute("DELETE FROM rtfs_modules WHERE id = ?", (entry_id,))

    def touch(self, uses: Mapping[int, Uses]) -> None:
        with self.transaction(durable=False) as connection:
            connection.executemany(
                "UPDATE rtfs_modules SET use_count = use_count + ?, last_used_timestamp = ? WHERE id = ?",
                [(use.times, use.last_ms, entry_id) for entry_id, use in sorted(uses.items())],
            )

    # -- versions

    def history(self, name: str, limit: int | None = None) -> list[Entry]:
        return self._select(
            "WHERE name = ? ORDER BY serial DESC LIMIT ?", name, -1 if limit is None else limit
        )

    def current(self, name: str) -> Entry | None:
        return self._one(
            """
            WHERE name = ? AND validation_status = 'Verified' AND serial = coalesce(
                (SELECT current_serial FROM rtfs_names WHERE name = ?),
                (SELECT max(serial) FROM rtfs_modules WHERE name = ? AND validation_status = 'Verified')
            )
            """,
            name, name, name,
        )  # fmt: skip

    def set_current(self, name: str, entry_id: int | None) -> None:
        with self.transaction() as connection:
            serial = None
            if entry_id is not None:
                entry = self.get(entry_id)
                if entry is None or entry.name != name:
                    raise NotStored(f"{name} has no entry {entry_id}")
                serial = entry.serial
            connection.execute("UPDATE rtfs_names SET current_serial = ? WHERE name = ?", (serial, name))

    def pin(self, entry_id: int, pinned: bool) -> None:
        with self.transaction() as connection:
            connection.execute("UPDATE rtfs_modules SET pinned = ? WHERE id = ?", (pinned, entry_id))

    # -- meanings

    def add_meanings(self, entry_id: int, meanings: Sequence[Meaning]) -> None:
        for meaning in meanings:
            vectors.floats(meaning.vector)
        with self.transaction() as connection:
            if self.get(entry_id) is None:
                return
            connection.executemany(
                "DELETE FROM rtfs_meanings WHERE module_id = ? AND export = ? AND embedder = ?",
                [(entry_id, meaning.export, meaning.embedder) for meaning in meanings],
            )
            connection.executemany(
                _into("rtfs_meanings", ("module_id", *rows.MEANING)),
                [(entry_id, *meaning) for meaning in meanings],
            )

    def meanings(self, interface_hash: str, embedder: str) -> list[tuple[int, Meaning]]:
        columns = ", ".join(f"m.{column}" for column in rows.MEANING)
        with self.reading() as connection:
            if connection is None:
                return []
            found = connection.execute(
                f"SELECT m.module_id, {columns} FROM rtfs_meanings m"
                " JOIN rtfs_modules e ON e.id = m.module_id"
                " WHERE m.interface_hash = ? AND m.embedder = ? AND e.validation_status = 'Verified'"
                " ORDER BY m.module_id, m.export",
                (interface_hash, embedder),
            )
            return [(module_id, rows.meaning(row)) for module_id, *row in found]

    def nearest(self, interface_hash: str, embedder: str, vector: bytes, limit: int) -> list[Near]:
        with self.snapshot() as connection:
            if connection is None:
                return []
            return self._groups.nearest(connection, interface_hash, embedder, vector, limit)

    def prepare_groups(self, minimum: int = LARGE) -> list[tuple[str, str, int]]:
        with self.reading() as connection:
            return [] if connection is None else self._groups.build(connection, minimum)

    # -- ledger

    def append_log(self, leaf: bytes) -> int:
        with self.transaction() as connection:
            return _append(connection, leaf)

    def log(self, start: int, stop: int) -> list[bytes]:
        with self.reading() as connection:
            if connection is None:
                return []
            found = connection.execute(
                "SELECT leaf FROM rtfs_log WHERE sequence >= ? AND sequence < ? ORDER BY sequence",
                (start, stop),
            )
            # A leaf of another type is not the one that was there: its hash will say so.
            return [leaf if isinstance(leaf, bytes) else str(leaf).encode() for (leaf,) in found]

    def log_size(self) -> int:
        with self.reading() as connection:
            if connection is None:
                return 0
            return int(
                connection.execute("SELECT coalesce(max(sequence) + 1, 0) FROM rtfs_log").fetchone()[0]
            )

    def record_hits(self, hits: Sequence[Hit]) -> None:
        with self.transaction(durable=False) as connection:
            connection.executemany(_into("rtfs_hits", rows.HIT), hits)

    def hits(self, limit: int, since_ms: int = 0) -> list[Hit]:
        with self.reading() as connection:
            if connection is None:
                return []
            found = connection.execute(
                f"SELECT {', '.join(rows.HIT)} FROM rtfs_hits WHERE time_ms >= ? ORDER BY id DESC LIMIT ?",
                (since_ms, limit),
            )
            return [rows.hit(row) for row in found]

    # -- inside

    def _one(self, tail: str, *values: object) -> Entry | None:
        return next(iter(self._select(tail, *values)), None)

    def _select(self, tail: str, *values: object) -> list[Entry]:
        with self.snapshot() as connection:
            if connection is None:
                return []
            sql = f"SELECT {', '.join(rows.MODULE)} FROM rtfs_modules {tail}"
            found = connection.execute(sql, values).fetchall()
            return rows.entries(found, _exports(connection, [row[0] for row in found]))


def _exports(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[tuple[object, ...]]:
    for i in range(0, len(ids), _BATCH):
        batch = ids[i : i + _BATCH]
        yield from connection.execute(
            f"SELECT module_id, {', '.join(rows.EXPORT)} FROM rtfs_exports"
            f" WHERE module_id IN ({', '.join('?' * len(batch))}) ORDER BY module_id, position",
            batch,
        )


def _insert(connection: sqlite3.Connection, new: NewEntry, replaced: Entry | None) -> Entry:
    name = new.description.name
    if replaced is not None and replaced.name == name:
        serial = replaced.serial
    else:
        connection.execute("INSERT OR IGNORE INTO rtfs_names VALUES (?, 0, NULL)", (name,))
        connection.execute("UPDATE rtfs_names SET last_serial = last_serial + 1 WHERE name = ?", (name,))
        [serial] = connection.execute("SELECT last_serial FROM rtfs_names WHERE name = ?", (name,)).fetchone()
    pinned = replaced is not None and replaced.pinned
    cursor = connection.execute(
        _into("rtfs_modules", ("id", *rows.WRITTEN, *rows.STATE, "serial", "pinned")),
        [
            replaced.id if replaced else None,
            *rows.written(new),
            new.status,
            new.status_reason,
            serial,
            pinned,
        ],
    )
    entry = new.entry(int(cursor.lastrowid or 0), serial, pinned)
    connection.executemany(
        _into("rtfs_exports", ("module_id", "position", *rows.EXPORT)),
        rows.exports_of(entry.id, new.description.exports),
    )
    return entry


def _append(connection: sqlite3.Connection, leaf: bytes) -> int:
    size = _log_size(connection)
    connection.execute("INSERT INTO rtfs_log VALUES (?, ?)", (size, leaf))
    return size


def _log_size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(sequence) + 1, 0) FROM rtfs_log").fetchone()[0])


def _into(table: str, columns: Sequence[str], verb: str = "INSERT") -> str:
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
