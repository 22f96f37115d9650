"""Retrieval by meaning: the exact interface, then the embedding ranks, then gate and examples decide.

Nothing the index says is believed: what a function is for is read from the verified module itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from runtime.meaning.calibration import Thresholds, thresholds
from runtime.meaning.embedding import Embedder, to_bytes
from runtime.meaning.gate import differences
from runtime.store.errors import StoreError
from runtime.store.index import Entry, Near
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
    found: list[Candidate] = []
    for candidate in near:
        found.append(_judged(store, task, candidate, least, examples, read, confirm))
        if found[-1].verdict == "hit":
            break
    return Retrieval(task, interface_hash, embedder.tag, least, len(examples), tuple(found))


def _judged(
    store: ModuleStore,
    task: str,
    near: Near,
    least: Thresholds,
    examples: Sequence[Example],
    read: Read,
    confirm: Confirm,
) -> Candidate:
    entry = store.index.get(near.entry_id)

    def verdict(word: str, *reasons: str, text: str = "") -> Candidate:
        return Candidate(entry, near.export, near.score, text, word, reasons)

    needed = least.confirmed if examples else least.alone
    if entry is None:
        return verdict("refused", "the entry is gone")
    if near.score < needed:
        return verdict("far", f"similarity {near.score:.3f}, needed {needed:.3f}")
    try:
        artifact = store.fetch(entry)
        text = read(artifact, near.export)
    except (TrustError, StoreError, LookupError) as error:
        return verdict("refused", str(error))
    different = differences(task, text, confirmed=bool(examples))
    if different:
        return verdict("gate", *different, text=text)
    failed = confirm(artifact, near.export, examples) if examples else None
    if failed is not None:
        return verdict("examples", failed.told, text=text)
    return verdict("hit", text=text)
