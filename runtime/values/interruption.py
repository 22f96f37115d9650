"""Stopping a program that runs in another thread.

Both engines look here every few milliseconds. What waits in a capability is stopped when that has answered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_wanted: dict[int, BaseException] = {}
"""By thread: what is to be raised in its program."""


class Stoppable:
    """A thread while it runs programs for somebody who may lose interest."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._open = True

    def stop(self, error: BaseException) -> bool:
        """Raises the error in the program that runs there, as soon as can be; from any thread. False where
        it is too late."""
        with _lock:
            if self._open:
                _wanted[self._thread] = error
            return self._open

    def close(self) -> None:
        with _lock:
            self._open = False
            _wanted.pop(self._thread, None)


@contextmanager
def stoppable() -> Iterator[Stoppable]:
    """While the block runs, the programs of this thread can be stopped."""
    found = Stoppable()
    try:
        yield found
    finally:
        found.close()


def check() -> None:
    """Raises what was asked for in this thread."""
    if _wanted:
        error = _wanted.get(threading.get_ident())
        if error is not None:
            raise error
