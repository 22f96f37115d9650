"""The imports of a binary module, bounds-checked like `backend_wasm.sections`."""

from __future__ import annotations

from typing import Final, NamedTuple

from backend_wasm.sections import MalformedModule, raw_sections, read_name, read_uleb

_IMPORT_SECTION: Final = 2
_KINDS: Final = ("function", "table", "memory", "global", "tag")
_HAS_MAXIMUM: Final = 1


class Import(NamedTuple):
    """``kind``: function, table, memory, global or tag."""

    module: str
    name: str
    kind: str


def read_imports(data: bytes) -> list[Import]:
    """In the order of the module. Raises `MalformedModule`."""
    found: list[Import] = []
    for kind, _, at, end in raw_sections(data):
        if kind == _IMPORT_SECTION:
            count, at = read_uleb(data, at, end)
            for _ in range(count):
                entry, at = _entry(data, at, end)
                found.append(entry)
    return found


def _entry(data: bytes, at: int, end: int) -> tuple[Import, int]:
    module, at = read_name(data, at, end)
    name, at = read_name(data, at, end)
    kind, at = read_uleb(data, at, end)
    if kind >= len(_KINDS):
        raise MalformedModule(f"unknown kind of import {kind} before byte {at}")
    return Import(module, name, _KINDS[kind]), _skip_type(data, _KINDS[kind], at, end)


def _skip_type(data: bytes, kind: str, at: int, end: int) -> int:
    if kind == "function":
        return read_uleb(data, at, end)[1]
    if kind in ("global", "tag"):  # a type or an attribute, then mutability or a type index
        return read_uleb(data, at + 1, end)[1]
    flags, at = read_uleb(data, at + (kind == "table"), end)
    for _ in range(2 if flags & _HAS_MAXIMUM else 1):
        _, at = read_uleb(data, at, end)
    return at
