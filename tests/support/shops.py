"""A store with one published module, on each kind of backend, and what an attacker with access to its
servers can do to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from store_samples import ARTIFACT, IR, NOW, SOURCE, predicate, trusting, verifier

from runtime.store.blobs import MANIFEST, WASM, BlobBackend, BlobStore, Kind
from runtime.store.folder import FolderBackend
from runtime.store.index import Description, Entry, IndexBackend, NewEntry
from runtime.store.memory import MemoryBackend, MemoryIndex
from runtime.store.opening import open_blobs, open_index
from runtime.store.sqlite import SqliteIndex
from runtime.store.store import ModuleStore
from runtime.trust import envelope as dsse
from runtime.trust.keys import SigningKey
from runtime.trust.seen import Seen
from runtime.trust.store import TrustStore

_ROW = ("source_pointer", "signature", "signer", "status")
PLACES = ("memory", "folder", "team", "azure")


@dataclass
class Place:
    """``blobs`` and ``index`` open the backends as another process would."""

    blobs: Callable[[], BlobBackend]
    index: Callable[[], IndexBackend]


def place(kind: str, request: pytest.FixtureRequest) -> Place:
    """Memory; a folder with SQLite; PostgreSQL and S3; SQLite and Azure."""
    if kind == "memory":
        blobs, index = MemoryBackend(), MemoryIndex()
        return Place(lambda: blobs, lambda: index)
    if kind in ("folder", "azure"):
        folder: Path = request.getfixturevalue("tmp_path")
        azure = request.getfixturevalue("azure_url") if kind == "azure" else ""
        return Place(
            lambda: open_blobs(azure) if azure else FolderBackend(folder / "blobs"),
            lambda: SqliteIndex(folder / "index.sqlite"),
        )
    s3, postgres = request.getfixturevalue("s3_url"), request.getfixturevalue("postgres_url")
    return Place(lambda: open_blobs(s3), lambda: open_index(postgres))


@dataclass
class Shop:
    """``seen``: what the readers of this shop remember."""

    place: Place
    key: SigningKey
    store: ModuleStore
    entry: Entry
    seen: Seen = field(default_factory=Seen)

    def reopened(
        self, trust: TrustStore | None = None, now: float = NOW, seen: Seen | None = None
    ) -> ModuleStore:
        """As another process of the same user sees it; with ``seen`` another user."""
        self.store.close()
        self.store = opened(
            self.place, trusting(self.key) if trust is None else trust, now, seen or self.seen
        )
        return self.store

    def close(self) -> None:
        self.store.close()

    # -- what an attacker does

    @property
    def manifest(self) -> bytes:
        return self.store.blobs.get(MANIFEST, self.entry.signature)

    @property
    def payload(self) -> bytes:
        return dsse.parse(self.manifest).payload

    def overwrite(self, kind: Kind, digest: str, data: bytes) -> None:
        """Puts other bytes at the address."""
        self.store.blobs.backend.write(_name(kind, digest), data)

    def delete(self, kind: Kind, digest: str) -> None:
        self.store.blobs.backend.delete(_name(kind, digest))

    def forge(self, **changes: Any) -> Entry:
        """Puts another row in the place of the module's."""
        old = self.entry
        self.store.index.remove(old.id)
        row = {name: changes.pop(name) for name in _ROW if name in changes}
        new = NewEntry(
            old.description._replace(**changes),
            old.source_pointer,
            old.signature,
            old.signer,
            old.created_ms,
        )
        self.entry, _ = self.store.index.add(new._replace(**row))
        return self.entry

    def plant_manifest(self, manifest: bytes) -> Entry:
        """Lets the row point to another manifest."""
        return self.forge(signature=self.store.blobs.put(MANIFEST, manifest))

    def publish(self, data: bytes = ARTIFACT + b"!", **about: Any) -> Entry:
        return self.store.publish(data, predicate(**about), self.key, source=SOURCE, ir=IR).entry


def opened(place: Place, trust: TrustStore, now: float = NOW, seen: Seen | None = None) -> ModuleStore:
    return ModuleStore(
        BlobStore(place.blobs()), place.index(), verifier(trust, now, seen), location="the shop"
    )


def open_shop_at(place: Place, artifact: bytes = ARTIFACT, **about: Any) -> Shop:
    key, seen = SigningKey.generate(), Seen()
    store = opened(place, trusting(key), NOW, seen)
    published = store.publish(artifact, predicate(**about), key, source=SOURCE, ir=IR)
    return Shop(place, key, store, published.entry, seen)


def _name(kind: Kind, digest: str) -> str:
    return f"{kind.name}/{digest[:2]}/{digest[2:]}"


__all__ = ["PLACES", "WASM", "Description", "Place", "Shop", "open_shop_at", "opened", "place"]
