"""The index: under which keys a module is found, and in what state it is.

Nothing here is believed either: what a hit relies on is compared with the signed statement
(`Description.of`) before the module runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from runtime.trust.statement import Export, Statement

Key = Literal["action_key", "source_digest", "storage_pointer", "retrieval_key", "interface_hash", "def_hash"]
Status = Literal["Pending", "Verified", "Revoked"]

MODULE_KEYS = ("action_key", "source_digest", "storage_pointer")
EXPORT_KEYS = ("retrieval_key", "interface_hash", "def_hash")


class Description(NamedTuple):
    """The part of an entry that its signed statement must confirm, word by word."""

    name: str
    version: str
    doc: str
    target: str
    level: str
    compiler_fingerprint: str
    action_key: str
    interface_hash: str
    source_digest: str | None
    storage_pointer: str
    ir_pointer: str | None
    exports: tuple[Export, ...]

    @classmethod
    def of(cls, statement: Statement) -> Description:
        predicate, build = statement.predicate, statement.predicate.build
        return cls(
            predicate.name,
            predicate.version,
            predicate.doc,
            build.target,
            build.level,
            build.compiler_fingerprint,
            build.action_key,
            predicate.interface_hash,
            predicate.source_digest,
            statement.digest,
            predicate.ir_digest,
            predicate.exports,
        )

    def keys(self, by: Key) -> list[str | None]:
        """The values under which the entry is found: one, or one per export."""
        if by in MODULE_KEYS:
            return [getattr(self, by)]
        return [getattr(export, by) for export in self.exports]


def as_kept(text: str) -> str:
    """For texts that are only shown: what no index keeps (U+0000 in PostgreSQL, half of a surrogate pair) is
    replaced, so that one odd text does not cost the others."""
    if text.isprintable():
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class NewEntry(NamedTuple):
    """``signature``: digest of the manifest; ``signer``: id of the key; times are milliseconds since
    1970; ``source_pointer`` is None where the source is not kept.  ``status``: Pending for what still waits
    for signatures."""

    description: Description
    source_pointer: str | None
    signature: str
    signer: str
    created_ms: int
    status: Status = "Verified"
    status_reason: str = ""

    def entry(self, entry_id: int, serial: int, pinned: bool = False) -> Entry:
        return Entry(
            entry_id,
            self.description,
            self.source_pointer,
            self.signature,
            self.signer,
            self.created_ms,
            self.status,
            self.status_reason,
            serial=serial,
            pinned=pinned,
        )


class Entry(NamedTuple):
    """A row of ``rtfs_modules`` with its exports. ``serial``: 1, 2, … among the entries of its name, never
    given twice; ``pinned``: no clean-up removes it."""

    id: int
    description: Description
    source_pointer: str | None
    signature: str
    signer: str
    created_ms: int
    status: Status = "Verified"
    status_reason: str = ""
    last_used_ms: int | None = None
    use_count: int = 0
    serial: int = 0
    pinned: bool = False

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def digest(self) -> str:
        """Address of the artifact."""
        return self.description.storage_pointer

    def export(self, by: Key, key: str) -> Export | None:
        """The export that was hit."""
        return next((e for e in self.description.exports if getattr(e, by, None) == key), None)


class Uses(NamedTuple):
    times: int
    last_ms: int


class Meaning(NamedTuple):
    """What an export is for. ``text`` is what was embedded; ``embedder`` names the model that did it;
    ``vector``: its 32-bit floats, little-endian."""

    export: str
    interface_hash: str
    embedder: str
    text: str
    vector: bytes


class Near(NamedTuple):
    """``score``: the cosine, 1 at best."""

    entry_id: int
    export: str
    score: float


class Hit(NamedTuple):
    """A line of the governance log: what was asked for, and what came of it. Entry and digest are None
    where nothing was found; ``score`` is that of a hit by meaning."""

    time_ms: int
    kind: str
    key: str
    entry_id: int | None
    digest: str | None
    outcome: str
    score: float | None = None
    detail: str = ""


class Entries(Protocol):
    """Modules and the keys under which they are found."""

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        """Verified entries, newest first."""

    def at_action(self, action_key: str) -> Entry | None:
        """The one entry of an action, whatever its status."""

    def get(self, entry_id: int) -> Entry | None: ...

    def all(self) -> list[Entry]:
        """Every entry, newest first."""

    def starting(self, prefix: str) -> list[Entry]:
        """Those whose artifact's digest begins so, newest first."""

    def add(
        self, new: NewEntry, replacing: Entry | None = None, leaf: bytes | None = None
    ) -> tuple[Entry, bool]:
        """Adds an entry, all at once, and returns the one that the action now has, and whether it is
        the new one: of several writers of one action the first wins and the others get its entry.
        ``replacing`` is the entry that the caller found unusable; it gives way if it is still the same.
        The new one then has its id and pin, under the same name its serial, and no meanings.
        ``leaf`` goes to the log together with the new entry, and not without it."""

    def set_status(self, entry_id: int, status: Status, reason: str, *, signature: str | None = None) -> None:
        """With ``signature`` only while the entry still has this manifest."""

    def set_manifest(self, entry_id: int, old: str, new: str, leaf: bytes | None = None) -> bool:
        """Gives the entry the manifest ``new`` (a digest, as ``old``), and ``leaf`` to the log with it.
        False, and nothing is done, where the entry no longer has ``old``."""

    def remove(self, entry_id: int) -> None: ...

    def touch(self, uses: Mapping[int, Uses]) -> None:
        """Adds to the usage counters."""


class Versions(Protocol):
    """The entries of one name."""

    def history(self, name: str, limit: int | None = None) -> list[Entry]:
        """Whatever their status, newest serial first; the first ``limit`` of them."""

    def current(self, name: str) -> Entry | None:
        """The entry that `set_current` chose, None while that one is not Verified; without a choice the
        Verified one of the highest serial."""

    def set_current(self, name: str, entry_id: int | None) -> None:
        """Stays with this entry whatever is published later; None: no longer. Raises `NotStored` where
        the name has no such entry."""

    def pin(self, entry_id: int, pinned: bool) -> None: ...


class Meanings(Protocol):
    """Embeddings of exports, searched in groups of one interface and one embedder."""

    def add_meanings(self, entry_id: int, meanings: Sequence[Meaning]) -> None:
        """All at once, in place of those of the same export and embedder. Nothing happens if the entry is
        gone. Raises ValueError for a vector that is empty or not finite."""

    def meanings(self, interface_hash: str, embedder: str) -> list[tuple[int, Meaning]]:
        """The group, with the ids of the entries; Verified ones only, oldest first."""

    def nearest(self, interface_hash: str, embedder: str, vector: bytes, limit: int) -> list[Near]:
        """The best of the group, best first; Verified ones with vectors of this length only. Exact, but for
        groups that `prepare_groups` has given a graph."""

    def prepare_groups(self, minimum: int = ...) -> list[tuple[str, str, int]]:
        """Gives groups of more than ``minimum`` vectors what makes their search fast and nearly exact;
        tells interface, embedder and size of each. May take minutes."""


class Ledger(Protocol):
    """What happened, in order."""

    def append_log(self, leaf: bytes) -> int:
        """Adds to the log of publications and returns the leaf's number, from 0 on without gaps."""

    def log(self, start: int, stop: int) -> list[bytes]:
        """The leaves ``start`` to ``stop`` - 1, as far as they exist."""

    def log_size(self) -> int: ...

    def record_hits(self, hits: Sequence[Hit]) -> None: ...

    def hits(self, limit: int, since_ms: int = 0) -> list[Hit]:
        """The latest first."""


class IndexBackend(Entries, Versions, Meanings, Ledger, Protocol):
    """Where all this is kept. Reading an index that does not exist finds nothing and makes nothing.
    All methods raise `StoreError`; those that write also `ReadOnlyStore`, `StoreFull`, `StoreBusy`."""

    def read_only_reason(self) -> str | None:
        """Why nothing can be written; None if it can."""

    def close(self) -> None: ...


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.created_ms, entry.id), reverse=True)
