"""Graphs over vectors: what was added is found, and the same vectors make the same graph."""

from __future__ import annotations

import pytest

from runtime.meaning.graphs import build_graph

numpy = pytest.importorskip("numpy")
pytest.importorskip("usearch")


def test_every_row_is_found_by_itself() -> None:
    rows = numpy.random.default_rng(1).normal(size=(2000, 16)).astype(numpy.float32)
    numbers = [3 * row + 1 for row in range(len(rows))]
    one, other = build_graph(numbers, rows), build_graph(numbers, rows)
    assert one.search(rows, 1).keys.ravel().tolist() == numbers
    near, again = (index.search(rows[:100] + rows[100:200], 10).keys.tolist() for index in (one, other))
    assert near == again
