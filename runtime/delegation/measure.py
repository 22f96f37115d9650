"""How long calls took, by function and way: what break-even is judged by."""

from __future__ import annotations

from collections import deque

_KEPT = 31
LEAST = 5
"""Fewer measurements say nothing."""
_MARGIN = 1.1


class Measurements:
    """The last calls of each function, per way (``local``, ``l4``, or the id of a model). Appending and
    reading a deque are atomic, so several threads may measure."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], deque[float]] = {}

    def add(self, symbol: str, way: str, seconds: float) -> None:
        self._seconds.setdefault((symbol, way), deque(maxlen=_KEPT)).append(seconds)

    def count(self, symbol: str, way: str) -> int:
        """How many are kept."""
        return len(self._seconds.get((symbol, way), ()))

    def median(self, symbol: str, way: str) -> float | None:
        """Seconds; None before there are enough measurements."""
        found = self._seconds.get((symbol, way))
        if found is None or len(found) < LEAST:
            return None
        seconds = sorted(found.copy())
        return seconds[len(seconds) // 2]

    def slower(self, symbol: str, way: str, than: str) -> str:
        """Why ``way`` does not pay, empty if it does or nobody knows."""
        ours, theirs = self.median(symbol, way), self.median(symbol, than)
        if ours is None or theirs is None or ours <= theirs * _MARGIN:
            return ""
        return f"measured {_shown(ours)}, {than} takes {_shown(theirs)}"


def _shown(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
