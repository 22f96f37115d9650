"""Spelling of WAT: identifiers, strings, wasm types of representations."""

from __future__ import annotations

import re
from typing import Final

WASM: Final = {"i64": "i64", "f64": "f64", "i32": "i32", "val": "i64"}
_BAD: Final = re.compile(r"[^0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]")
_PLAIN: Final = frozenset(range(0x20, 0x7F)) - {0x22, 0x5C}


class Names:
    """Gives each key a readable WAT identifier of its own. Identifiers that start with ``$:`` are
    left to the emitter's own helpers."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._count: dict[str, int] = {}

    def fresh(self, hint: str) -> str:
        base = "$" + (_BAD.sub("_", hint) or "_")
        if base.startswith("$:"):
            base = "$_" + base[1:]
        name = base
        while name in self._used:
            n = self._count[base] = self._count.get(base, 0) + 1
            name = f"{base}.{n}"
        self._used.add(name)
        return name


def string(data: bytes | str) -> str:
    """A WAT string literal."""
    raw = data.encode() if isinstance(data, str) else data
    return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:02x}" for b in raw) + '"'


def params(reps: list[str]) -> str:
    return f" (param {' '.join(WASM[r] for r in reps)})" if reps else ""


def results(rep: str, flag: bool = False) -> str:
    return f" (result {WASM[rep]}{' i32' if flag else ''})"
