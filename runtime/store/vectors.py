"""Vectors of meaning: 32-bit floats in little-endian bytes, compared by cosine."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable
from operator import mul

from runtime.store.index import Meaning, Near


def floats(vector: bytes) -> array[float]:
    """Raises ValueError for what is empty, not whole, or not finite."""
    values = array("f")
    if not vector or len(vector) % values.itemsize:
        raise ValueError(f"{len(vector)} bytes are no vector of 32-bit floats")
    values.frombytes(vector)
    if sys.byteorder == "big":
        values.byteswap()
    if not math.isfinite(sum(values)):
        raise ValueError("a vector must be finite")
    return values


def finite(vector: bytes) -> array[float] | None:
    """None for what is no vector: an index may hold what somebody else wrote."""
    try:
        return floats(vector)
    except ValueError:
        return None


def nearest(group: Iterable[tuple[int, Meaning]], vector: bytes, limit: int) -> list[Near]:
    """Exact search. Vectors of another length are passed over."""
    wanted = floats(vector)
    found = [
        Near(entry_id, meaning.export, cosine(wanted, values))
        for entry_id, meaning in group
        if len(meaning.vector) == len(vector) and (values := finite(meaning.vector)) is not None
    ]
    return sorted(found, key=best_first)[:limit]


def best_first(near: Near) -> tuple[float, int, str]:
    """Sort key; of equals the newer entry comes first."""
    return -near.score, -near.entry_id, near.export


def cosine(a: array[float], b: array[float]) -> float:
    lengths = math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))
    return sum(map(mul, a, b)) / lengths if lengths else 0.0
