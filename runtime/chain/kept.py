"""What was kept of inputs, outputs and programs, each under its digest, beside the chain.

The chain itself has digests only: what is kept may be thrown away, and the chain stays whole. Every read
hashes again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from rtfsc.files import write_atomically
from runtime.chain.errors import Unrecorded
from runtime.store.errors import from_os_error
from runtime.trust.files import PRIVATE_FILE, private_folder

FOLDER = "blobs"
_MOST = 64 << 20


class Kept:
    def __init__(self, folder: Path) -> None:
        """``folder``: that of the chain."""
        self._folder = folder / FOLDER

    def put(self, data: bytes) -> str:
        """Keeps the content, whole or not at all; returns its digest. Raises `StoreError`."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        try:
            private_folder(path.parent)
            write_atomically(path, data, mode=PRIVATE_FILE, synced=False)
        except OSError as error:
            raise from_os_error(error, path, "write") from error
        return digest

    def get(self, digest: str) -> bytes:
        """Raises `Unrecorded` where it is not there, or not what it was."""
        try:
            with self._path(digest).open("rb") as file:
                data = file.read(_MOST)
        except FileNotFoundError:
            raise Unrecorded(
                f"{digest[:16]} was not kept",
                hint="'rtfsc run --record' keeps what a replay needs, but for values with functions in them",
            ) from None
        except OSError as error:
            raise from_os_error(error, self._path(digest), "read") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise Unrecorded(f"{digest[:16]}: what was kept was changed")
        return data

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]
