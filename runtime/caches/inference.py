"""L2: what models answered, by the whole request. Hot in process (or Redis), cold in a store behind it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from runtime.caches.cold import ColdError, ColdStore
from runtime.caches.flight import SingleFlight
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
_VERSION = 1


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
        self._sampled = sampled
        self._flight: SingleFlight[Response] = SingleFlight()
        self._lock = threading.Lock()
        self._counts = {"hits": 0, "misses": 0, "puts": 0, "invalidations": 0, "cold_hits": 0}

    def key(self, request: Request, revision: str, tenant: str = "") -> str:
        """64 hex digits, the same on every machine."""
        fields = f"{len(tenant)}:{tenant}:{request.key(revision)}"
        return hashlib.sha256(fields.encode()).hexdigest()

    def get(self, key: str) -> Hit | Miss:
        found = self.hot.get(key)
        if not found:
            found = self._from_cold(key)
        if found and self._unsure(found.value):
            self.invalidate(key)
            found = LOW_CONFIDENCE
        self._count("hits" if found else "misses")
        return found

    def put(self, key: str, value: Response, ttl: float | None = None) -> None:
        self._count("puts")
        self.hot.put(key, value, ttl)
        cold = self.cold
        if cold is not None:
            data = encode(value)
            self.writer.submit(lambda: cold.write(key, data))

    def invalidate(self, key: str) -> bool:
        self._count("invalidations")
        found = self.hot.invalidate(key)
        cold = self.cold
        if cold is not None:
            self.writer.submit(lambda: cold.delete(key))
        return found

    def clear(self) -> None:
        """Of all tenants, hot and cold."""
        self.hot.clear()
        self.writer.flush()
        if self.cold is not None:
            self.cold.clear()

    def stats(self) -> CacheStats:
        """Hits in either store; evictions and sizes of the hot one."""
        hot = self.hot.stats()
        counts = self._counts
        return hot._replace(
            hits=counts["hits"], misses=counts["misses"], puts=counts["puts"],
            invalidations=counts["invalidations"],
        )  # fmt: skip

    @property
    def cold_hits(self) -> int:
        return self._counts["cold_hits"]

    def answer(
        self, request: Request, revision: str, ask: Callable[[], Response], tenant: str = ""
    ) -> tuple[Response, bool]:
        """The kept answer, or that of ``ask``; and whether it was kept. Concurrent requests ask once.
        What ``ask`` raises is raised, and nothing is kept."""
        if request.temperature > 0 and not self._sampled:
            return ask(), False
        key = self.key(request, revision, tenant)
        found = self.get(key)
        if found:
            return found.value, True

        def compute() -> Response:
            response = ask()
            if response.stop_reason == "stop" and not self._unsure(response):
                self.put(key, response)
            return response

        return self._flight.run(key, compute), False

    def close(self) -> None:
        self.writer.close()
        if self.cold is not None:
            self.cold.close()

    def _from_cold(self, key: str) -> Hit | Miss:
        if self.cold is None:
            return ABSENT
        try:
            data = self.cold.read(key)
        except ColdError:
            return UNAVAILABLE
        response = None if data is None else decode(data)
        if response is None:
            return ABSENT
        self._count("cold_hits")
        self.hot.put(key, response)
        return Hit(response)

    def _unsure(self, response: Response) -> bool:
        least = self._config.confidence
        return least is not None and response.confidence is not None and response.confidence < least

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def encode(response: Response) -> bytes:
    """Canonical JSON."""
    return json.dumps({"v": _VERSION, **asdict(response)}, sort_keys=True, separators=(",", ":")).encode()


def decode(data: bytes) -> Response | None:
    """None for what is no answer of this version: a store is never believed."""
    try:
        fields: dict[str, Any] = json.loads(data)
        if fields.pop("v") != _VERSION:
            return None
        response = Response(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    texts = (response.text, response.model, response.revision, response.stop_reason)
    return response if all(isinstance(text, str) for text in texts) else None
