"""One process at a time works on a task: those that come meanwhile wait, and then find what it made."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.trust.files import private_folder


@contextmanager
def turn(folder: Path, key: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the task for the length of the block, against other processes and other threads. ``waiting`` is
    called if somebody else has it. A lock dies with its process. Where nothing can be written there is none:
    then two may do the same work."""
    try:
        private_folder(folder)
        handle = os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        _take(handle, waiting)
        yield
    finally:
        os.close(handle)


def _take(handle: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)
