"""Source text and places in it.

Every offset in the compiler counts code points from the start of the file; a `Span` is half-open.
Lines and columns are worked out only when something is shown, and both count from 1.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import Final, NamedTuple

MAX_BYTES: Final = 16 << 20
"""Largest source file that is read."""
_MARK: Final = b"\xef\xbb\xbf"
_COMPILED: Final = (b"\0asm", b"\0rtfsi")


class Span(NamedTuple):
    """Code points ``start`` (included) to ``end`` (not included)."""

    start: int
    end: int


def covering(first: Span, last: Span) -> Span:
    """From the first to the last, which may stand in either order in code that a macro made."""
    return Span(min(first[0], last[0]), max(first[1], last[1]))


class SourceFile:
    """A named text. ``name`` is what diagnostics show: a path, or a label such as ``<input>``."""

    __slots__ = ("_line_starts", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._line_starts: list[int] | None = None

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SourceFile:
        """The file at ``path``. Raises `DiagnosticError`: IO001 unreadable, and those of `decode`."""
        name = os.fspath(path)
        try:
            with open(name, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or str(error)
            raise _refusal("IO001", f"The file cannot be read: {reason}", cls(name, "")) from None
        return cls.decode(name, data)

    @classmethod
    def decode(cls, name: str, data: bytes) -> SourceFile:
        """Bytes that must be UTF-8 (a leading byte-order mark is dropped); give one more than `MAX_BYTES`
        to show that there are more. Raises `DiagnosticError`: IO002 too large, IO003 not UTF-8, IO004
        compiled already."""
        if data.startswith(_COMPILED):
            hint = "'rtfsc run' and 'rtfsc inspect' take it; build and publish its source"
            raise _refusal("IO004", "The file is a compiled module, not source", cls(name, ""), hint=hint)
        if len(data) > MAX_BYTES:
            raise _refusal("IO002", f"The file is larger than {MAX_BYTES >> 20} MiB", cls(name, ""))
        try:
            return cls(name, data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise _not_utf8(name, data, error.start) from None

    @property
    def line_count(self) -> int:
        return len(self._starts())

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of a code point, both from 1; offsets past the end mean the end."""
        starts = self._starts()
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """Offset of the first code point of a line (from 1)."""
        return self._starts()[line - 1]

    def line_text(self, line: int) -> str:
        """A line (from 1) without its line end."""
        starts = self._starts()
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            starts = [0]
            at = self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._line_starts = starts
        return self._line_starts

    def __repr__(self) -> str:
        return f"SourceFile({self.name!r}, {len(self.text)} code points)"


def _refusal(
    code: str, message: str, source: SourceFile, span: Span | None = None, hint: str | None = None
) -> Exception:
    from rtfsc.diagnostics import Diagnostic, DiagnosticError

    return DiagnosticError([Diagnostic(code, message, span, hint=hint)], source)


def _not_utf8(name: str, data: bytes, start: int) -> Exception:
    """``start`` counts from behind the byte-order mark, if there is one."""
    mark = len(_MARK) if data.startswith(_MARK) else 0
    at = mark + start
    offset = len(data[mark:at].decode())
    return _refusal(
        "IO003",
        f"The file is not valid UTF-8: byte {at} is 0x{data[at]:02x}",
        SourceFile(name, data[mark:].decode(errors="replace")),
        Span(offset, offset + 1),
        hint="save the file as UTF-8",
    )
