"""Copies of remote blobs on this machine, in a folder that holds so many bytes and no more.

A copy is worth nothing by itself: whoever reads it hashes it again, and one that does not fit its address
is dropped and fetched anew. So nothing is synced, and whatever goes wrong here is a miss.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rtfsc.files import write_atomically

DEFAULT_BYTES = 1 << 30
_ROOM = 0.9  # what is left of the bound after making room
_RECOUNT = 16  # other processes' copies are counted again after this part of the bound
_USED_AGAIN_S = 60.0  # a copy's time of use is this exact
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class _Copy(NamedTuple):
    used_ns: int
    size: int
    path: str


class BlobCache:
    """``most``: bytes; those least recently used go first. Of several processes each keeps to the bound by
    what it sees, so that together they may exceed it by a sixteenth each."""

    def __init__(self, folder: Path, most: int = DEFAULT_BYTES) -> None:
        self.folder = folder
        self.most = most
        self._lock = threading.Lock()
        self._held: int | None = None
        self._added = 0

    def get(self, name: str, limit: int) -> bytes | None:
        """None if there is no copy of at most ``limit`` bytes."""
        path = self.folder / name
        try:
            with open(os.open(path, _OPEN), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
                    return None
                data = file.read(limit + 1)
        except OSError:
            return None
        self._used(path, found)
        return data

    def put(self, name: str, data: bytes) -> None:
        if len(data) > self.most:
            return
        path = self.folder / name
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(len(data))
            write_atomically(path, data, synced=False)

    def drop(self, name: str) -> None:
        _remove(self.folder / name)

    def size(self) -> int:
        """Bytes of all copies."""
        return sum(copy.size for copy in self._copies())

    def _used(self, path: Path, found: os.stat_result) -> None:
        with suppress(OSError):
            # A write per read would cost more than the read.
            if abs(found.st_mtime - time.time()) > _USED_AGAIN_S:
                os.utime(path)

    def _make_room(self, size: int) -> None:
        with self._lock:
            if self._held is None or self._added > self.most // _RECOUNT or self._held + size > self.most:
                self._held, self._added = self._recount(size), 0
            self._held += size
            self._added += size

    def _recount(self, size: int) -> int:
        copies = self._copies()
        held = sum(copy.size for copy in copies)
        if held + size <= self.most:
            return held
        for copy in sorted(copies):
            if held + size <= self.most * _ROOM or held == 0:
                break
            _remove(Path(copy.path))
            held -= copy.size
        return held

    def _copies(self) -> list[_Copy]:
        """Those of crashed writers too."""
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):
                    status = os.lstat(path := os.path.join(folder, name))
                    found.append(_Copy(status.st_mtime_ns, status.st_size, path))
        return found


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """``$RTFSC_CACHE_DIR/blobs``, else ``rtfsc/blobs`` under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    own = environ.get("RTFSC_CACHE_DIR")
    if own:
        return Path(own).absolute() / "blobs"
    base = environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "rtfsc" / "blobs"


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
