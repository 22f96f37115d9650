"""Limits on a call into an instance, the same for both engines."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``deadline_ms``: wall-clock per call, None = none. ``memory_bytes``: most memory of an instance.
    ``fuel``: deterministic budget per call, None = none. ``output_bytes``: most bytes of one result."""

    deadline_ms: int | None = None
    memory_bytes: int = 512 << 20
    fuel: int | None = None
    output_bytes: int = 256 << 20


def stress() -> bool:
    """Whether instances made now collect at every poll and move all that lives each time, as tests of the
    collector want: ``RTFSC_GC=stress``."""
    return os.environ.get("RTFSC_GC") == "stress"
