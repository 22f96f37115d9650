"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

READABLE = 0o666
"""By whom the user's own mask says."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path``: what is there when the block ends takes the place of ``path``. A block that
    raises leaves nothing behind."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_new(path: Path, data: bytes, *, mode: int = READABLE, synced: bool = True) -> None:
    """Writes a file that is not there yet; ``synced``: and waits until it is on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    with open(handle, "wb") as file:
        file.write(data)
        if synced:
            file.flush()
            os.fsync(file.fileno())


def write_atomically(
    path: str | os.PathLike[str], data: bytes, *, mode: int = READABLE, synced: bool = True
) -> None:
    """Replaces the file at ``path`` by ``data``, or leaves it as it was and raises ``OSError``."""
    target = Path(path)
    try:
        with replacing(target) as temporary:
            write_new(temporary, data, mode=mode, synced=synced)
    except OSError as error:  # it may name a temporary file, or none
        raise OSError(error.errno, error.strerror, os.fspath(target)) from error
