"""Graphs (HNSW of pgvector) over large groups of a table with vectors.

Each is a partial index of its own: an index over all groups would propose neighbours of other groups, and
what is left of them after the filter would be few.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from psycopg import sql

from runtime.store.postgres_pool import Connection

PROPOSED = 64
"""How many the graph proposes at least."""
BUILD_S = 4 * 3600.0
"""A graph of 100,000 takes minutes; millions take hours."""
_BREADTH = 200
"""``hnsw.ef_search``: with it the best of 100,000 is found in 99 of 100 searches."""


class Graphs(NamedTuple):
    """Of ``table``, whose groups have the same values in two ``columns``, and vectors of the same length in
    ``vector``. ``prefix``: of the names of the indexes."""

    table: str
    prefix: str
    columns: tuple[str, str]

    def create(self, one: str, other: str, dimensions: int) -> sql.Composed:
        name = hashlib.sha256(f"{one} {other} {dimensions}".encode()).hexdigest()[:32]
        return sql.SQL(
            "CREATE INDEX IF NOT EXISTS {name} ON {table} USING hnsw ({vector} vector_cosine_ops)"
            " WITH (m = 24, ef_construction = 128) WHERE {group}"
        ).format(
            name=sql.Identifier(self.prefix + name),
            table=sql.Identifier(self.table),
            vector=sql.SQL("({})").format(vector(dimensions)),
            group=self.group(one, other, dimensions),
        )

    def group(self, one: str, other: str, dimensions: int) -> sql.Composed:
        """Literals, so that the planner sees that the partial index fits."""
        first, second = map(sql.Identifier, self.columns)
        return sql.SQL("({} = {} AND {} = {} AND vector_dims(vector) = {})").format(
            first, sql.Literal(one), second, sql.Literal(other), sql.Literal(dimensions)
        )


def vector(dimensions: int) -> sql.Composed:
    return sql.SQL("(vector::vector({}))").format(sql.Literal(dimensions))


def prefer(connection: Connection) -> None:
    """In this transaction searches go through the graph."""
    connection.execute(f"SET LOCAL hnsw.ef_search = {_BREADTH}")
    # Without this the planner takes the index of the group and sorts it whole.
    connection.execute("SET LOCAL enable_sort = off")
