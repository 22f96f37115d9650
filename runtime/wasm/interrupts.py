"""Ctrl-C while the main thread is inside wasmtime-py, where Python's own handler cannot run.

The C handler of the signal writes its number to a socket; a thread that waits there moves the epoch of the
engine, which ends the call, and Python then raises KeyboardInterrupt. The thread starts with the first call.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_watchers: dict[int, _Watcher] = {}


class _Watcher:
    """``stop``: ends the running call; ``former``: who was told of signals before."""

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self.former = -1
        self.reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        threading.Thread(target=self._watch, name="rtfsc-signals", daemon=True).start()

    def _watch(self) -> None:
        while data := self.reader.recv(64):
            stop, former = self.stop, self.former
            if former >= 0:  # an event loop, say, which counts on being told
                with suppress(OSError):
                    os.write(former, data)
            if stop is not None and signal.SIGINT in data:
                stop()


def _watcher() -> _Watcher:
    with _lock:
        pid = os.getpid()  # a child of a fork has no thread
        if pid not in _watchers:
            _watchers.clear()
            _watchers[pid] = _Watcher()
        return _watchers[pid]


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C calls ``stop`` from another thread; where it would not raise, nothing is done."""
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not raises or threading.current_thread() is not threading.main_thread():
        yield
        return
    watcher = _watcher()
    watcher.former = signal.set_wakeup_fd(watcher.writer.fileno(), warn_on_full_buffer=False)
    watcher.stop = stop
    try:
        yield
    finally:
        watcher.stop = None
        signal.set_wakeup_fd(watcher.former)
