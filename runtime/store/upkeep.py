"""Cleaning a store: what may go, and how to remove it while others publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from runtime.store.blobs import KINDS, Kind
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.repair import pointers_of
from runtime.store.store import ModuleStore

_DAY_MS = 86_400_000


class Collected(NamedTuple):
    """``entries``: those that went, or would go; ``blobs`` and ``bytes``: what only they needed, and what
    nobody did."""

    entries: list[Entry]
    blobs: int
    bytes: int


def collect(
    store: ModuleStore,
    *,
    versions: int = 3,
    unused_days: float = 90,
    dry_run: bool = False,
    grace_s: float = 5.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Collected:
    """Removes what is neither pinned nor the current version of its name, and is either not among the
    ``versions`` newest of the name, or was neither made nor used for so many days. Revoked entries stay: they
    keep their build from being published again.

    Blobs go after ``grace_s`` seconds: a module that is just being published needs them before its entry is
    there. One that was taken up at the last moment is put back.
    """
    going = _superfluous(store, versions, unused_days)
    leaving = {entry.id for entry in going}
    kept = {p for entry in store.list() if entry.id not in leaving for p in pointers_of(entry)}
    orphans = _orphans(store, kept)
    if dry_run or not (going or orphans):
        return Collected(going, len(orphans), sum(orphans.values()))
    for entry in going:
        store.index.remove(entry.id)
    if orphans:
        sleep(grace_s)
    removed = _remove(store, orphans)
    return Collected(going, len(removed), sum(orphans[name] for name in removed))


Blob = tuple[str, str]
"""Kind and digest."""


def _superfluous(store: ModuleStore, versions: int, unused_days: float) -> list[Entry]:
    old = time.time() * 1000 - unused_days * _DAY_MS
    names: dict[str, list[Entry]] = {}
    for entry in store.list():
        names.setdefault(entry.name, []).append(entry)
    going = []
    for name, entries in sorted(names.items()):
        current = store.index.current(name)
        entries.sort(key=lambda entry: -entry.serial)
        for place, entry in enumerate(entries):
            stays = entry.pinned or entry.status == "Revoked" or (current and current.id == entry.id)
            used = max(entry.created_ms, entry.last_used_ms or 0)
            if not stays and (place >= versions or used < old):
                going.append(entry)
    return going


def _orphans(store: ModuleStore, needed: set[tuple[str, str | None]]) -> dict[Blob, int]:
    return {
        (kind.name, digest): size
        for kind in KINDS
        for digest, size in store.blobs.digests(kind)
        if (kind.name, digest) not in needed
    }


def _remove(store: ModuleStore, orphans: dict[Blob, int]) -> list[Blob]:
    """Removes those that nobody took up meanwhile."""
    kinds = {kind.name: kind for kind in KINDS}
    held: dict[Blob, bytes] = {}
    for name, digest in _still_unneeded(store, orphans):
        held[name, digest] = _content(store, kinds[name], digest)
        store.blobs.delete(kinds[name], digest)
    needed = _needed(store)
    for name, digest in list(held):
        if (name, digest) in needed:
            store.blobs.put(kinds[name], held.pop((name, digest)))
    return list(held)


def _still_unneeded(store: ModuleStore, orphans: dict[Blob, int]) -> list[Blob]:
    needed = _needed(store)
    return [blob for blob in orphans if blob not in needed]


def _needed(store: ModuleStore) -> set[tuple[str, str | None]]:
    return {pointer for entry in store.list() for pointer in pointers_of(entry)}


def _content(store: ModuleStore, kind: Kind, digest: str) -> bytes:
    try:
        return store.blobs.get(kind, digest)
    except StoreError:
        return b""  # damaged: nothing worth putting back
