"""L2: what models answered, by the whole request. Hot in process (or Redis), cold in a store behind it."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from runtime.caches.circuit import Circuit
from runtime.caches.cold import ColdError, ColdStore
from runtime.caches.protocol import (
    ABSENT,
    LOW_CONFIDENCE,
    UNAVAILABLE,
    Cache,
    CacheConfig,
    CacheStats,
    Hit,
    Miss,
    table,
)
from runtime.caches.writer import Writer
from runtime.providers.base import Request, Response

DEFAULT = CacheConfig(capacity=2000, ttl=86_400.0)
MOST_BYTES = 4 << 20
"""Of an answer; a longer one is kept nowhere."""
_VERSION = 2
_PREFIX = 16
_COUNTED = ("puts", "invalidations", "cold_hits", "cold_misses", "unsure")
_REMEMBERED = 4_096  # keys of requests that were asked a moment ago
_LONGEST_REMEMBERED = 8_192  # characters of such a request


class InferenceCache:
    """Answers by model, revision, whole request, and tenant: tenants never see each other's.

    ``cold`` is read on a miss of ``hot``, which then has the answer too; it is written behind the caller's
    back. Answers to requests with a temperature above 0 are kept only where ``sampled`` says so; cut off
    and refused ones never. An answer below the configured confidence is removed when it is found.
    """

    def __init__(
        self,
        *,
        config: CacheConfig = DEFAULT,
        hot: Cache[str] | None = None,
        cold: ColdStore | None = None,
        writer: Writer | None = None,
        sampled: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._config = config
        self.hot: Cache[str] = hot if hot is not None else table(config, clock=clock)
        self.cold = cold
        self.writer = writer or Writer()
        self.sampled = sampled
        self._least = config.confidence
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._keys: dict[tuple[object, ...], str] = {}
        self.cold_circuit = Circuit()

    def key(self, request: Request, revision: str, tenant: str = "") -> str:
        """64 hex digits, the same on every machine; the first 16 are those of `prefix`."""
        # Two digests and a JSON text cost ten times as much as to find what they gave the last time. All that
        # makes requests different, by name: three times as fast as a getter of many attributes.
        asked = (
            tenant, revision, request.model, request.messages, request.temperature, request.max_tokens,
            request.top_p, request.seed, request.stop, request.grammar, request.schema, request.tools,
        )  # fmt: skip
        known = self._keys.get(asked)
        if known is not None:
            return known
        fields = f"{len(tenant)}:{tenant}:{request.key(revision)}"
        key = prefix(tenant) + hashlib.sha256(fields.encode()).hexdigest()[_PREFIX:]
        if sum(len(message.content) for message in request.messages) <= _LONGEST_REMEMBERED:
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            self._keys[asked] = key
        return key

    def keeps(self, request: Request) -> bool:
        """Whether answers to such a request are kept at all."""
        return request.temperature <= 0 or self.sampled

    def accepts(self, response: Response) -> bool:
        """Whether an answer is kept: a whole one, sure enough, of a bearable size."""
        return (
            response.stop_reason == "stop"
            and not self._unsure(response)
            and len(response.text) <= MOST_BYTES // 4
        )

    def get(self, key: str) -> Hit | Miss:
        found = self.hot.get(key) or self._from_cold(key)
        if self._least is not None and found and self._unsure(found.value):
            self._count("unsure")
            self.invalidate(key)
            return LOW_CONFIDENCE
        return found

    def peek(self, key: str) -> Hit | Miss:
        """What is hot; counts as no use."""
        found = self.hot.peek(key)
        return LOW_CONFIDENCE if found and self._unsure(found.value) else found

    def put(self, key: str, value: Response, ttl: float | None = None) -> None:
        self._count("puts")
        self.hot.put(key, value, ttl)
        cold = self.cold
        if cold is not None:
            data = encode(value, key)
            self.writer.submit(lambda: cold.write(key, data))

    def invalidate(self, key: str) -> bool:
        """Whether it was hot. Waits for the cold store, a second at most: what is gone must not come back
        from there."""
        self._count("invalidations")
        found = self.hot.invalidate(key)
        cold = self.cold
        if cold is not None:
            self.writer.submit(lambda: cold.delete(key))
            self.writer.flush(1.0)
        return found

    def clear(self, tenant: str | None = None) -> None:
        """Hot and cold, of one tenant or of all. Raises `ColdError`."""
        start = "" if tenant is None else prefix(tenant)
        self.hot.clear(start)
        self.writer.flush()
        if self.cold is not None:
            self.cold.clear(start)

    def warm(self, limit: int | None = None) -> int:
        """Reads the newest answers of the cold store into the hot one, as many as fit or ``limit``; returns
        how many. Raises `ColdError`."""
        if self.cold is None:
            return 0
        self.writer.flush()
        most = self._config.capacity if limit is None else limit
        read = 0
        for key, data in self.cold.newest(most):
            response = decode(data, key)
            if response is not None and not self._unsure(response):
                self.hot.put(key, response)
                read += 1
        return read

    def stats(self) -> CacheStats:
        """Hits in either store; evictions and sizes of the hot one."""
        hot, counts = self.hot.stats(), self._counts
        more = counts["cold_hits"] - counts["unsure"]
        return hot._replace(
            hits=hot.hits + more, misses=hot.misses - more, puts=counts["puts"],
            invalidations=counts["invalidations"],
        )  # fmt: skip

    def cold_stats(self) -> CacheStats:
        """``size`` and ``capacity`` are 0: counting what lies in a bucket is a request per thousand."""
        written = self.writer.stats().written if self.cold is not None else 0
        return CacheStats(self.cold_hits, self._counts["cold_misses"], written, 0, 0, 0, 0, 0)

    @property
    def cold_hits(self) -> int:
        return self._counts["cold_hits"]

    def close(self) -> None:
        self.writer.close()
        self.hot.close()
        if self.cold is not None:
            self.cold.close()

    def probe_cold(self, key: str) -> bytes | Miss:
        """What the cold store has under a key; counts as no use."""
        if self.cold is None:
            return ABSENT
        if not self.cold_circuit.admits():
            return UNAVAILABLE
        try:
            data = self.cold.read(key)
        except ColdError:
            self.cold_circuit.failed()
            return UNAVAILABLE
        self.cold_circuit.worked()
        return ABSENT if data is None else data

    def _from_cold(self, key: str) -> Hit | Miss:
        data = self.probe_cold(key)
        if isinstance(data, Miss) and (self.cold is None or data is UNAVAILABLE):
            return data
        response = None if isinstance(data, Miss) else decode(data, key)
        if response is None:
            self._count("cold_misses")
            return ABSENT
        self._count("cold_hits")
        self.hot.put(key, response)
        return Hit(response)

    def _unsure(self, response: Response) -> bool:
        least = self._least
        return least is not None and response.confidence is not None and response.confidence < least

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


@lru_cache(maxsize=1024)
def prefix(tenant: str) -> str:
    """What the keys of a tenant begin with."""
    return hashlib.sha256(f"tenant:{tenant}".encode()).hexdigest()[:_PREFIX]


def encode(response: Response, key: str) -> bytes:
    """Canonical JSON, with the key: bytes that somebody moves to another key answer for nothing there."""
    fields = {"v": _VERSION, "key": key, **asdict(response)}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def decode(data: bytes, key: str) -> Response | None:
    """None for what is no answer of this version to this key: a store is never believed."""
    if len(data) > MOST_BYTES:
        return None
    try:
        fields: dict[str, Any] = json.loads(data)
        if fields.pop("v") != _VERSION or fields.pop("key") != key:
            return None
        response = Response(**fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return response if _sound(response) else None


def _sound(response: Response) -> bool:
    texts = (response.text, response.model, response.revision, response.stop_reason)
    numbers = (response.input_tokens, response.output_tokens, response.seconds, response.confidence or 0.0)
    return (
        all(isinstance(text, str) for text in texts)
        and response.stop_reason == "stop"
        and all(type(number) in (int, float) and 0 <= number < math.inf for number in numbers)
        and (response.confidence or 0.0) <= 1
    )
