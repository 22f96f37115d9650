"""What every cache layer has in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from runtime.caches.table import ABSENT, EXPIRED, Fifo, Hit, Lfu, Lru, Miss, Random, Soonest, Table

__all__ = [
    "ABSENT", "EXPIRED", "LOW_CONFIDENCE", "UNAVAILABLE", "Cache", "CacheConfig", "CacheStats", "Eviction",
    "Hit", "Miss", "Table", "table",
]  # fmt: skip

K = TypeVar("K", bound=Hashable, contravariant=True)

LOW_CONFIDENCE = Miss("low-confidence")
"""An entry is there, but its confidence is below the configured threshold."""
UNAVAILABLE = Miss("unavailable")
"""The store behind the cache failed: a cache that fails is a miss, never an error."""


class Eviction(Enum):
    """Which entry gives way in a full cache."""

    LRU = "lru"  # the one not used for longest
    LFU = "lfu"  # the one used least often; of several, the one not used for longest
    FIFO = "fifo"  # the oldest
    RANDOM = "random"
    TTL = "ttl"  # the one that expires first


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """``capacity`` in entries, ``ttl`` in seconds (None: for ever), ``confidence``: the least that a hit
    must have, 0 to 1; None where entries have none."""

    capacity: int = 1000
    ttl: float | None = None
    eviction: Eviction = Eviction.LRU
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"a cache holds at least one entry, not {self.capacity}")
        if self.ttl is not None and not self.ttl > 0:
            raise ValueError(f"the time to live must be above 0 s, not {self.ttl}")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence lies between 0 and 1, not {self.confidence}")


class CacheStats(NamedTuple):
    """Counted since the cache was made. ``expirations`` and ``evictions`` are not invalidations."""

    hits: int
    misses: int
    puts: int
    invalidations: int
    evictions: int
    expirations: int
    size: int
    capacity: int

    @property
    def hit_rate(self) -> float:
        """Hits by lookups; 0 before the first."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else 0.0


class Cache(Protocol[K]):
    """Safe to use from several threads. No method raises because of the store behind it: what cannot be
    read is a `Miss`, what cannot be written is dropped and counted by the layer."""

    def get(self, key: K) -> Hit | Miss: ...

    def peek(self, key: K) -> Hit | Miss:
        """As `get`, but it counts as no use."""

    def put(self, key: K, value: Any, ttl: float | None = None) -> None:
        """``ttl`` in seconds; None: that of the configuration."""

    def invalidate(self, key: K) -> bool:
        """Whether there was such an entry."""

    def clear(self, start: str = "") -> None:
        """``start``: only the keys (texts) that begin so."""

    def stats(self) -> CacheStats: ...

    def close(self) -> None: ...


_TABLES: dict[Eviction, type[Table]] = {
    Eviction.LRU: Lru,
    Eviction.LFU: Lfu,
    Eviction.FIFO: Fifo,
    Eviction.RANDOM: Random,
    Eviction.TTL: Soonest,
}


def table(config: CacheConfig, *, clock: Callable[[], float] | None = None, seed: int = 0) -> Table:
    """A cache in this process. ``clock``: seconds that never go back (default: the system's, read in
    steps of some milliseconds). ``seed``: of the policy RANDOM."""
    ttl = math.inf if config.ttl is None else config.ttl
    kind = _TABLES[config.eviction]
    options = {"seed": seed} if kind is Random else {}
    return kind(config.capacity, ttl, clock, **options)
