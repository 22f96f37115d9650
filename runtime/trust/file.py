"""A trust store on disk: one JSON file, read strictly, written atomically."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.trust.errors import TrustStoreError
from runtime.trust.files import private_folder, write_atomic
from runtime.trust.store import FILE_LIMIT, TrustStore, parse


class TrustFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> TrustStore:
        """An absent file is the empty trust store.  One that others can write is refused."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise TrustStoreError(
                        f"{self.path}: others can write this file", hint=f"chmod 600 {self.path}"
                    )
                return parse(file.read(FILE_LIMIT + 1), str(self.path))
        except FileNotFoundError:
            return TrustStore()
        except OSError as error:
            raise TrustStoreError(f"{self.path}: {error.strerror}") from error

    def change(self, step: Callable[[TrustStore], TrustStore]) -> TrustStore:
        """Loads, applies ``step``, writes; two processes at once lose nothing."""
        try:
            private_folder(self.path.parent)
            with _locked(self.path.with_name(f".{self.path.name}.lock")):
                trust = step(self.load())
                write_atomic(self.path, trust.encode())
                return trust
        except OSError as error:
            raise TrustStoreError(f"{self.path}: cannot write the trust store: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
