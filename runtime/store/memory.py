"""A store that lives as long as its process: for tests and for use without a disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from runtime.store import vectors
from runtime.store.errors import MissingBlob, NotStored, TooLarge
from runtime.store.index import Entry, Hit, Key, Meaning, Near, NewEntry, Status, Uses, newest_first


class MemoryBackend:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def read(self, name: str, limit: int) -> bytes:
        data = self._blobs.get(name)
        if data is None:
            raise MissingBlob(f"{name}: the blob is missing")
        if len(data) > limit:
            raise TooLarge(f"{name}: {len(data)} bytes, the limit is {limit}")
        return data

    def write(self, name: str, data: bytes) -> None:
        self._blobs[name] = bytes(data)

    def holds(self, name: str) -> bool:
        return name in self._blobs

    def delete(self, name: str) -> None:
        self._blobs.pop(name, None)

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        for name, data in sorted(self._blobs.items()):
            if name.startswith(f"{kind}/"):
                yield name, len(data)

    def probe(self) -> str | None:
        return None

    def sweep(self) -> int:
        return 0


class MemoryIndex:
    """Entries in a dict, searched from end to end."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._lock = threading.RLock()
        self._last_id = 0
        self._last_serial: dict[str, int] = {}
        self._current: dict[str, int] = {}  # serial by name
        self._meanings: dict[tuple[int, str, str], Meaning] = {}  # by entry, export and embedder
        self._log: list[bytes] = []
        self._hits: list[Hit] = []

    # -- entries

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        found = [e for e in self._all() if e.status == "Verified" and key in e.description.keys(by)]
        return newest_first(found)[:limit]

    def at_action(self, action_key: str) -> Entry | None:
        return next((e for e in self._all() if e.description.action_key == action_key), None)

    def get(self, entry_id: int) -> Entry | None:
        return self._entries.get(entry_id)

    def all(self) -> list[Entry]:
        return newest_first(self._all())

    def starting(self, prefix: str) -> list[Entry]:
        return newest_first(e for e in self._all() if e.digest.startswith(prefix))

    def add(
        self, new: NewEntry, replacing: Entry | None = None, leaf: bytes | None = None
    ) -> tuple[Entry, bool]:
        with self._lock:
            present = self.at_action(new.description.action_key)
            if present is not None:
                if replacing is None or present.signature != replacing.signature:
                    return present, False
                self.remove(present.id)
            entry = self._numbered(new, present)
            self._entries[entry.id] = entry
            if leaf is not None:
                self._log.append(leaf)
            return entry, True

    def _numbered(self, new: NewEntry, replaced: Entry | None) -> Entry:
        name = new.description.name
        if replaced is None:
            self._last_id += 1
        entry_id = replaced.id if replaced else self._last_id
        pinned = replaced is not None and replaced.pinned
        if replaced is not None and replaced.name == name:
            return new.entry(entry_id, replaced.serial, pinned)
        self._last_serial[name] = self._last_serial.get(name, 0) + 1
        return new.entry(entry_id, self._last_serial[name], pinned)

    def set_status(self, entry_id: int, status: Status, reason: str, *, signature: str | None = None) -> None:
        with self._lock:
            entry = self.get(entry_id)
            if entry is not None and signature in (None, entry.signature):
                self._change(entry_id, status=status, status_reason=reason)

    def set_manifest(self, entry_id: int, old: str, new: str, leaf: bytes | None = None) -> bool:
        with self._lock:
            entry = self.get(entry_id)
            if entry is None or entry.signature != old:
                return False
            self._change(entry_id, signature=new)
            if leaf is not None:
                self._log.append(leaf)
            return True

    def remove(self, entry_id: int) -> None:
        with self._lock:
            self._entries.pop(entry_id, None)
            self._meanings = {key: m for key, m in self._meanings.items() if key[0] != entry_id}

    def touch(self, uses: Mapping[int, Uses]) -> None:
        with self._lock:
            for entry_id, use in uses.items():
                entry = self._entries.get(entry_id)
                if entry is not None:
                    self._change(entry_id, use_count=entry.use_count + use.times, last_used_ms=use.last_ms)

    def _all(self) -> list[Entry]:
        return list(self._entries.values())

    def _change(self, entry_id: int, **fields: object) -> None:
        with self._lock:
            entry = self._entries.get(entry_id)
            if entry is not None:
                self._entries[entry_id] = entry._replace(**fields)  # type: ignore[arg-type]

    # -- versions

    def history(self, name: str, limit: int | None = None) -> list[Entry]:
        return sorted((e for e in self._all() if e.name == name), key=lambda e: -e.serial)[:limit]

    def current(self, name: str) -> Entry | None:
        chosen = self._current.get(name)
        verified = (e for e in self.history(name) if e.status == "Verified")
        return next((e for e in verified if chosen in (None, e.serial)), None)

    def set_current(self, name: str, entry_id: int | None) -> None:
        with self._lock:
            if entry_id is None:
                self._current.pop(name, None)
                return
            entry = self.get(entry_id)
            if entry is None or entry.name != name:
                raise NotStored(f"{name} has no entry {entry_id}")
            self._current[name] = entry.serial

    def pin(self, entry_id: int, pinned: bool) -> None:
        self._change(entry_id, pinned=pinned)

    # -- meanings

    def add_meanings(self, entry_id: int, meanings: Sequence[Meaning]) -> None:
        for meaning in meanings:
            vectors.floats(meaning.vector)
        with self._lock:
            if entry_id in self._entries:
                self._meanings |= {(entry_id, m.export, m.embedder): m for m in meanings}

    def meanings(self, interface_hash: str, embedder: str) -> list[tuple[int, Meaning]]:
        with self._lock:
            verified = {e.id for e in self._all() if e.status == "Verified"}
            group = (interface_hash, embedder)
            return [
                (key[0], m)
                for key, m in sorted(self._meanings.items())
                if key[0] in verified and (m.interface_hash, m.embedder) == group
            ]

    def nearest(self, interface_hash: str, embedder: str, vector: bytes, limit: int) -> list[Near]:
        return vectors.nearest(self.meanings(interface_hash, embedder), vector, limit)

    def prepare_groups(self, minimum: int = 0) -> list[tuple[str, str, int]]:
        return []  # searched exactly, however large

    # -- ledger

    def append_log(self, leaf: bytes) -> int:
        with self._lock:
            self._log.append(bytes(leaf))
            return len(self._log) - 1

    def log(self, start: int, stop: int) -> list[bytes]:
        return self._log[max(start, 0) : max(stop, 0)]

    def log_size(self) -> int:
        return len(self._log)

    def record_hits(self, hits: Sequence[Hit]) -> None:
        with self._lock:
            self._hits += hits

    def hits(self, limit: int, since_ms: int = 0) -> list[Hit]:
        return [hit for hit in reversed(self._hits) if hit.time_ms >= since_ms][:limit]

    def read_only_reason(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is held."""


__all__ = ["MemoryBackend", "MemoryIndex"]
