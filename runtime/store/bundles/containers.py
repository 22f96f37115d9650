"""Where the files of an image layout lie: a folder, a zip file, or a tar file.

Nothing is ever unpacked onto disk: a container hands out single files by names of our own making, within
limits.  So no name in it, no link and no size that it claims leads anywhere.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol

from rtfsc.files import replacing, write_atomically
from runtime.store.bundles.errors import BadBundle
from runtime.store.errors import from_os_error

_NAME = re.compile(r"oci-layout|index\.json|blobs/sha256/[0-9a-f]{64}")
_FOLDERS = frozenset({"blobs", "blobs/sha256"})
MOST_FILES = 500_000
MOST_BYTES = 8 << 30
_LEAST_RATIO_BYTES = 1 << 20
_MOST_RATIO = 200


class Container(Protocol):
    def read(self, name: str, limit: int) -> bytes:
        """Raises `BadBundle` if it is not there or has more than ``limit`` bytes."""


class Sink(Protocol):
    def write(self, name: str, data: bytes) -> None: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str, limit: int) -> bytes:
        where = self._path
        for part in Path(name).parts[:-1]:
            where = where / part
            if where.is_symlink():
                raise BadBundle(f"{where} is a link")
        try:
            # Never through a link, and never waiting for a pipe.
            descriptor = os.open(self._path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise BadBundle(f"{self._path / name} cannot be read: {error.strerror}") from None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadBundle(f"{self._path / name} is no file")
            return _within(file.read(limit + 1), limit, name)


class _Zip:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        if len(archive.infolist()) > MOST_FILES:
            raise BadBundle(f"{path}: more than {MOST_FILES} files")
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if not _belongs(member.orig_filename, member.is_dir(), kind in (0, stat.S_IFREG, stat.S_IFDIR)):
                continue
            if member.orig_filename in self._members:
                raise BadBundle(f"{path}: {member.orig_filename} is there twice")
            if member.flag_bits & 1:
                raise BadBundle(f"{path}: {member.orig_filename} is encrypted")
            if member.file_size > max(_LEAST_RATIO_BYTES, _MOST_RATIO * member.compress_size):
                raise BadBundle(f"{path}: {member.orig_filename} unpacks to {member.file_size} bytes")
            total += member.file_size
            self._members[member.orig_filename] = member
        if total > MOST_BYTES:
            raise BadBundle(f"{path}: unpacks to more than {MOST_BYTES} bytes")

    def read(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise BadBundle(f"{name} is missing")
        with _refusing(name), self._archive.open(member) as file:
            return _within(file.read(limit + 1), limit, name)


class _Tar:
    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(archive):
            name = member.name.removeprefix("./")
            if count >= MOST_FILES:
                raise BadBundle(f"{path}: more than {MOST_FILES} files")
            if not _belongs(name, member.isdir(), member.isreg() or member.isdir()):
                continue
            if name in self._members:
                raise BadBundle(f"{path}: {name} is there twice")
            self._members[name] = member

    def read(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        with _refusing(name):
            file = self._archive.extractfile(member) if member is not None else None
            if file is None:
                raise BadBundle(f"{name} is missing")
            return _within(file.read(limit + 1), limit, name)


def _belongs(name: str, folder: bool, regular: bool) -> bool:
    """False for what may be passed over. Raises `BadBundle` for what no bundle contains."""
    shown = name if len(name) < 200 else name[:200] + "…"
    if not regular:
        raise BadBundle(f"{shown!r} is a link or a device")
    if folder and (name.rstrip("/") in _FOLDERS or name in ("", ".")):
        return False
    if folder or not _NAME.fullmatch(name):
        raise BadBundle(f"{shown!r} has no place in a bundle")
    return True


def _within(data: bytes, limit: int, name: str) -> bytes:
    if len(data) > limit:
        raise BadBundle(f"{name}: more than {limit} bytes")
    return data


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """For what reads bytes that an attacker may have written: the readers of zip and tar files and their
    decompressors fail in more ways than their own errors."""
    try:
        yield
    except (BadBundle, MemoryError):
        raise
    except Exception as error:
        raise BadBundle(f"{what}: {error or type(error).__name__}") from None


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """A folder, or a zip or tar file, whatever its name. Raises `BadBundle`."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise BadBundle(f"{path} cannot be read: {error.strerror or error}") from None
    with file, ExitStack() as archives:
        with _refusing(f"{path} is neither a folder nor a zip or tar file that can be read"):
            start = file.read(4)
            file.seek(0)
            container: Container
            if start[:2] == b"PK":
                container = _Zip(path, archives.enter_context(zipfile.ZipFile(file)))
            else:
                container = _Tar(path, archives.enter_context(tarfile.open(fileobj=file, mode="r:")))
        yield container


class _FolderSink:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, data: bytes) -> None:
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("blobs/") and target.exists() and target.read_bytes() == data:
            return
        write_atomically(target, data, synced=False)


class _ZipSink:
    def __init__(self, file: IO[bytes]) -> None:
        self.archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def write(self, name: str, data: bytes) -> None:
        # No times and no owners: the same modules give the same file.
        member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
        member.create_system = 3
        self.archive.writestr(member, data)


class _TarSink:
    def __init__(self, file: IO[bytes]) -> None:
        self.archive = tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def write(self, name: str, data: bytes) -> None:
        import io

        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        self.archive.addfile(member, io.BytesIO(data))


@contextmanager
def created(path: Path) -> Iterator[Sink]:
    """``x.zip`` and ``x.tar`` are files, all else is a folder. A file is there whole or not at all."""
    try:
        if path.suffix not in (".zip", ".tar"):
            path.mkdir(parents=True, exist_ok=True)
            yield _FolderSink(path)
            return
        with replacing(path) as temporary, open(temporary, "wb") as file:
            sink = _ZipSink(file) if path.suffix == ".zip" else _TarSink(file)
            with sink.archive:
                yield sink
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise from_os_error(error, path, "write the bundle") from error
