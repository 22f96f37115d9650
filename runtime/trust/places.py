"""Where in a JSON text a field stands, for messages about files that people write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]

from runtime.trust.strict import Path

_BLANKS = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder()


def place(text: str, path: Path) -> tuple[int, int]:
    """Line and column, from 1, of the field, or of the innermost part around it that is there."""
    known = dict(reversed(list(fields(text))))
    while path and path not in known:
        path = path[:-1]
    return line_and_column(text, known.get(path, 0))


def duplicate(text: str) -> tuple[int, int] | None:
    """Line and column of the first field that stands in its object for the second time."""
    seen: set[Path] = set()
    for path, offset in fields(text):
        if path in seen:
            return line_and_column(text, offset)
        seen.add(path)
    return None


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def fields(text: str) -> Iterator[tuple[Path, int]]:
    """Paths and offsets of all fields and items of a valid JSON text, in their order."""
    yield from _walk(text, _skip(text, 0), ())


def _walk(text: str, at: int, path: Path) -> Iterator[tuple[Path, int]]:
    """The value that begins at ``at`` and all within it."""
    yield path, at
    if text[at] not in "{[":
        return
    named, position = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        step: str | int = position
        key_at = at
        if named:
            step, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
        below = iter(_walk(text, at, (*path, step)))
        next(below)
        yield (*path, step), key_at
        yield from below
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        position += 1
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at
