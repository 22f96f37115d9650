"""Modules, keys and stores to try things on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.store.index import Entry
from runtime.store.store import ModuleStore, open_folder
from runtime.trust.keys import SigningKey
from runtime.trust.seen import Seen
from runtime.trust.statement import Build, Export, Predicate
from runtime.trust.store import Policy, TrustedKey, TrustStore
from runtime.trust.verifier import Verifier

NOW = 1_800_000_000
ARTIFACT = b"\0asm\1\0\0\0" + bytes(range(256)) * 40
SOURCE = "(defn quote [n : Int] : Int (* 2 n)) ; Grüße"
IR = b"serialised ir"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def predicate(name: str = "shop.pricing", salt: str = "", **changes: Any) -> Predicate:
    """A plausible one; ``salt`` makes another action of the same interface."""
    build = Build(sha(f"action{name}{salt}"), "wasm32", "O2", "compiler-1", "rt-1", (1, 0))
    export = Export("quote", "function", sha(f"def{salt}"), sha("interface"), sha(f"retrieval{salt}"))
    fields: dict[str, Any] = {
        "name": name,
        "build": build,
        "exports": (export,),
        "interface_hash": sha("interface"),
    }
    return Predicate(**{**fields, **changes})


def trusting(*keys: SigningKey, **policy: Any) -> TrustStore:
    trust = TrustStore(policy=Policy(**policy))
    for i, key in enumerate(keys):
        trust = trust.with_key(TrustedKey(key.public, f"key-{i}"))
    return trust


def verifier(trust: TrustStore, now: float = NOW, seen: Seen | None = None) -> Verifier:
    return Verifier(trust, clock=lambda: now, seen=seen)


@dataclass
class Shop:
    """A folder store with one published module, and the key that signed it."""

    folder: Path
    key: SigningKey
    store: ModuleStore
    entry: Entry

    def reopened(self, trust: TrustStore | None = None, now: float = NOW) -> ModuleStore:
        """As another process sees it: nothing is remembered."""
        self.store.close()
        self.store = open_folder(self.folder, verifier(trusting(self.key) if trust is None else trust, now))
        return self.store

    def blob(self, kind: str, digest: str) -> Path:
        return self.folder / "blobs" / kind / digest[:2] / digest[2:]

    @property
    def artifact(self) -> Path:
        return self.blob("wasm", self.entry.digest)

    @property
    def manifest(self) -> Path:
        return self.blob("manifest", self.entry.signature)


def open_shop(folder: Path, **changes: Any) -> Shop:
    key = SigningKey.generate()
    store = open_folder(folder, verifier(trusting(key)))
    published = store.publish(ARTIFACT, predicate(**changes), key, source=SOURCE, ir=IR)
    return Shop(folder, key, store, published.entry)
