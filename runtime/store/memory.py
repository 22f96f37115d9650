"""A store that lives as long as its process: for tests and for use without a disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

from runtime.store.errors import MissingBlob, TooLarge
from runtime.store.index import Entry, Key, NewEntry, Status, Uses, newest_first


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

    def delete(self, name: str) -> None:
        self._blobs.pop(name, None)

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        for name in sorted(self._blobs):
            if name.startswith(f"{kind}/"):
                yield name, len(self._blobs[name])

    def probe(self) -> str | None:
        return None

    def sweep(self) -> int:
        return 0


class MemoryIndex:
    """Entries in a dict, searched from end to end."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()
        self._next_id = 1

    def find(self, by: Key, key: str, *, limit: int = 100) -> list[Entry]:
        found = [
            e for e in self._entries.values() if e.status == "Verified" and key in e.description.keys(by)
        ]
        return newest_first(found)[:limit]

    def at_action(self, action_key: str) -> Entry | None:
        found = (e for e in self._entries.values() if e.description.action_key == action_key)
        return next(found, None)

    def get(self, entry_id: int) -> Entry | None:
        return self._entries.get(entry_id)

    def all(self) -> list[Entry]:
        return newest_first(self._entries.values())

    def add(self, new: NewEntry, replacing: Entry | None = None) -> tuple[Entry, bool]:
        with self._lock:
            current = self.at_action(new.description.action_key)
            if current is not None and (replacing is None or current.signature != replacing.signature):
                return current, False
            entry_id = current.id if current else self._next_id
            self._next_id += current is None
            self._entries[entry_id] = new.entry(entry_id)
            return self._entries[entry_id], True

    def set_status(self, entry_id: int, status: Status, reason: str) -> None:
        with self._lock:
            self._entries[entry_id] = self._entries[entry_id]._replace(status=status, status_reason=reason)

    def remove(self, entry_id: int) -> None:
        with self._lock:
            self._entries.pop(entry_id, None)

    def touch(self, uses: Mapping[int, Uses]) -> None:
        with self._lock:
            for entry_id, use in uses.items():
                entry = self._entries.get(entry_id)
                if entry is not None:
                    count = entry.use_count + use.times
                    self._entries[entry_id] = entry._replace(use_count=count, last_used_ms=use.last_ms)

    def read_only_reason(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is held."""


__all__ = ["MemoryBackend", "MemoryIndex"]
