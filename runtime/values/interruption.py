"""Stopping a program that runs in another thread.

Both engines look here every few milliseconds; what cannot look is woken. What waits in a capability is
stopped when that has answered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_wanted: dict[int, BaseException] = {}
"""By thread: what is to be raised in its program."""
_wakers: dict[int, Callable[[], None]] = {}
"""By thread: ends a call that does not look by itself."""


def _in_child() -> None:
    """Of a fork: a thread that is not there may have held the lock."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class Stoppable:
    """A thread while it runs programs for somebody who may lose interest."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._open = True

    def stop(self, error: BaseException) -> bool:
        """Raises the error in the program that runs there, as soon as can be; from any thread. False where
        it is too late."""
        with _lock:
            wake = None
            if self._open:
                _wanted[self._thread] = error
                wake = _wakers.get(self._thread)
            if wake is not None:
                wake()
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
    """Raises what was asked for in this thread.

    It is a Python function on purpose. Entering one gives Python's lock to a thread that has asked for it,
    and a thread asks when it has waited for a switch interval (5 ms). To release the lock here without being
    asked would keep the others from ever getting it: each release wakes the one that waits, which comes too
    late, and begins to wait anew.
    """
    if _wanted:
        error = _wanted.get(threading.get_ident())
        if error is not None:
            raise error


def was_asked(error: BaseException) -> bool:
    """Whether it is what was asked for in this thread: it says nothing of the program."""
    return bool(_wanted) and _wanted.get(threading.get_ident()) is error


@contextmanager
def waking(wake: Callable[[], None]) -> Iterator[None]:
    """While the block runs ``wake`` is called, from another thread, when it is to stop."""
    thread = threading.get_ident()
    with _lock:
        outer = _wakers.get(thread)
        _wakers[thread] = wake
    try:
        check()
        yield
    finally:
        with _lock:
            if outer is None:
                del _wakers[thread]
            else:
                _wakers[thread] = outer
