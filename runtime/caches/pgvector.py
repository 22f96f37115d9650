"""An index of texts in PostgreSQL with pgvector, for a team (`rtfsc[team]`)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

from psycopg import sql

from runtime.caches.vectors import LARGE, Match, SemanticHit
from runtime.store.postgres_graphs import BUILD_S, PROPOSED, Graphs, prefer
from runtime.store.postgres_graphs import vector as cast
from runtime.store.postgres_pool import Connection, PostgresPool, patient

_GRAPHS = Graphs("rtfs_cores", "rtfs_core_graph_", ("grp", "tag"))
_TRIM_EVERY = 1_024
_MOST_HITS = 1_000_000
_MIGRATIONS = (
    (
        """
        CREATE TABLE rtfs_cores (
            id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            grp    text NOT NULL,
            tag    text NOT NULL,
            core   text NOT NULL,
            vector vector NOT NULL
        )
        """,
        # The text itself may be longer than an entry of an index.
        "CREATE UNIQUE INDEX rtfs_cores_text ON rtfs_cores (grp, tag, md5(core))",
        """
        CREATE TABLE rtfs_core_graphs (
            grp text, tag text, dimensions integer, PRIMARY KEY (grp, tag, dimensions)
        )
        """,
        """
        CREATE TABLE rtfs_core_hits (
            id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            time_ms  bigint NOT NULL,
            tenant   text NOT NULL,
            embedder text NOT NULL,
            query    text NOT NULL,
            match    text NOT NULL,
            score    double precision NOT NULL,
            model    text NOT NULL,
            answer   text NOT NULL
        )
        """,
    ),
)


class _Hasty(Connection):
    patience = 2.0


class PostgresVectors(PostgresPool):
    """``address``: a PostgreSQL URL; its query may have ``schema`` (default ``rtfsc``)."""

    local = False
    migrations = _MIGRATIONS
    versions, written = "rtfs_cores_schema", "rtfs_cores"
    connection_class = _Hasty
    # What is waited for here is waited for by a caller who would rather ask the model.
    connect_s, wait_s, statement_ms = 2, 2.0, 2_000

    def __init__(self, address: str, capacity: int = 1_000_000) -> None:
        super().__init__(address)
        self.capacity = capacity
        self._added = 0

    def add(self, group: str, tag: str, core: str, vector: array[float]) -> None:
        self._execute(
            "INSERT INTO rtfs_cores (grp, tag, core, vector) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (group, tag, _plain(core), _text(vector)),
        )
        self._grown()

    def nearest(self, group: str, tag: str, vector: array[float], limit: int) -> list[Match]:
        def work(connection: Connection) -> list[tuple[Any, ...]]:
            if _has_graph(connection, group, tag, len(vector)):
                return _by_graph(connection, group, tag, vector, limit)
            return connection.execute(
                "SELECT core, 1 - (vector <=> %s::vector) AS score FROM rtfs_cores"
                " WHERE grp = %s AND tag = %s AND vector_dims(vector) = %s"
                " ORDER BY score DESC, core LIMIT %s",
                (_text(vector), group, tag, len(vector), limit),
            ).fetchall()

        return [Match(core, score) for core, score in self._read(work)]

    def remove(self, group: str, tag: str, core: str) -> None:
        self._execute(
            "DELETE FROM rtfs_cores WHERE grp = %s AND tag = %s AND md5(core) = md5(%s)",
            (group, tag, _plain(core)),
        )

    def clear(self, start: str = "") -> None:
        self.writing(
            lambda connection: connection.execute(
                "DELETE FROM rtfs_cores WHERE starts_with(grp, %s)", (start,)
            )
        )

    def size(self) -> int:
        found = self._read(
            lambda connection: connection.execute("SELECT count(*) FROM rtfs_cores").fetchall()
        )
        return int(found[0][0]) if found else 0

    def prepare(self, minimum: int = LARGE) -> int:
        """One transaction, so that a graph is there whole or not at all."""
        return self.writing(lambda connection: _build(connection, minimum))

    def record(self, hit: SemanticHit) -> None:
        columns, marks = ", ".join(SemanticHit._fields), ", ".join(["%s"] * len(hit))
        values = [_plain(value) if isinstance(value, str) else value for value in hit]
        self._execute(f"INSERT INTO rtfs_core_hits ({columns}) VALUES ({marks})", values)
        self._grown()

    def hits(self, limit: int) -> list[SemanticHit]:
        columns = ", ".join(SemanticHit._fields)
        statement = f"SELECT {columns} FROM rtfs_core_hits ORDER BY id DESC LIMIT %s"
        found = self._read(lambda connection: connection.execute(statement, (limit,)).fetchall())
        return [SemanticHit(*row) for row in found]

    def _grown(self) -> None:
        """By a text, or by a hit: there may be many of these and few of the others."""
        self._added += 1
        if self._added % _TRIM_EVERY == 0:
            self.writing(self._trim, durable=False)

    def _execute(self, statement: str, values: Sequence[object]) -> None:
        """Cheaper than to be sure that it outlives a crash: what is lost is asked for again."""
        self.writing(lambda connection: connection.execute(statement, values), durable=False)

    def _read(self, work: Callable[[Connection], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        return self.reading(work, [])

    def _trim(self, connection: Connection) -> None:
        connection.execute(
            "DELETE FROM rtfs_cores WHERE id IN (SELECT id FROM rtfs_cores ORDER BY id"
            " LIMIT greatest(0, (SELECT count(*) FROM rtfs_cores) - %s))",
            (self.capacity,),
        )
        connection.execute(
            "DELETE FROM rtfs_core_hits WHERE id <= (SELECT max(id) FROM rtfs_core_hits) - %s", (_MOST_HITS,)
        )


def _has_graph(connection: Connection, group: str, tag: str, dimensions: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM rtfs_core_graphs WHERE grp = %s AND tag = %s AND dimensions = %s",
        (group, tag, dimensions),
    )
    return found.fetchone() is not None


def _by_graph(
    connection: Connection, group: str, tag: str, vector: array[float], limit: int
) -> list[tuple[Any, ...]]:
    with connection.transaction():
        prefer(connection)
        dimensions = len(vector)
        return connection.execute(
            sql.SQL(
                "SELECT core, 1 - distance AS score FROM ("
                "SELECT core, {vector} <=> {wanted}::vector({dimensions}) AS distance FROM rtfs_cores"
                " WHERE {group} ORDER BY distance LIMIT {proposed}) near"
                " ORDER BY score DESC, core LIMIT {limit}"
            ).format(
                vector=cast(dimensions),
                wanted=sql.Literal(_text(vector)),
                dimensions=sql.Literal(dimensions),
                group=_GRAPHS.group(group, tag, dimensions),
                proposed=sql.Literal(max(PROPOSED, 8 * limit)),
                limit=sql.Literal(limit),
            )
        ).fetchall()


def _build(connection: Connection, minimum: int) -> int:
    """Partial indexes of their own: an index over all groups would propose neighbours of other groups."""
    with patient(connection, BUILD_S):
        connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
        groups = connection.execute(
            "SELECT grp, tag, vector_dims(vector) FROM rtfs_cores GROUP BY 1, 2, 3 HAVING count(*) > %s",
            (minimum,),
        ).fetchall()
        for group in groups:
            if not _has_graph(connection, *group):
                connection.execute(_GRAPHS.create(*group))
                connection.execute(
                    "INSERT INTO rtfs_core_graphs VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", group
                )
    return len(groups)


def _text(vector: array[float]) -> str:
    return f"[{','.join(map(repr, vector))}]"


def _plain(text: str) -> str:
    """PostgreSQL keeps no U+0000; a text with it matches none."""
    return text.replace("\0", "\ufffd")
