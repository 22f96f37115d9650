"""The index in PostgreSQL with pgvector, for a team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.store import postgres_groups as groups
from runtime.store import rows, vectors
from runtime.store.errors import NotStored
from runtime.store.groups import LARGE
from runtime.store.index import MODULE_KEYS, Entry, Hit, Key, Meaning, Near, NewEntry, Status, Uses
from runtime.store.postgres_pool import Connection, PostgresPool

_NEWEST = "ORDER BY creation_timestamp DESC, id DESC"
_EXPORT = f"json_build_array(module_id, {', '.join(f'e.{column}' for column in rows.EXPORT)})"
# One statement, so that an entry and its exports are of one moment.
_SELECT = f"""
    SELECT {", ".join(rows.MODULE)},
        (SELECT json_agg({_EXPORT} ORDER BY position) FROM rtfs_exports e WHERE e.module_id = m.id)
    FROM rtfs_modules m
"""


class PostgresIndex(PostgresPool):
    # -- entries

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        if by in MODULE_KEYS:
            where = f"{by} = %s"
        else:
            where = f"id IN (SELECT module_id FROM rtfs_exports WHERE {by} = %s)"
        return self._select(
            f"WHERE {where} AND validation_status = 'Verified' {_NEWEST} LIMIT %s", key, limit
        )

    def at_action(self, action_key: str) -> Entry | None:
        return self._one("WHERE action_key = %s", action_key)

    def get(self, entry_id: int) -> Entry | None:
        return self._one("WHERE id = %s", entry_id)

    def all(self) -> list[Entry]:
        return self._select(_NEWEST)

    def starting(self, prefix: str) -> list[Entry]:
        return self._select(f"WHERE starts_with(storage_pointer, %s) {_NEWEST}", prefix)

    def add(
        self, new: NewEntry, replacing: Entry | None = None, leaf: bytes | None = None
    ) -> tuple[Entry, bool]:
        def work(connection: Connection) -> tuple[Entry, bool]:
            present = _select(connection, "WHERE action_key = %s", new.description.action_key)
            if not present:
                entry = _insert(connection, new)
            elif replacing is not None and present[0].signature == replacing.signature:
                entry = _replace(connection, new, present[0])
            else:
                return present[0], present[0].signature == new.signature
            if entry is None:
                raise _Overtaken
            if leaf is not None:
                _append(connection, leaf)
            return entry, True

        while True:
            try:
                return self.writing(work)
            except _Overtaken:
                continue

    def set_status(self, entry_id: int, status: Status, reason: str, *, signature: str | None = None) -> None:
        self._execute(
            "UPDATE rtfs_modules SET validation_status = %s, status_reason = %s"
            " WHERE id = %s AND signature = coalesce(%s, signature)",
            (status, reason, entry_id, signature),
        )

    def set_manifest(self, entry_id: int, old: str, new: str, leaf: bytes | None = None) -> bool:
        def work(connection: Connection) -> bool:
            done = connection.execute(
                "UPDATE rtfs_modules SET signature = %s WHERE id = %s AND signature = %s",
                (new, entry_id, old),
            )
            if done.rowcount == 1 and leaf is not None:
                _append(connection, leaf)
            return done.rowcount == 1

        return self.writing(work, repeatable=False)

    def remove(self, entry_id: int) -> None:
        self._execute("DELETE FROM rtfs_modules WHERE id = %s", (entry_id,))

    def touch(self, uses: Mapping[int, Uses]) -> None:
        counted = [(use.times, use.last_ms, entry_id) for entry_id, use in sorted(uses.items())]
        statement = (
            "UPDATE rtfs_modules SET use_count = use_count + %s, last_used_timestamp = %s WHERE id = %s"
        )
        self.writing(lambda c: c.cursor().executemany(statement, counted), durable=False, repeatable=False)

    # -- versions

    def history(self, name: str, limit: int | None = None) -> list[Entry]:
        return self._select("WHERE name = %s ORDER BY serial DESC LIMIT %s", name, limit)

    def current(self, name: str) -> Entry | None:
        return self._one(
            """
            WHERE name = %s AND validation_status = 'Verified' AND serial = coalesce(
                (SELECT current_serial FROM rtfs_names n WHERE n.name = m.name), serial
            ) ORDER BY serial DESC LIMIT 1
            """,
            name,
        )

    def set_current(self, name: str, entry_id: int | None) -> None:
        def work(connection: Connection) -> None:
            serial = None
            if entry_id is not None:
                found = connection.execute(
                    "SELECT serial FROM rtfs_modules WHERE id = %s AND name = %s", (entry_id, name)
                ).fetchone()
                if found is None:
                    raise NotStored(f"{name} has no entry {entry_id}")
                serial = found[0]
            connection.execute("UPDATE rtfs_names SET current_serial = %s WHERE name = %s", (serial, name))

        self.writing(work)

    def pin(self, entry_id: int, pinned: bool) -> None:
        self._execute("UPDATE rtfs_modules SET pinned = %s WHERE id = %s", (pinned, entry_id))

    # -- meanings

    def add_meanings(self, entry_id: int, meanings: Sequence[Meaning]) -> None:
        values = [(entry_id, *meaning[:-1], _text(meaning.vector)) for meaning in meanings]
        columns = ("module_id", *rows.MEANING)

        def work(connection: Connection) -> None:
            held = connection.execute("SELECT 1 FROM rtfs_modules WHERE id = %s FOR SHARE", (entry_id,))
            if held.fetchone() is not None:
                connection.cursor().executemany(
                    _into("rtfs_meanings", columns)
                    + " ON CONFLICT (module_id, export, embedder) DO UPDATE SET"
                    " interface_hash = excluded.interface_hash, text = excluded.text,"
                    " vector = excluded.vector",
                    values,
                )

        self.writing(work)

    def meanings(self, interface_hash: str, embedder: str) -> list[tuple[int, Meaning]]:
        columns = ", ".join(f"m.{column}" for column in rows.MEANING[:-1])
        found = self._rows(
            f"SELECT m.module_id, {columns}, vector_send(m.vector) FROM rtfs_meanings m"
            " JOIN rtfs_modules e ON e.id = m.module_id"
            " WHERE m.interface_hash = %s AND m.embedder = %s AND e.validation_status = 'Verified'"
            ' ORDER BY m.module_id, m.export COLLATE "C"',
            (interface_hash, embedder),
        )
        return [(row[0], rows.meaning([*row[1:-1], _bytes(row[-1])])) for row in found]

    def nearest(self, interface_hash: str, embedder: str, vector: bytes, limit: int) -> list[Near]:
        wanted, dimensions = _text(vector), len(vector) // 4

        def proposed(connection: Connection) -> list[tuple[Any, ...]] | None:
            if not groups.graph_of(connection, interface_hash, embedder, dimensions):
                return None
            return groups.nearest(connection, interface_hash, embedder, dimensions, wanted, limit)

        near = self.reading(proposed, None)
        if near is not None:
            return [Near(*row) for row in near]
        found = self._rows(
            """
            SELECT module_id, export, coalesce(nullif(1 - (vector <=> %s::vector), 'NaN'), 0) AS score
            FROM rtfs_meanings m JOIN rtfs_modules e ON e.id = m.module_id
            WHERE m.interface_hash = %s AND embedder = %s AND validation_status = 'Verified'
                AND vector_dims(vector) = %s
            ORDER BY score DESC, module_id DESC, export COLLATE "C" LIMIT %s
            """,
            (wanted, interface_hash, embedder, dimensions, limit),
        )
        return [Near(*row) for row in found]

    def prepare_groups(self, minimum: int = LARGE) -> list[tuple[str, str, int]]:
        return self.writing(lambda connection: groups.build(connection, minimum))

    # -- ledger

    def append_log(self, leaf: bytes) -> int:
        return self.writing(lambda connection: _append(connection, leaf), repeatable=False)

    def log(self, start: int, stop: int) -> list[bytes]:
        found = self._rows(
            "SELECT leaf FROM rtfs_log WHERE sequence >= %s AND sequence < %s ORDER BY sequence",
            (start, stop),
        )
        return [bytes(leaf) for (leaf,) in found]

    def log_size(self) -> int:
        found = self._rows("SELECT coalesce(max(sequence) + 1, 0) FROM rtfs_log", ())
        return int(found[0][0]) if found else 0

    def record_hits(self, hits: Sequence[Hit]) -> None:
        def work(connection: Connection) -> None:
            with connection.cursor().copy(f"COPY rtfs_hits ({', '.join(rows.HIT)}) FROM STDIN") as copy:
                for hit in hits:
                    copy.write_row(hit)

        self.writing(work, durable=False, repeatable=False)

    def hits(self, limit: int, since_ms: int = 0) -> list[Hit]:
        found = self._rows(
            f"SELECT {', '.join(rows.HIT)} FROM rtfs_hits WHERE time_ms >= %s ORDER BY id DESC LIMIT %s",
            (since_ms, limit),
        )
        return [rows.hit(row) for row in found]

    # -- inside

    def _one(self, tail: str, *values: object) -> Entry | None:
        return next(iter(self._select(tail, *values)), None)

    def _select(self, tail: str, *values: object) -> list[Entry]:
        return self.reading(lambda connection: _select(connection, tail, *values), [])

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self.reading(lambda connection: connection.execute(statement, values).fetchall(), [])

    def _execute(self, statement: str, values: Sequence[object]) -> None:
        self.writing(lambda connection: connection.execute(statement, values))


class _Overtaken(Exception):
    """Somebody else changed the entry of the action since it was looked at."""


def _select(connection: Connection, tail: str, *values: object) -> list[Entry]:
    found = connection.execute(f"{_SELECT} {tail}", values).fetchall()
    exports = [export for row in found for export in row[-1] or ()]
    return rows.entries([row[:-1] for row in found], exports)


def _insert(connection: Connection, new: NewEntry) -> Entry | None:
    """None if somebody else was faster. The name is locked first, so that its serials have no gaps."""
    serial = _next_serial(connection, new.description.name)
    columns = (*rows.WRITTEN, *rows.STATE, "serial")
    made = connection.execute(
        _into("rtfs_modules", columns) + " ON CONFLICT (action_key) DO NOTHING RETURNING id",
        [*rows.written(new), new.status, new.status_reason, serial],
    ).fetchone()
    if made is None:
        return None
    entry = new.entry(made[0], serial)
    _insert_exports(connection, entry)
    return entry


def _replace(connection: Connection, new: NewEntry, old: Entry) -> Entry | None:
    """In its place, by the id. None if it is no longer there as it was."""
    name = new.description.name
    serial = old.serial if name == old.name else _next_serial(connection, name)
    columns = ", ".join(f"{column} = %s" for column in (*rows.WRITTEN, *rows.STATE))
    replaced = connection.execute(
        f"UPDATE rtfs_modules SET {columns},"
        " last_used_timestamp = NULL, use_count = 0, serial = %s WHERE id = %s AND signature = %s"
        " RETURNING pinned",
        [*rows.written(new), new.status, new.status_reason, serial, old.id, old.signature],
    ).fetchone()
    if replaced is None:
        return None
    connection.execute("DELETE FROM rtfs_exports WHERE module_id = %s", (old.id,))
    connection.execute("DELETE FROM rtfs_meanings WHERE module_id = %s", (old.id,))
    entry = new.entry(old.id, serial, replaced[0])
    _insert_exports(connection, entry)
    return entry


def _next_serial(connection: Connection, name: str) -> int:
    [serial] = connection.execute(
        "INSERT INTO rtfs_names VALUES (%s, 1)"
        " ON CONFLICT (name) DO UPDATE SET last_serial = rtfs_names.last_serial + 1 RETURNING last_serial",
        (name,),
    ).fetchone() or [1]
    return int(serial)


def _insert_exports(connection: Connection, entry: Entry) -> None:
    connection.cursor().executemany(
        _into("rtfs_exports", ("module_id", "position", *rows.EXPORT)),
        rows.exports_of(entry.id, entry.description.exports),
    )


def _append(connection: Connection, leaf: bytes) -> int:
    """The last thing that a transaction does: other writers of the log wait for its end."""
    connection.execute("LOCK TABLE rtfs_log IN EXCLUSIVE MODE")
    [number] = connection.execute(
        "INSERT INTO rtfs_log SELECT coalesce(max(sequence) + 1, 0), %s FROM rtfs_log RETURNING sequence",
        (leaf,),
    ).fetchone() or [0]
    return int(number)


def _into(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"


def _text(vector: bytes) -> str:
    """As pgvector reads it: floats of 32 bits come back as they were."""
    return f"[{','.join(map(repr, vectors.floats(vector)))}]"


def _bytes(sent: bytes) -> bytes:
    """From pgvector's form: two numbers of 16 bits, then the floats, all big-endian."""
    from array import array

    values = array("f", bytes(sent)[4:])
    values.byteswap()
    return values.tobytes()
