"""Write-behind: what may be written later is written by a thread of its own, in order."""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakSet

_MOST_WAITING = 10_000
_PATIENCE_S = 10.0
"""With a store, where nobody says how long."""


class WriterStats(NamedTuple):
    """``dropped``: refused because too much waited; ``failed``: what the store would not take."""

    written: int
    failed: int
    dropped: int
    waiting: int


class Writer:
    """Runs writes one after the other. Its thread starts with the first write, also after a fork, and ends
    with `close`; a full queue drops what comes, so that a slow store never slows a caller. What waits when
    the interpreter ends is still written, as far as two seconds do."""

    def __init__(self, capacity: int = _MOST_WAITING) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._start_afresh()
        self._written = self._failed = self._dropped = 0

    def _start_afresh(self) -> None:
        # What is to be written, who waits for all before, and None for the end.
        self._queue: queue.Queue[Callable[[], None] | threading.Event | None] = queue.Queue(self._capacity)
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()

    def submit(self, write: Callable[[], None]) -> bool:
        """Whether it was taken."""
        with self._lock:
            if self._owner != os.getpid():
                self._start_afresh()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rtfsc-writer", daemon=True)
                self._thread.start()
                _unfinished.add(self)
            try:
                self._queue.put_nowait(write)
            except queue.Full:
                self._dropped += 1
                return False
            return True

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all that was taken is written; whether it was in time (by default ten seconds)."""
        if not self._alive():
            return True
        timeout = _PATIENCE_S if timeout is None else timeout
        done = threading.Event()
        try:
            self._queue.put(done, timeout=timeout)
        except queue.Full:
            return False
        return done.wait(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Writes what waits, then ends the thread. A later write starts it again."""
        with self._lock:
            thread, self._thread = self._thread, None
        _unfinished.discard(self)
        if thread is not None and self._owner == os.getpid():
            self._queue.put(None)
            thread.join(_PATIENCE_S if timeout is None else timeout)

    def stats(self) -> WriterStats:
        return WriterStats(self._written, self._failed, self._dropped, self._queue.qsize())

    def _alive(self) -> bool:
        return self._thread is not None and self._owner == os.getpid()

    def _run(self) -> None:
        waiting = self._queue
        while (write := waiting.get()) is not None:
            if isinstance(write, threading.Event):
                write.set()
                continue
            try:
                write()
                self._written += 1
            except Exception:  # whatever a store raises: the caller is long gone
                self._failed += 1


_LAST_S = 2.0
_unfinished: WeakSet[Writer] = WeakSet()


@atexit.register
def _finish() -> None:
    end = time.monotonic() + _LAST_S
    for writer in list(_unfinished):
        writer.flush(max(end - time.monotonic(), 0.01))
