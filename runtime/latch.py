"""What a signal handler may set, and others wait for."""

from __future__ import annotations

from queue import Empty, SimpleQueue


class Latch:
    """Set once and for all. Unlike a `threading.Event` it may be set by the handler of a signal: that event
    may be locked by the very code that the handler interrupts, and would wait for itself."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        self._queue.put(None)

    def is_set(self) -> bool:
        return not self._queue.empty()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set; ``timeout`` in seconds, None: until it is."""
        try:
            self._queue.get(timeout=timeout)
        except Empty:
            return False
        self._queue.put(None)
        return True
