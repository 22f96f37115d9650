"""Machine code of modules, kept in a folder of this user alone.

wasmtime runs whatever it is given here, so nothing is taken from a shared place: the folder must
belong to this user and be closed to others, and every file carries its own digest. Any failure is a
miss; a folder that cannot be used disables the cache, and `NativeCache.unusable_reason` says why.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from rtfsc.files import write_atomically

_MAGIC = b"rtfsc-native-1\n"
_DIGEST = 32
_MOST_FILES = 2048
_PRUNE_EVERY = 64


def default_folder() -> Path:
    """``$RTFSC_CACHE_DIR/native``, else ``rtfsc/native`` under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    own = os.environ.get("RTFSC_CACHE_DIR")
    if own:
        return Path(own) / "native"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rtfsc" / "native"


class NativeCache:
    """A folder of precompiled modules. ``setup`` names engine version, configuration and machine, so
    that code of another set-up is never even read."""

    def __init__(self, setup: str, folder: Path | None = None) -> None:
        self._setup = setup.encode()
        self.folder = folder or default_folder()
        self._usable: bool | None = None
        self.why_off: str | None = None
        self._puts = 0

    def unusable_reason(self) -> str | None:
        """Why nothing can be kept; None while the cache works."""
        self._ready()
        return self.why_off

    def get(self, wasm_digest: bytes) -> bytes | None:
        """The machine code for a module with this SHA-256, None if there is none that can be trusted."""
        if not self._ready():
            return None
        path = self._path(wasm_digest)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with open(descriptor, "rb") as file:
            if not _private(os.fstat(file.fileno()), stat.S_ISREG):
                return None
            content = file.read()
        head = len(_MAGIC) + _DIGEST
        body = content[head:]
        if content[:head] != _MAGIC + self._seal(wasm_digest, body):
            self.drop(wasm_digest)
            return None
        return body

    def put(self, wasm_digest: bytes, native: bytes) -> None:
        """Keeps machine code; does nothing where it cannot."""
        if not self._ready():
            return
        if self._puts % _PRUNE_EVERY == 0:
            self._prune()
        self._puts += 1
        path = self._path(wasm_digest)
        sealed = _MAGIC + self._seal(wasm_digest, native) + native
        try:
            write_atomically(path, sealed, mode=0o600, synced=False)
        except OSError as error:
            self.why_off = f"cannot write to {self.folder}: {error.strerror}"

    def drop(self, wasm_digest: bytes) -> None:
        """Forgets one module."""
        _remove(self._path(wasm_digest))

    def _prune(self) -> None:
        """Keeps the newer half once there are too many files."""
        with contextlib.suppress(OSError):
            files = [entry for entry in os.scandir(self.folder) if entry.is_file(follow_symlinks=False)]
            if len(files) > _MOST_FILES:
                files.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
                for entry in files[: len(files) - _MOST_FILES // 2]:
                    _remove(Path(entry.path))

    def _seal(self, wasm_digest: bytes, native: bytes) -> bytes:
        # Over the key as well, so that a file under the name of another module is refused.
        seal = hashlib.sha256(self._setup + b"\0" + wasm_digest)
        seal.update(native)
        return seal.digest()

    def _path(self, wasm_digest: bytes) -> Path:
        return self.folder / hashlib.sha256(self._setup + b"\0" + wasm_digest).hexdigest()

    def _ready(self) -> bool:
        if self._usable is None:
            self.why_off = self._prepare()
            self._usable = self.why_off is None
        return self._usable

    def _prepare(self) -> str | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = os.lstat(self.folder)
        except (OSError, RuntimeError) as error:
            return f"cannot use {self.folder}: {error}"
        if not _private(found, stat.S_ISDIR):
            return f"{self.folder} is not a folder of this user alone (mode 0700)"
        return None


def _private(found: os.stat_result, of_kind: object) -> bool:
    return of_kind(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077  # type: ignore[operator]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
