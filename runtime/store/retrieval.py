"""Retrieval by meaning: the exact interface, then the embedding ranks, then gate and examples decide.

Nothing the index says is believed: what a function is for is read from the verified module itself, and so
measured again before it is a hit.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from runtime.meaning.calibration import Thresholds, thresholds
from runtime.meaning.embedding import Embedder, to_bytes
from runtime.meaning.gate import differences
from runtime.store import vectors
from runtime.store.errors import StoreError
from runtime.store.index import Entry, Near
from runtime.store.publications import part_of
from runtime.store.store import ModuleStore, VerifiedArtifact
from runtime.trust.errors import TrustError

MOST_CANDIDATES = 8
"""How many of the nearest are looked at: each costs a verification, and a run where there are examples."""


class Example(NamedTuple):
    """A call and what it must give."""

    arguments: tuple[Any, ...]
    result: Any


class Failed(NamedTuple):
    """The first example that a candidate does not pass; ``told``: the call, and what it gave instead."""

    example: Example
    told: str


class Candidate(NamedTuple):
    """What became of one stored function. ``verdict``: ``hit``, ``far`` (below the threshold), ``gate``,
    ``examples``, ``refused`` (not trusted, damaged, or unreadable). ``reasons``: why it was no hit."""

    entry: Entry | None
    export: str
    score: float
    text: str
    verdict: str
    reasons: tuple[str, ...]


class Retrieval(NamedTuple):
    """The whole evidence. ``hit``: the accepted candidate, None for a miss."""

    task: str
    interface_hash: str
    embedder: str
    least: Thresholds
    examples: int
    candidates: tuple[Candidate, ...]

    @property
    def hit(self) -> Candidate | None:
        last = self.candidates[-1] if self.candidates else None
        return last if last is not None and last.verdict == "hit" else None


class Read(Protocol):
    def __call__(self, artifact: VerifiedArtifact, export: str) -> str:
        """What the exported function is for, from the artifact itself."""


Confirm = Callable[[VerifiedArtifact, str, Sequence[Example]], "Failed | None"]
"""Runs the examples in the sandbox; None if all pass."""


def retrieve(
    store: ModuleStore,
    interface_hash: str,
    task: str,
    embedder: Embedder,
    *,
    read: Read,
    confirm: Confirm,
    examples: Sequence[Example] = (),
    limit: int = MOST_CANDIDATES,
) -> Retrieval:
    """Looks for a stored function of exactly this interface that does the task.

    Without examples a hit needs the threshold of the embedder and the gate; with examples it must pass them
    all and the gate, and a lower threshold does. Raises `StoreError` if the index cannot be read.
    """
    (vector,) = embedder.embed([task])
    near = store.index.nearest(interface_hash, embedder.tag, to_bytes(vector), limit)
    least = thresholds(embedder.tag)
    judge = _Judge(store, interface_hash, task, embedder, vector, least, examples, read, confirm)
    found: list[Candidate] = []
    for candidate in near:
        found.append(judge.of(candidate))
        if found[-1].verdict == "hit":
            break
    return Retrieval(task, interface_hash, embedder.tag, least, len(examples), tuple(found))


class _Judge(NamedTuple):
    """What candidates are measured by."""

    store: ModuleStore
    interface_hash: str
    task: str
    embedder: Embedder
    vector: array[float]
    least: Thresholds
    examples: Sequence[Example]
    read: Read
    confirm: Confirm

    def of(self, near: Near) -> Candidate:
        entry = self.store.index.get(near.entry_id)

        def verdict(word: str, *reasons: str, text: str = "") -> Candidate:
            return Candidate(entry, near.export, near.score, text, word, reasons)

        if entry is None:
            return verdict("refused", "the entry is gone")
        if near.score < self._needed:
            return verdict("far", f"similarity {near.score:.3f}, needed {self._needed:.3f}")
        try:
            artifact = self._fetched(entry, near.export)
            text = self.read(artifact, near.export)
        except (TrustError, StoreError, LookupError) as error:
            return verdict("refused", str(error))
        different = differences(self.task, text, confirmed=bool(self.examples))
        if different:
            return verdict("gate", *different, text=text)
        similar = self._similarity(text)
        if similar < self._needed:
            said = f"similarity {similar:.3f} to what the module says, needed {self._needed:.3f}"
            return verdict("far", f"{said}; the index says {near.score:.3f}", text=text)
        failed = self.confirm(artifact, near.export, self.examples) if self.examples else None
        if failed is not None:
            return verdict("examples", failed.told, text=text)
        return verdict("hit", text=text)

    @property
    def _needed(self) -> float:
        return self.least.confirmed if self.examples else self.least.alone

    def _fetched(self, entry: Entry, export: str) -> VerifiedArtifact:
        """Verified to have an export of that name and interface, in no version older than one that was seen
        there."""
        artifact = self.store.fetch_current(entry, part_of(export, self.interface_hash))
        exports = {e.name: e.interface_hash for e in artifact.statement.predicate.exports}
        if exports.get(export) != self.interface_hash:
            raise LookupError(f"the module exports no {export} of this interface")
        return artifact

    def _similarity(self, text: str) -> float:
        if text == self.task:
            return 1.0
        (vector,) = self.embedder.embed([text])
        # 32 bits, as the index keeps them: what is just enough there is enough here.
        return vectors.cosine(vectors.floats(to_bytes(self.vector)), vectors.floats(to_bytes(vector)))
