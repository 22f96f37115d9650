"""Folders of servers, which go with them: at the latest when the next one of that kind starts."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}
"""Who holds the lock of a folder lives; the system lets go of it with the process."""
_OWNER = "owner"


def new_folder(name: str) -> Path:
    """For this process alone; those that killed ones left behind are removed."""
    for folder in Path(tempfile.gettempdir()).glob(f"rtfsc-{name}-*"):
        _remove_abandoned(folder)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"rtfsc-{name}-"))
        lock = (folder / _OWNER).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            _held[folder] = lock
            return folder
        lock.close()  # taken for abandoned before it was locked


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock = _held.pop(folder, None)
    if lock is not None:
        lock.close()


def _remove_abandoned(folder: Path) -> None:
    with suppress(OSError), (folder / _OWNER).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
