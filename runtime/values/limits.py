"""Limits on a call into an instance, the same for both engines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

_MOST: Final = 10**12
"""Of any of them: what the clocks and counters of both engines hold."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``deadline_ms``: wall-clock per call, None = none. ``memory_bytes``: most memory of an instance.
    ``fuel``: deterministic budget per call, None = none. ``output_bytes``: most bytes of one result.
    Whole numbers from 1 on; else TypeError or ValueError."""

    deadline_ms: int | None = None
    memory_bytes: int = 512 << 20
    fuel: int | None = None
    output_bytes: int = 256 << 20

    def __post_init__(self) -> None:
        for name in ("deadline_ms", "fuel"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name))
        for name in ("memory_bytes", "output_bytes"):
            _check(name, getattr(self, name))


def _check(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not 1 <= value <= _MOST:
        raise ValueError(f"{name} must be from 1 to {_MOST}, not {value}")


def stress() -> bool:
    """Whether instances made now collect at every poll and move all that lives each time, as tests of the
    collector want: ``RTFSC_GC=stress``."""
    return os.environ.get("RTFSC_GC") == "stress"
