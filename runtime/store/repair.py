"""Puts a store in order after crashes and damage."""

from __future__ import annotations

from typing import NamedTuple

from runtime.store.blobs import IR, KINDS, MANIFEST, SOURCE, WASM
from runtime.store.errors import StoreError
from runtime.store.index import Entry
from runtime.store.store import ARTIFACT_KINDS, ModuleStore
from runtime.trust.errors import TooFewSignatures, TrustError


class Repaired(NamedTuple):
    """Numbers of entries and files: ``restored`` to Verified, ``removed`` (Pending and beyond help),
    ``waiting`` (for signatures), ``orphans`` (blobs that no entry points to), ``abandoned`` (files of
    crashed writers)."""

    restored: int
    removed: int
    waiting: int
    orphans: int
    abandoned: int


def repair(store: ModuleStore) -> Repaired:
    """Decides every pending entry and removes what nobody needs.

    Not to be run while others publish: a blob whose entry is just about to be written looks unneeded.
    """
    restored = removed = waiting = 0
    for entry in store.list():
        if entry.status != "Pending":
            continue
        try:
            store.examine(entry)
        except TooFewSignatures:
            waiting += 1
        except (TrustError, StoreError) as error:
            if isinstance(error, StoreError) and error.passing:
                raise  # it says nothing about the entry
            store.index.remove(entry.id)
            removed += 1
        else:
            store.index.set_status(entry.id, "Verified", "")
            restored += 1
    return Repaired(restored, removed, waiting, _remove_orphans(store), store.blobs.backend.sweep())


def check_all(store: ModuleStore) -> list[tuple[Entry, str]]:
    """Verifies every verified entry anew; those that are damaged become Pending. Returns them, with what is
    wrong; also those that only this user's policy refuses, which stay as they are."""
    refused = []
    for entry in store.list():
        if entry.status != "Verified":
            continue
        try:
            store.examine(entry)
        except (TrustError, StoreError) as error:
            if isinstance(error, StoreError) and error.passing:
                raise
            store.quarantine(entry, error)
            refused.append((entry, f"{error.code} {error.message}"))
    return refused


def _remove_orphans(store: ModuleStore) -> int:
    needed = {pointer for entry in store.list() for pointer in pointers_of(entry)}
    orphans = [
        (kind, digest)
        for kind in KINDS
        for digest, _ in store.blobs.digests(kind)
        if (kind.name, digest) not in needed
    ]
    for kind, digest in orphans:
        store.blobs.delete(kind, digest)
    return len(orphans)


def pointers_of(entry: Entry) -> list[tuple[str, str | None]]:
    """The blobs that an entry needs, by kind and digest."""
    d = entry.description
    artifact = ARTIFACT_KINDS.get(d.target, WASM)
    return [
        (artifact.name, d.storage_pointer),
        (IR.name, d.ir_pointer),
        (SOURCE.name, entry.source_pointer),
        (MANIFEST.name, entry.signature),
    ]
