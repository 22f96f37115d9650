"""Compiled modules in the user's cache folder, so that only what changed is compiled again.

A file is found by the compiler, the module's name and its text; it counts while the modules that it
imports still look the same. Whatever is wrong with a file, or with the folder, is a miss. What is taken
from here is verified after linking (`rtfsc.driver`), and never used for what is signed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rtfsc.fingerprint import compiler_fingerprint
from rtfsc.modules.unit import Unit, Wanted
from rtfsc.source import SourceFile, Span

_DIGEST = 32
_MOST_FILES = 2048


class Kept(NamedTuple):
    """``interfaces``: by imported module, the digest of the interface that the unit was compiled against."""

    unit: Unit
    interfaces: dict[str, str]


def default_folder() -> Path:
    """``$RTFSC_CACHE_DIR/modules``, else ``rtfsc/modules`` under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    own = os.environ.get("RTFSC_CACHE_DIR")
    if own:
        return Path(own) / "modules"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rtfsc" / "modules"


class UnitCache:
    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def _is_private(self) -> bool:
        """Whether nobody else can put files into the folder."""
        found = os.lstat(self.folder)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077

    def get(self, name: str, source: SourceFile) -> Kept | None:
        from rtfsc.ir.errors import IRError
        from rtfsc.ir.serial import loads, read_note

        try:
            if not self._is_private():
                return None
            content = self._path(name, source).read_bytes()
            data = content[_DIGEST:]
            if content[:_DIGEST] != hashlib.sha256(data).digest():
                return None
            imports = json.loads(read_note(data))
            module = loads(data)
            if module.name != name:
                return None
            wanted = tuple(Wanted(entry[0], Span(entry[1], entry[2])) for entry in imports)
            return Kept(Unit(name, source, module, wanted), {entry[0]: entry[3] for entry in imports})
        except (OSError, RuntimeError, IRError, ValueError, LookupError, TypeError):
            return None

    def put(self, unit: Unit, interfaces: dict[str, str]) -> None:
        """Keeps a unit; one with warnings is not kept, so that they are given again."""
        from rtfsc.files import write_atomically
        from rtfsc.ir.serial import dumps

        if unit.warnings:
            return
        note: list[list[Any]] = [[w.name, *w.span, interfaces.get(w.name, "")] for w in unit.imports]
        data = dumps(unit.module, json.dumps(note))
        with suppress(OSError, RuntimeError):  # no home, no room, no right: nothing is kept
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._is_private():
                return
            self._prune()
            write_atomically(self._path(unit.name, unit.source), hashlib.sha256(data).digest() + data)

    def drop(self, unit: Unit) -> None:
        with suppress(OSError):
            self._path(unit.name, unit.source).unlink()

    def _prune(self) -> None:
        """Keeps the newer half once there are too many files."""
        files = list(os.scandir(self.folder))
        if len(files) > _MOST_FILES:
            files.sort(key=lambda file: file.stat(follow_symlinks=False).st_mtime_ns)
            for file in files[: len(files) - _MOST_FILES // 2]:
                os.unlink(file.path)

    def _path(self, name: str, source: SourceFile) -> Path:
        key = f"{compiler_fingerprint()}\0{name}\0{source.text}".encode()
        return self.folder / hashlib.sha256(key).hexdigest()
