"""L3: answers to requests that mean the same. An index of what was asked, by embedding, over L2.

A hit is found by the nearest embedding, and confirmed by the second gate, which reads both texts word by
word. What the index says is not believed: it proposes a text, and the key of L2 is made from that text and
from the request at hand, so a forged row can name at most something that this tenant did ask.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from runtime.caches.circuit import Circuit
from runtime.caches.inference import prefix
from runtime.caches.protocol import ABSENT, UNAVAILABLE, CacheConfig, CacheStats, Eviction, Miss, table
from runtime.caches.vectors import SemanticHit, VectorIndex
from runtime.meaning.calibration import thresholds
from runtime.meaning.embedding import Embedder
from runtime.meaning.gate import differences
from runtime.providers.base import Message, Request, Response

LEAST = 0.95
"""Least cosine of a hit, unless the embedder's own measured threshold is higher."""
LONGEST = 2_000
"""Characters of a text that is compared by meaning; a longer one says too much to be the same."""
_MOST_CANDIDATES = 8
_REMEMBERED = 4_096  # vectors of texts that were asked for a moment ago
_LITERAL = re.compile(r"\"[^\"]*\"|`[^`]*`|[-+]?\d[\w.,]*|[^\w\s.,;:?!'\u2019]")

FAR = Miss("far")
"""Nothing that is near enough."""
GATE = Miss("gate")
"""Near enough, but the second gate found a difference."""


class Question(NamedTuple):
    """The part of a request that may be said otherwise, and all else that must be the same."""

    tenant: str
    group: str
    core: str
    key_of: Callable[[str], str]
    """The key in L2 of the same request with another core."""


@dataclass(frozen=True, slots=True)
class Found:
    """``match``: what was asked then; ``score``: the cosine of the two."""

    response: Response
    match: str
    score: float


class SemanticCache:
    """``least``: cosine of a hit, 0 to 1; None: 0.95, or the measured threshold of the embedder where it is
    higher. Vectors of different embedders, and of different tenants, are never compared."""

    def __init__(self, embedder: Embedder, index: VectorIndex, *, least: float | None = None) -> None:
        if least is not None and not 0 <= least <= 1:
            raise ValueError(f"a cosine lies between 0 and 1, not {least}")
        self.embedder, self.index = embedder, index
        self._least = least
        self.circuit = Circuit()
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("hits", "misses", "puts", "invalidations"), 0)
        self._vectors = table(CacheConfig(_REMEMBERED, eviction=Eviction.LRU))

    @property
    def least(self) -> float:
        return max(LEAST, thresholds(self.embedder.tag).alone) if self._least is None else self._least

    def question(
        self, request: Request, revision: str, tenant: str, core: str | None, key: Callable[[Request], str]
    ) -> Question | None:
        """``core``: the text in the request that may be said otherwise; None: the last message, if the user
        said it. None where there is none, or it is too long."""
        if core is None:
            last = request.messages[-1] if request.messages else None
            core = last.content if last is not None and last.role == "user" else ""
        at = _place(request, core)
        if at is None or len(core) > LONGEST:
            return None
        mark = "\0core\0"  # stands where the core was; the rest must be the same to the letter
        rest = _with_core(request, at, core, mark).key(revision)
        group = prefix(tenant) + hashlib.sha256(f"{len(tenant)}:{tenant}:{rest}".encode()).hexdigest()[:32]
        asked = core
        return Question(tenant, group, core, lambda other: key(_with_core(request, at, asked, other)))

    def find(self, question: Question, fetch: Callable[[str], Response | None]) -> Found | Miss:
        """``fetch`` reads L2. Every hit is logged with the question, the match, the score and the answer."""
        if not self.circuit.admits():
            return self._missed(UNAVAILABLE)
        try:
            tag = self.embedder.tag
            near = self.index.nearest(question.group, tag, self._vector(question.core), _MOST_CANDIDATES)
        except Exception:  # whatever an embedder or an index raises: a cache that fails is a miss
            self.circuit.failed()
            return self._missed(UNAVAILABLE)
        self.circuit.worked()
        miss, least = FAR if near else ABSENT, self.least
        for match in near:
            if not match.score >= least:  # also where it is no number
                break
            if not same(question.core, match.core):
                miss = GATE
                continue
            response = fetch(question.key_of(match.core))
            if response is None:
                self._drop(question.group, tag, match.core)
                continue
            self._count("hits")
            self._log(question, match.core, match.score, response)
            return Found(response, match.core, match.score)
        return self._missed(miss)

    def add(self, question: Question) -> None:
        """The question has an answer in L2 from now on."""
        self._count("puts")
        self._quietly(
            lambda: self.index.add(
                question.group, self.embedder.tag, question.core, self._vector(question.core)
            )
        )

    def remove(self, question: Question) -> None:
        self._count("invalidations")
        self._drop(question.group, self.embedder.tag, question.core)

    def clear(self, tenant: str | None = None) -> None:
        self.index.clear("" if tenant is None else prefix(tenant))

    def forget_vectors(self) -> None:
        """Those of texts that were asked for a moment ago; they are made again."""
        self._vectors.clear()

    def stats(self) -> CacheStats:
        """``size``: texts in the index, 0 where it does not answer."""
        counts, size = self._counts, 0
        try:
            size = self.index.size()
        except Exception:
            self.circuit.failed()
        kinds = (counts["hits"], counts["misses"], counts["puts"], counts["invalidations"])
        return CacheStats(*kinds, 0, 0, size, self.index.capacity)

    def close(self) -> None:
        self.index.close()
        self.embedder.close()

    # -- inside

    def _vector(self, core: str) -> array[float]:
        known = self._vectors.get(core)
        if known:
            vector: array[float] = known.value
            return vector
        [vector] = self.embedder.embed([core])
        self._vectors.put(core, vector)
        return vector

    def _drop(self, group: str, tag: str, core: str) -> None:
        self._quietly(lambda: self.index.remove(group, tag, core))

    def _log(self, question: Question, match: str, score: float, response: Response) -> None:
        hit = SemanticHit(
            int(time.time() * 1000), question.tenant, self.embedder.tag, question.core, match, score,
            response.model, response.text,
        )  # fmt: skip
        self._quietly(lambda: self.index.record(hit))

    def _missed(self, miss: Miss) -> Miss:
        self._count("misses")
        return miss

    def _quietly(self, work: Callable[[], object]) -> None:
        if not self.circuit.admits():
            return
        try:
            work()
        except Exception:
            self.circuit.failed()
        else:
            self.circuit.worked()

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def same(one: str, other: str) -> bool:
    """Whether an answer to one answers the other: the second gate, and numbers, quoted texts and signs are
    the same in the same order, since they may be data."""
    return one == other or (_LITERAL.findall(one) == _LITERAL.findall(other) and not differences(one, other))


def _place(request: Request, core: str) -> int | None:
    """The last message that has the core."""
    if not core.strip():
        return None
    for at in reversed(range(len(request.messages))):
        if core in request.messages[at].content:
            return at
    return None


def _with_core(request: Request, at: int, core: str, other: str) -> Request:
    role, content = request.messages[at]
    before, _, after = content.rpartition(core)
    message = Message(role, before + other + after)
    return replace(request, messages=(*request.messages[:at], message, *request.messages[at + 1 :]))
