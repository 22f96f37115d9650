"""What the dashboard shows, collected: the user's statistics, and the store with its signers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rtfsc.version import __version__
from runtime.obs.clean import text
from runtime.obs.statistics import FILE, Kept, read
from runtime.store.errors import StoreError
from runtime.trust.errors import TrustError

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.providers.registry import ModelRegistry
    from runtime.store.index import Entry, Hit
    from runtime.trust.store import TrustStore

MOST_MODULES, MOST_HITS = 30, 40
_FRESH_S, _SHARE = 1.0, 5.0
_PATIENCE_S = 3.0
"""With models that are asked how they are."""


class ModuleRow(NamedTuple):
    """``signer``: its name, None for a key that is not trusted; ``trouble``: why it will not be run, empty if
    nothing is known to be wrong. ``used`` in seconds since 1970, None for never."""

    name: str
    version: int
    exports: tuple[str, ...]
    doc: str
    status: str
    trouble: str
    signer: str | None
    key: str
    digest: str
    target: str
    uses: int
    used: float | None


class HitRow(NamedTuple):
    """A line of the governance log, with the name of the module."""

    time: float
    by: str
    request: str
    outcome: str
    module: str
    digest: str
    signer: str | None
    score: float | None
    detail: str


class ModelRow(NamedTuple):
    id: str
    where: str
    ok: bool
    detail: str


@dataclass(slots=True)
class Facts:
    """``problems``: what could not be read, for people. ``models``: those of the delegation file, if one was
    given."""

    time: float
    version: str
    place: str
    kept: Kept
    modules: list[ModuleRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    hits: list[HitRow] = field(default_factory=list)
    models: list[ModelRow] | None = None
    problems: list[str] = field(default_factory=list)


class Collector:
    """Safe to use from several threads; what is younger than a second, or than five times what it took, is
    not collected again."""

    def __init__(self, runtime: Runtime, *, clock: Callable[[], float] = time.time) -> None:
        self._runtime, self._clock = runtime, clock
        self._lock = threading.Lock()
        self._last: Facts | None = None
        self._fresh = _FRESH_S

    @property
    def statistics(self) -> Path:
        return self._runtime.paths.home / FILE

    def __call__(self) -> Facts:
        with self._lock:
            now = self._clock()
            if self._last is None or not 0 <= now - self._last.time < self._fresh:
                started = time.perf_counter()
                self._last = self._collected(now)
                # A large store is not read all the time.
                self._fresh = max(_FRESH_S, _SHARE * (time.perf_counter() - started))
            return self._last

    def _collected(self, now: float) -> Facts:
        facts = Facts(now, __version__, "", read(self.statistics))
        try:
            facts.place = text(str(self._runtime.choice.location))
            _add_store(facts, self._runtime)
        except (StoreError, TrustError, OSError) as error:
            facts.problems.append(f"The store cannot be read: {error}")
        delegation = self._runtime.delegation
        if delegation is not None:
            facts.models = _models(delegation.registry, sorted(delegation.policy.models))
        return facts


def _add_store(facts: Facts, runtime: Runtime) -> None:
    trust = runtime.trust_file.load()
    entries = runtime.store.list()
    for entry in entries:
        facts.counts[entry.status] = facts.counts.get(entry.status, 0) + 1
    used = sorted(entries, key=lambda e: (e.use_count, e.last_used_ms or 0, e.created_ms), reverse=True)
    facts.modules = [_module(entry, trust) for entry in used[:MOST_MODULES]]
    by_id = {entry.id: entry for entry in entries}
    facts.hits = [
        _hit(hit, by_id.get(hit.entry_id or 0), trust) for hit in runtime.store.index.hits(MOST_HITS)
    ]


def _module(entry: Entry, trust: TrustStore) -> ModuleRow:
    description = entry.description
    return ModuleRow(
        entry.name, entry.serial, tuple(export.name for export in description.exports), description.doc,
        entry.status, _trouble(entry, trust), _signer(entry.signer, trust), entry.signer, entry.digest,
        f"{description.target} {description.level}", entry.use_count,
        None if entry.last_used_ms is None else entry.last_used_ms / 1000,
    )  # fmt: skip


def _trouble(entry: Entry, trust: TrustStore) -> str:
    revoked = dict(trust.revoked_keys).get(entry.signer)
    if revoked is not None:
        return f"its key is revoked: {revoked}" if revoked else "its key is revoked"
    withdrawn = dict(trust.revoked_modules).get(entry.digest)
    if withdrawn is not None:
        return f"revoked: {withdrawn}" if withdrawn else "revoked"
    if entry.status != "Verified":
        return entry.status_reason
    key = trust.find(entry.signer)
    if key is None:
        return "its key is not trusted here"
    return "" if key.covers(entry.name) else f"its key is trusted for {', '.join(key.namespaces)} only"


def _signer(key_id: str, trust: TrustStore) -> str | None:
    key = trust.find(key_id)
    return key.name if key is not None else None


def _hit(hit: Hit, entry: Entry | None, trust: TrustStore) -> HitRow:
    return HitRow(
        hit.time_ms / 1000, hit.kind, hit.key, hit.outcome, entry.name if entry else "", hit.digest or "",
        _signer(entry.signer, trust) if entry else None, hit.score, hit.detail,
    )  # fmt: skip


def _models(registry: ModelRegistry, ids: list[str]) -> list[ModelRow]:
    """All are asked at once; who does not answer in time is not waited for."""
    rows = {id: ModelRow(id, "", False, f"no answer within {_PATIENCE_S:g} s") for id in ids}

    def ask(id: str) -> None:
        rows[id] = _model(registry, id)

    threads = [threading.Thread(target=ask, args=(id,), daemon=True) for id in ids]
    end = time.monotonic() + _PATIENCE_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [rows[id] for id in ids]


def _model(registry: ModelRegistry, id: str) -> ModelRow:
    try:
        provider = registry.get(id)
        health = provider.health()
    except Exception as error:  # of somebody else's provider, too
        return ModelRow(id, "", False, text(f"{type(error).__name__}: {error}"))
    return ModelRow(id, "this machine" if provider.local else "elsewhere", health.ok, text(health.detail))
