"""What a store notes about its use: counters and the governance log, written in groups."""

from __future__ import annotations

import threading

from runtime.store.errors import StoreError
from runtime.store.index import Hit, IndexBackend, Uses

_ENTRIES = 256
_LINES = 256
_MOST_LINES = 10_000


class Notes:
    """Safe to use from several threads.  Nothing here is worth an error: counters that cannot be written are
    dropped, lines of the log are kept for a while where the index may be back soon."""

    def __init__(self, index: IndexBackend) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._uses: dict[int, Uses] = {}
        self._hits: list[Hit] = []

    def used(self, entry_id: int, time_ms: int) -> None:
        with self._lock:
            known = self._uses.get(entry_id)
            self._uses[entry_id] = Uses(known.times + 1 if known else 1, time_ms)
            full = len(self._uses) >= _ENTRIES
        if full:
            self.flush()

    def hit(self, hit: Hit) -> None:
        with self._lock:
            self._hits.append(hit)
            full = len(self._hits) % _LINES == 0
        if full:
            self.flush()

    def flush(self) -> None:
        """Writes all that was noted."""
        with self._lock:
            uses, lines = dict(self._uses), list(self._hits)
            self._uses.clear()
            self._hits.clear()
        try:
            if lines:
                self._index.record_hits(lines)
        except StoreError as error:
            if error.passing:
                with self._lock:
                    self._hits[:0] = lines[-_MOST_LINES:]
            return
        try:
            if uses:
                self._index.touch(uses)
        except StoreError:
            return
