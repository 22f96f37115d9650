"""Blobs in a folder: ``kind/ab/cdef…``, and ``tmp`` for what is being written."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from rtfsc.files import write_new
from runtime.store.errors import MissingBlob, StoreError, TooLarge, from_os_error
from runtime.trust.files import PRIVATE_FILE, sync_folder

_FILE_MODE = 0o666  # less the umask: a store is as private as its user's other files
_ABANDONED_AFTER_S = 3600
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FolderBackend:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._temporary = folder / "tmp"

    def read(self, name: str, limit: int) -> bytes:
        path = self.folder / name
        try:
            # Neither a link nor a pipe that somebody put there is followed.
            with open(os.open(path, _OPEN), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise StoreError(f"{path}: not a regular file")
                if status.st_size > limit:
                    raise TooLarge(f"{path}: {status.st_size} bytes, the limit is {limit}")
                return file.read(limit)
        except FileNotFoundError:
            raise MissingBlob(f"{path}: the blob is missing") from None
        except OSError as error:
            raise StoreError(f"{path}: cannot read: {error.strerror}") from error

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        if self._holds(path, data):
            return
        try:
            self._make_folder(path.parent)
            self._make_folder(self._temporary)
            self._replace(path, data)
        except OSError as error:
            raise from_os_error(error, path, "write") from error

    def holds(self, name: str) -> bool:
        try:
            return stat.S_ISREG((self.folder / name).lstat().st_mode)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise from_os_error(error, self.folder / name, "read") from error

    def delete(self, name: str) -> None:
        path = self.folder / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise from_os_error(error, path, "delete") from error

    def names(self, kind: str) -> Iterator[tuple[str, int]]:
        root = self.folder / kind
        for path in sorted(root.glob("[0-9a-f][0-9a-f]/*")):
            try:
                found = path.lstat()
            except FileNotFoundError:  # another process deletes
                continue
            except OSError as error:
                raise from_os_error(error, path, "read") from error
            if stat.S_ISREG(found.st_mode):
                yield path.relative_to(self.folder).as_posix(), found.st_size

    def probe(self) -> str | None:
        folder = self.folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        path = folder / f".probe.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            write_new(path, b"probe", mode=PRIVATE_FILE)
            path.unlink()
        except OSError as error:
            path.unlink(missing_ok=True)
            return from_os_error(error, folder, "write").message
        return None

    def sweep(self) -> int:
        swept = 0
        for path in self._temporary.glob("*"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                    path.unlink()
                    swept += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                raise from_os_error(error, path, "delete") from error
        return swept

    def _holds(self, path: Path, data: bytes) -> bool:
        """Whether the blob is there and whole; a damaged one is written anew."""
        try:
            return path.stat().st_size == len(data) and not path.is_symlink() and path.read_bytes() == data
        except OSError:
            return False

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = self._temporary / f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            write_new(temporary, data, mode=_FILE_MODE)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
