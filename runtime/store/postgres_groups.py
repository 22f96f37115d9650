"""Graphs (HNSW of pgvector) over large groups of meanings.

Each is a partial index of its own: an index over all groups would propose neighbours of other groups, and
what is left of them after the filter would be few.
"""

from __future__ import annotations

import hashlib
from typing import Any

from psycopg import sql

from runtime.store.postgres_pool import Connection, patient

_BUILD_S = 4 * 3600.0
"""A graph of 100,000 takes minutes; millions take hours."""
_PROPOSED = 64
"""How many the graph proposes at least."""
_BREADTH = 200
"""``hnsw.ef_search``: with it the best of 100,000 is found in 99 of 100 searches."""


def build(connection: Connection, minimum: int) -> list[tuple[str, str, int]]:
    """Makes the missing graphs of groups with more than ``minimum`` vectors; names every such group."""
    groups = connection.execute(
        "SELECT interface_hash, embedder, vector_dims(vector), count(*) FROM rtfs_meanings"
        " GROUP BY 1, 2, 3 HAVING count(*) > %s ORDER BY 1, 2, 3",
        (minimum,),
    ).fetchall()
    for interface_hash, embedder, dimensions, _ in groups:
        group = (interface_hash, embedder, dimensions)
        if graph_of(connection, *group):
            continue
        with connection.transaction(), patient(connection, _BUILD_S):
            connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
            connection.execute(_create(*group))
            connection.execute("INSERT INTO rtfs_graphs VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", group)
    return [(interface_hash, embedder, size) for interface_hash, embedder, _, size in groups]


def graph_of(connection: Connection, interface_hash: str, embedder: str, dimensions: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM rtfs_graphs WHERE interface_hash = %s AND embedder = %s AND dimensions = %s",
        (interface_hash, embedder, dimensions),
    )
    return found.fetchone() is not None


def nearest(
    connection: Connection, interface_hash: str, embedder: str, dimensions: int, wanted: str, limit: int
) -> list[tuple[Any, ...]]:
    """(module, export, cosine) of what the graph proposes, best first."""
    with connection.transaction():
        connection.execute(f"SET LOCAL hnsw.ef_search = {_BREADTH}")
        # Without this the planner takes the index of the group and sorts it whole.
        connection.execute("SET LOCAL enable_sort = off")
        return connection.execute(
            sql.SQL(
                """
                SELECT module_id, export, 1 - distance AS score FROM (
                    SELECT module_id, export, {vector} <=> {wanted}::vector({dimensions}) AS distance
                    FROM rtfs_meanings WHERE {group} ORDER BY distance LIMIT {proposed}
                ) m JOIN rtfs_modules e ON e.id = m.module_id WHERE validation_status = 'Verified'
                ORDER BY score DESC, module_id DESC, export COLLATE "C" LIMIT {limit}
                """
            ).format(
                vector=_vector(dimensions),
                wanted=sql.Literal(wanted),
                dimensions=sql.Literal(dimensions),
                group=_group(interface_hash, embedder, dimensions),
                proposed=sql.Literal(max(_PROPOSED, 8 * limit)),
                limit=sql.Literal(limit),
            )
        ).fetchall()


def _create(interface_hash: str, embedder: str, dimensions: int) -> sql.Composed:
    name = hashlib.sha256(f"{interface_hash} {embedder} {dimensions}".encode()).hexdigest()[:32]
    return sql.SQL(
        "CREATE INDEX IF NOT EXISTS {name} ON rtfs_meanings USING hnsw ({vector} vector_cosine_ops)"
        " WITH (m = 24, ef_construction = 128) WHERE {group}"
    ).format(
        name=sql.Identifier(f"rtfs_graph_{name}"),
        vector=sql.SQL("({})").format(_vector(dimensions)),
        group=_group(interface_hash, embedder, dimensions),
    )


def _vector(dimensions: int) -> sql.Composed:
    return sql.SQL("(vector::vector({}))").format(sql.Literal(dimensions))


def _group(interface_hash: str, embedder: str, dimensions: int) -> sql.Composed:
    """Literals, so that the planner sees that the partial index fits."""
    return sql.SQL("(interface_hash = {} AND embedder = {} AND vector_dims(vector) = {})").format(
        sql.Literal(interface_hash), sql.Literal(embedder), sql.Literal(dimensions)
    )
