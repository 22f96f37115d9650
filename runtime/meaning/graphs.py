"""Graphs (HNSW of usearch) over many vectors, for searches that do not compare them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def build_graph(numbers: Sequence[int], vectors: Any) -> Any:
    """An index of usearch over the rows of a matrix of float32, which it knows by their numbers. The same
    rows make the same graph. Raises ImportError without numpy or usearch."""
    import numpy as np
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="cos", dtype="f32", connectivity=32,
                  expansion_add=128, expansion_search=256)  # fmt: skip
    # Several threads at once add rows that no search reaches: of 2,000, on a busy machine, up to 2 %.
    index.add(np.array(numbers, np.uint64), vectors, threads=1)
    return index
