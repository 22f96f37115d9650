"""Ctrl-C while the main thread is inside wasmtime-py, where Python's own handler cannot run.

The C handler of the signal writes its number to a socket; a thread that waits there moves the epoch of the
engine, which ends the call, and Python then raises KeyboardInterrupt. The thread starts with the first call.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_watchers: dict[int, _Watcher] = {}


class _Watcher:
    """``former``: who was told of signals before."""

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._former = -1
        self._lock = threading.Lock()
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        threading.Thread(target=self._watch, name="rtfsc-signals", daemon=True).start()

    def begin(self, stop: Callable[[], None]) -> None:
        """``stop``: ends the call that begins."""
        with self._lock:
            self._stop = stop
            self._former = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def end(self) -> None:
        """What came during the call and was not read yet must not end the next one."""
        with self._lock:
            self._stop = None
            signal.set_wakeup_fd(self._former)
            self._read()

    def _watch(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._reader, selectors.EVENT_READ)
            while True:
                waiting.select()
                with self._lock:
                    self._read()

    def _read(self) -> None:
        data = b""
        with suppress(BlockingIOError):  # the other thread was first
            data = self._reader.recv(4096)
        if self._former >= 0 and data:  # an event loop, say, which counts on being told
            with suppress(OSError):
                os.write(self._former, data)
        if self._stop is not None and signal.SIGINT in data:
            self._stop()


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
    try:
        watcher.begin(stop)
        yield
    finally:
        watcher.end()
