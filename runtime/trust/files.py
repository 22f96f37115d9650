"""Atomic files: a reader sees the old content or the new, never a part of one."""

from __future__ import annotations

import os
from pathlib import Path

from rtfsc.files import write_atomically, write_new

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def write_atomic(path: Path, data: bytes, *, mode: int = PRIVATE_FILE, replace: bool = True) -> None:
    """Writes ``data`` to ``path`` by a temporary file beside it, fsync and rename.

    ``replace=False`` raises ``FileExistsError`` where the file exists.  Raises ``OSError``; then nothing
    of the new content is left behind.
    """
    if replace:
        write_atomically(path, data, mode=mode)
    else:
        _write_first(path, data, mode)
    sync_folder(path.parent)


def _write_first(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        write_new(temporary, data, mode=mode)
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes renames and new files in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_folder(folder: Path) -> Path:
    """Makes the folder, readable by its owner only, if it is not there yet."""
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder
