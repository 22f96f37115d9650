"""The index: under which keys a module is found, and in what state it is.

Nothing here is believed either: what a hit relies on is compared with the signed statement
(`Description.of`) before the module runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class NewEntry(NamedTuple):
    """``signature``: digest of the manifest; ``signer``: id of the key; times are milliseconds since
    1970; ``source_pointer`` is None where the source is not kept."""

    description: Description
    source_pointer: str | None
    signature: str
    signer: str
    created_ms: int

    def entry(self, entry_id: int) -> Entry:
        return Entry(
            entry_id, self.description, self.source_pointer, self.signature, self.signer, self.created_ms
        )


class Entry(NamedTuple):
    """A row of ``rtfs_modules`` with its exports."""

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


class IndexBackend(Protocol):
    """Where entries are kept.  Reading an index that does not exist finds nothing and makes nothing.
    All methods raise `StoreError`; those that write also `ReadOnlyStore`, `StoreFull`, `StoreBusy`."""

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        """Verified entries, newest first."""

    def at_action(self, action_key: str) -> Entry | None:
        """The one entry of an action, whatever its status."""

    def get(self, entry_id: int) -> Entry | None: ...

    def all(self) -> list[Entry]:
        """Every entry, newest first."""

    def add(self, new: NewEntry, replacing: Entry | None = None) -> tuple[Entry, bool]:
        """Adds an entry, all at once, and returns the one that the action now has, and whether it is
        the new one: of several writers of one action the first wins and the others get its entry.
        ``replacing`` is the entry that the caller found unusable; it gives way if it is still the same."""

    def set_status(self, entry_id: int, status: Status, reason: str) -> None: ...

    def remove(self, entry_id: int) -> None: ...

    def touch(self, uses: Mapping[int, Uses]) -> None:
        """Adds to the usage counters."""

    def read_only_reason(self) -> str | None:
        """Why nothing can be written; None if it can."""

    def close(self) -> None: ...


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.created_ms, entry.id), reverse=True)
