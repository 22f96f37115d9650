"""Files under one granted folder."""

from __future__ import annotations

from pathlib import Path

from runtime.host.capability import host_error
from runtime.values.atoms import Keyword


class Files:
    """``root``: what lies outside is refused, wherever links lead; None or ``*``: no bound."""

    def __init__(self, root: str | None) -> None:
        self._root = None if root in (None, "*") else Path(str(root)).resolve()

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder of this path."""
        return self._at(path).exists()

    def read(self, path: str) -> str:
        """The text of a file in UTF-8."""
        try:
            return self._at(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise host_error("IoError", f"IO error: {path} is no UTF-8 text: {error.reason}") from None

    def lines(self, path: str) -> list[str]:
        """The lines of a file in UTF-8, without their ends."""
        return self.read(path).splitlines()

    def write(self, path: str, text: str) -> None:
        """Writes a file in UTF-8, in place of what was there."""
        self._at(path).write_text(text, encoding="utf-8")

    def _at(self, path: str) -> Path:
        if "\0" in path:
            raise host_error("InvalidArgument", "Invalid argument: a path with a zero character")
        if self._root is None:
            return Path(path)
        found = (self._root / path).resolve()
        if not found.is_relative_to(self._root):
            data = {Keyword("operation"): path, Keyword("capability"): "ccos.io",
                    Keyword("context"): "granted folder"}  # fmt: skip
            message = f"Security violation: {path} on ccos.io in granted folder"
            raise host_error("SecurityViolation", message, data)
        return found
