"""Puts a store in order after crashes and damage."""

from __future__ import annotations

from typing import NamedTuple

from runtime.store.blobs import IR, KINDS, MANIFEST, SOURCE, WASM
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.store import ARTIFACT_KINDS, ModuleStore
from runtime.trust.errors import TrustError


class Repaired(NamedTuple):
    """Numbers of entries and files: ``restored`` to Verified, ``removed`` (Pending and beyond help),
    ``orphans`` (blobs that no entry points to), ``abandoned`` (files of crashed writers)."""

    restored: int
    removed: int
    orphans: int
    abandoned: int


def repair(store: ModuleStore) -> Repaired:
    """Decides every pending entry and removes what nobody needs.

    Not to be run while others publish: a blob whose entry is just about to be written looks unneeded.
    """
    restored = removed = 0
    for entry in store.list():
        if entry.status != "Pending":
            continue
        try:
            store.examine(entry)
        except (TrustError, StoreError):
            store.index.remove(entry.id)
            removed += 1
        else:
            store.index.set_status(entry.id, "Verified", "")
            restored += 1
    return Repaired(restored, removed, _remove_orphans(store), store.blobs.backend.sweep())


def _remove_orphans(store: ModuleStore) -> int:
    needed = {pointer for entry in store.list() for pointer in _pointers(entry)}
    orphans = [
        (kind, digest)
        for kind in KINDS
        for digest, _ in store.blobs.digests(kind)
        if (kind.name, digest) not in needed
    ]
    for kind, digest in orphans:
        store.blobs.delete(kind, digest)
    return len(orphans)


def _pointers(entry: Entry) -> list[tuple[str, str | None]]:
    d = entry.description
    artifact = ARTIFACT_KINDS.get(d.target, WASM)
    return [
        (artifact.name, d.storage_pointer),
        (IR.name, d.ir_pointer),
        (SOURCE.name, entry.source_pointer),
        (MANIFEST.name, entry.signature),
    ]
