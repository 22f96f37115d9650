"""Large groups of meanings: their graphs, and search through them."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from runtime.store.postgres_graphs import BUILD_S, PROPOSED, Graphs, prefer, vector
from runtime.store.postgres_pool import Connection, patient

_GRAPHS = Graphs("rtfs_meanings", "rtfs_graph_", ("interface_hash", "embedder"))


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
        with connection.transaction(), patient(connection, BUILD_S):
            connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
            connection.execute(_GRAPHS.create(*group))
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
        prefer(connection)
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
                vector=vector(dimensions),
                wanted=sql.Literal(wanted),
                dimensions=sql.Literal(dimensions),
                group=_GRAPHS.group(interface_hash, embedder, dimensions),
                proposed=sql.Literal(max(PROPOSED, 8 * limit)),
                limit=sql.Literal(limit),
            )
        ).fetchall()
