"""The caches as one: read through, from the fastest to the model itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from runtime.caches.flight import SingleFlight
from runtime.caches.inference import InferenceCache
from runtime.caches.protocol import Cache, CacheStats, Hit, Miss
from runtime.caches.semantic import Found, Question, SemanticCache
from runtime.obs.events import Emit, tell
from runtime.providers.base import ModelProvider, OnText, Request, Response
from runtime.providers.errors import TimedOut

Keep = Callable[[Response], bool]
"""Whether an answer may be kept, asked of fresh ones only."""


_INSTANT_S = 0.05
"""Less was not waited for anybody."""


class Answered(NamedTuple):
    """``layer``: ``L2`` or ``L3``, ``model`` where the model was asked; ``match`` and ``score``: of L3."""

    response: Response
    layer: str
    match: str = ""
    score: float = 1.0


class LayerStats(NamedTuple):
    """A row of the table: ``layer`` (``L1``, ``L1 shared``, ``L2 hot``, ``L2 cold``, ``L3``, ``L4``),
    ``store``: what keeps it; ``failures``: how often that store did not answer; ``up``: whether it does."""

    layer: str
    store: str
    stats: CacheStats
    failures: int = 0
    up: bool = True


class CacheManager:
    """``l1``: decisions, used by the engine and here for its statistics and for `clear`, ``shared``: those of
    a team; ``l2``: answers; ``l3``: answers to like questions, None for none; ``l4``: statistics of the store
    of modules.

    Safe to use from several threads. A cache that fails is a miss: only the model raises.
    """

    def __init__(
        self,
        l1: Cache[Any] | None = None,
        l2: InferenceCache | None = None,
        l3: SemanticCache | None = None,
        *,
        shared: Cache[Any] | None = None,
        l4: Callable[[], CacheStats] | None = None,
        emit: Emit | None = None,
    ) -> None:
        self.l1, self.shared = l1, shared
        self.l2 = l2 if l2 is not None else InferenceCache()
        self.l3 = l3
        self.l4 = l4
        self._emit = emit
        self._flight: SingleFlight[Answered] = SingleFlight()
        parts = [self.l2.hot, self.l2.cold, *((l3.index, l3.embedder) if l3 is not None else ())]
        self.local = all(getattr(part, "local", True) for part in parts)
        """Whether what is asked and answered stays on this machine. Whoever works on private data must ask
        past caches that tell it to a server."""

    def infer(
        self,
        provider: ModelProvider,
        request: Request,
        *,
        tenant: str = "",
        core: str | None = None,
        keep: Keep | None = None,
        on_text: OnText | None = None,
    ) -> Response:
        """The kept answer, or the model's. See `answer`."""
        l2 = self.l2
        if on_text is None and (request.temperature <= 0 or l2.sampled) and not self._emit:
            # What `answer` does, without what nobody asked for: most calls end here.
            revision = provider.revision
            key = l2.key(request, revision, tenant)
            kept = l2.get(key)
            if kept:
                response: Response = kept.value
                return response
            return self._fly(provider, request, revision, key, tenant, core, keep, None)[0].response
        return self.answer(provider, request, tenant=tenant, core=core, keep=keep, on_text=on_text).response

    def answer(
        self,
        provider: ModelProvider,
        request: Request,
        *,
        tenant: str = "",
        core: str | None = None,
        keep: Keep | None = None,
        on_text: OnText | None = None,
    ) -> Answered:
        """L2 hot, L2 cold, L3, then the model; concurrent requests that are the same ask once. ``core``: the
        text in the request that may be said otherwise for L3 (None: that of the request, or the last message
        of the user; "": none). ``keep``: instead of what the request accepts.

        Raises what the model raises (`ProviderError`); then nothing is kept.
        """
        if not self.l2.keeps(request):
            return Answered(provider.infer(request, on_text), "model")
        revision = provider.revision
        key = self.l2.key(request, revision, tenant)
        kept = self.l2.get(key) if not self._emit else self._told(key, tenant)
        if kept:
            found, told = Answered(kept.value, "L2"), False
        else:
            found, told = self._fly(provider, request, revision, key, tenant, core, keep, on_text)
        if on_text is not None and not told:
            on_text(found.response.text)
        return found

    def forget(
        self, provider: ModelProvider, request: Request, *, tenant: str = "", core: str | None = None
    ) -> bool:
        """An answer that turned out to be wrong. Whether there was one in the hot store."""
        revision = provider.revision
        question = self._question(request, revision, tenant, request.core if core is None else core)
        if self.l3 is not None and question is not None:
            self.l3.remove(question)
        return self.l2.invalidate(self.l2.key(request, revision, tenant))

    def clear(self, layer: str = "", tenant: str | None = None) -> None:
        """``layer``: ``L1``, ``L2`` or ``L3``, all if empty; ``tenant``: of this one alone (L1 is emptied
        whole). Raises what the store raises: whoever clears must know."""
        if layer in ("", "L3") and self.l3 is not None:
            self.l2.writer.flush()
            self.l3.clear(tenant)
        if layer in ("", "L2"):
            self.l2.clear(tenant)
        if layer in ("", "L1"):
            for cache in (self.l1, self.shared):
                if cache is not None:
                    cache.clear()
        tell(self._emit, "cache.cleared", layer=layer or "all", reason="asked to")

    def warm(self, limit: int | None = None) -> int:
        """Reads the newest answers of L2's cold store into the hot one, and makes what L3's index needs to be
        fast; returns how many answers."""
        if self.l3 is not None:
            self.l3.index.prepare()
        return self.l2.warm(limit)

    def stats(self) -> list[LayerStats]:
        """One row per layer that there is."""
        rows = []
        if self.l1 is not None:
            rows.append(_row("L1", self.l1))
        if self.shared is not None:
            rows.append(_row("L1 shared", self.shared))
        rows.append(_row("L2 hot", self.l2.hot))
        if self.l2.cold is not None:
            circuit = self.l2.cold_circuit
            store = _name(self.l2.cold)
            failures = circuit.failures + self.l2.writer.stats().failed
            rows.append(LayerStats("L2 cold", store, self.l2.cold_stats(), failures, circuit.closed))
        if self.l3 is not None:
            circuit = self.l3.circuit
            store = f"{_name(self.l3.index)}, {self.l3.embedder.tag}"
            rows.append(LayerStats("L3", store, self.l3.stats(), circuit.failures, circuit.closed))
        if self.l4 is not None:
            rows.append(LayerStats("L4", "store", self.l4()))
        return rows

    def probe(self) -> None:
        """Asks every store once, so that `stats` tells which of them answer."""
        nothing = "0" * 64
        self.l2.hot.peek(nothing)
        if self.l2.cold is not None:
            self.l2.probe_cold(nothing)
        if self.shared is not None:
            self.shared.peek(nothing)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all is written that was to be; whether it was in time (by default ten seconds)."""
        return self.l2.writer.flush(timeout)

    def close(self) -> None:
        self.l2.close()
        if self.l3 is not None:
            self.l3.close()
        for cache in (self.l1, self.shared):
            if cache is not None:
                cache.close()

    # -- inside

    def _told(self, key: str, tenant: str) -> Hit | Miss:
        cold, start = self.l2.cold_hits, time.perf_counter()
        found = self.l2.get(key)
        seconds = time.perf_counter() - start
        if not found:
            tell(self._emit, "cache.miss", layer="L2", tenant=tenant, reason=found.reason, seconds=seconds)
        else:
            store = "cold" if self.l2.cold_hits != cold else "hot"
            tell(self._emit, "cache.hit", layer="L2", store=store, tenant=tenant, seconds=seconds)
        return found

    def _fly(
        self,
        provider: ModelProvider,
        request: Request,
        revision: str,
        key: str,
        tenant: str,
        core: str | None,
        keep: Keep | None,
        on_text: OnText | None,
    ) -> tuple[Answered, bool]:
        """Once for all who ask the same at the same time, each within its own time; and whether the model
        told this caller's ``on_text``."""
        mine: list[bool] = []
        start, patience = time.monotonic(), _patience(provider, request)

        def compute() -> Answered:
            mine.append(True)
            waited = time.monotonic() - start
            left = request if waited < _INSTANT_S else replace(request, timeout=max(patience - waited, 0.0))
            return self._compute(provider, left, revision, key, tenant, core, keep, on_text)

        try:
            found = self._flight.run(key, compute, patience=patience, theirs=_is_late)
        except TimeoutError:
            raise TimedOut(
                provider.id, f"no answer within {patience:g} s: somebody else has asked the same"
            ) from None
        return found, bool(mine) and found.layer == "model"

    def _compute(
        self,
        provider: ModelProvider,
        request: Request,
        revision: str,
        key: str,
        tenant: str,
        core: str | None,
        keep: Keep | None,
        on_text: OnText | None,
    ) -> Answered:
        core = request.core if core is None else core
        keep = keep or request.accept
        found = self.l2.peek(key)  # somebody may have just put it
        if found:
            return Answered(found.value, "L2")
        question = self._question(request, revision, tenant, core)
        if question is not None:
            alike = self._alike(question)
            if alike is not None and (keep is None or keep(alike.response)):
                return Answered(alike.response, "L3", alike.match, alike.score)
        response = provider.infer(request, on_text)
        if self.l2.accepts(response) and (keep is None or keep(response)):
            self._put(key, response, question, tenant)
        return Answered(response, "model")

    def _put(self, key: str, response: Response, question: Question | None, tenant: str) -> None:
        self.l2.put(key, response)
        l3 = self.l3
        if l3 is not None and question is not None:
            # After the cold write, so that the index names nothing that is not there.
            self.l2.writer.submit(lambda: l3.add(question))
        tell(self._emit, "cache.put", layer="L2", tenant=tenant)

    def _question(self, request: Request, revision: str, tenant: str, core: str | None) -> Question | None:
        if self.l3 is None or core == "":
            return None
        return self.l3.question(
            request, revision, tenant, core, lambda other: self.l2.key(other, revision, tenant)
        )

    def _alike(self, question: Question) -> Found | None:
        assert self.l3 is not None
        start = time.perf_counter()
        found = self.l3.find(question, self._fetch)
        seconds = time.perf_counter() - start
        if not isinstance(found, Found):
            tell(self._emit, "cache.miss", layer="L3", tenant=question.tenant, reason=found.reason,
                 seconds=seconds)  # fmt: skip
            return None
        tell(self._emit, "cache.hit", layer="L3", tenant=question.tenant, score=found.score,
             query=question.core, match=found.match, seconds=seconds)  # fmt: skip
        return found

    def _fetch(self, key: str) -> Response | None:
        found = self.l2.get(key)
        return found.value if found else None


def _patience(provider: ModelProvider, request: Request) -> float:
    """Seconds that the answer may take, with all tries."""
    longest: Callable[[Request], float] | None = getattr(provider, "longest", None)
    return request.timeout if longest is None else longest(request)


def _is_late(error: Exception) -> bool:
    """Who waits longer than the one that asked may still get an answer."""
    return isinstance(error, TimedOut)


def _row(layer: str, cache: Cache[Any]) -> LayerStats:
    circuit = getattr(cache, "circuit", None)
    failures, up = (circuit.failures, circuit.closed) if circuit is not None else (0, True)
    return LayerStats(layer, _name(cache), cache.stats(), failures, up)


def _name(store: object) -> str:
    return str(getattr(store, "name", "memory"))
