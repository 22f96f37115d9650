"""Where the tables and keys of a TOML file stand, which the parser does not tell."""

from __future__ import annotations

import re
from collections import Counter

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w.-]+|\"[^\"]*\"|'[^']*')\s*=")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


class Places:
    """Lines, from 1, of tables and keys: ``line("rule", 1, "symbol")`` is that of the key in the second
    ``[[rule]]``. What was not found, such as a key of an inline table, has the line of what it is in."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str | int, ...], int] = {}
        seen: Counter[tuple[str | int, ...]] = Counter()
        path: tuple[str | int, ...] = ()
        multiline = ""
        for number, line in enumerate(text.splitlines(), 1):
            if multiline:
                multiline = "" if multiline in line else multiline
                continue
            header = _HEADER.match(line)
            if header:
                path = _parts(header[2])
                if header[1] == "[[":
                    seen[path] += 1
                    path = (*path, seen[path] - 1)
                self._lines.setdefault(path, number)
                continue
            key = _KEY.match(line)
            if key:
                self._lines.setdefault((*path, *_parts(key[1])), number)
                for quotes in ('"""', "'''"):
                    if line.count(quotes) % 2:
                        multiline = quotes

    def line(self, *path: str | int) -> int:
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 1


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))
