"""The file of a model: who it is, and whether it is one."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from runtime.providers.errors import Misconfigured

_MAGIC = b"GGUF"


class ModelFile:
    """``changed`` is called where the content is not that of the last time."""

    def __init__(self, id: str, path: str | os.PathLike[str], changed: Callable[[], None]) -> None:
        self.path = Path(path).expanduser().absolute()
        self._id, self._changed = id, changed
        self._digest: tuple[tuple[int, int], str] | None = None
        self._lock = threading.Lock()

    def digest(self) -> str:
        """Of the content: sixteen hexadecimal digits; read again when size or time of the file changed.
        Raises `Misconfigured`."""
        with self._lock:
            try:
                status = os.stat(self.path)
                stamp = (status.st_size, status.st_mtime_ns)
                if self._digest is None or self._digest[0] != stamp:
                    self.check()
                    with open(self.path, "rb") as file:
                        self._digest = stamp, hashlib.file_digest(file, "sha256").hexdigest()[:16]
                    self._changed()
            except OSError as error:
                raise Misconfigured(self._id, f"the model cannot be read: {error}") from None
            except ValueError:  # of a NUL in the path
                raise Misconfigured(self._id, f"no path of a model: {str(self.path)!r}") from None
            return self._digest[1]

    def check(self) -> None:
        """Raises OSError, `Misconfigured`."""
        with open(self.path, "rb") as file:
            if file.read(4) != _MAGIC:
                raise Misconfigured(self._id, f"{self.path} is no GGUF file")
