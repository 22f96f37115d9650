"""A binary module taken apart into what the linker moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from backend_wasm.merge.instructions import Piece, Walker, read_body
from backend_wasm.sections import MalformedModule, raw_sections, read_name, read_uleb

KINDS: Final = ("function", "table", "memory", "global")


@dataclass(slots=True)
class Import:
    """``description``: what follows the kind in the import section."""

    module: str
    name: str
    kind: str
    description: list[Piece]


@dataclass(slots=True)
class Export:
    name: str
    kind: str
    index: int


@dataclass(slots=True)
class Parts:
    """Definitions as code with indices into the module's own spaces. ``functions``: (type, body)."""

    types: list[bytes] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[tuple[int, list[Piece]]] = field(default_factory=list)
    tables: list[list[Piece]] = field(default_factory=list)
    memories: list[list[Piece]] = field(default_factory=list)
    globals: list[list[Piece]] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    elements: list[list[Piece]] = field(default_factory=list)
    datas: list[list[Piece]] = field(default_factory=list)

    def imported(self, kind: str) -> list[Import]:
        return [entry for entry in self.imports if entry.kind == kind]


class _Section:
    """A section whose entries are read one after the other."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.end = data, end
        self.count, self.at = read_uleb(data, at, end)

    def number(self) -> int:
        value, self.at = read_uleb(self.data, self.at, self.end)
        return value

    def name(self) -> str:
        value, self.at = read_name(self.data, self.at, self.end)
        return value

    def byte(self) -> int:
        if self.at >= self.end:
            raise MalformedModule(f"section is cut off at byte {self.end}")
        self.at += 1
        return self.data[self.at - 1]

    def pieces(self, read: Callable[[Walker], object]) -> list[Piece]:
        walker = Walker(self.data, self.at, self.end)
        read(walker)
        walker._copy(walker.at)
        self.at = walker.at
        return walker.pieces


@lru_cache(maxsize=2)  # the runtime library is linked again and again
def take_apart(data: bytes) -> Parts:
    """Not to be changed. Raises `MalformedModule` for what is no module, or holds what the linker does not
    know."""
    parts, types_of = Parts(), list[int]()
    for kind, start, at, end in raw_sections(data):
        if kind == 0 or kind == 12:  # custom sections are made anew, the data count too
            continue
        reader = _READERS.get(kind)
        if reader is None:
            raise MalformedModule(f"section {kind} at byte {start} cannot be linked")
        section = _Section(data, at, end)
        reader(section, parts, types_of)
        if section.at != end:
            raise MalformedModule(f"section {kind} ends at byte {section.at}, not {end}")
    if len(types_of) != len(parts.functions):
        raise MalformedModule("functions without code")
    return parts


def _types(section: _Section, parts: Parts, _: list[int]) -> None:
    for _entry in range(section.count):
        start = section.at
        if section.byte() != 0x60:
            raise MalformedModule(f"type at byte {start} is not that of a function")
        for _side in range(2):
            size = section.number()
            section.at += size
        if section.at > section.end:
            raise MalformedModule(f"type at byte {start} is cut off")
        parts.types.append(section.data[start : section.at])


def _imports(section: _Section, parts: Parts, _: list[int]) -> None:
    for _entry in range(section.count):
        module, name, code = section.name(), section.name(), section.byte()
        if code >= len(KINDS):
            raise MalformedModule(f"import of {module}.{name} cannot be linked")
        kind = KINDS[code]
        parts.imports.append(Import(module, name, kind, section.pieces(_DESCRIPTIONS[kind])))


def _functions(section: _Section, parts: Parts, types_of: list[int]) -> None:
    types_of += [section.number() for _entry in range(section.count)]


def _tables(section: _Section, parts: Parts, _: list[int]) -> None:
    parts.tables += [section.pieces(_table) for _entry in range(section.count)]


def _memories(section: _Section, parts: Parts, _: list[int]) -> None:
    parts.memories += [section.pieces(_limits) for _entry in range(section.count)]


def _globals(section: _Section, parts: Parts, _: list[int]) -> None:
    parts.globals += [section.pieces(_global) for _entry in range(section.count)]


def _exports(section: _Section, parts: Parts, _: list[int]) -> None:
    for _entry in range(section.count):
        name, code = section.name(), section.byte()
        if code >= len(KINDS):
            raise MalformedModule(f"export {name} cannot be linked")
        parts.exports.append(Export(name, KINDS[code], section.number()))


def _elements(section: _Section, parts: Parts, _: list[int]) -> None:
    parts.elements += [section.pieces(_element) for _entry in range(section.count)]


def _codes(section: _Section, parts: Parts, types_of: list[int]) -> None:
    if section.count != len(types_of):
        raise MalformedModule(f"{len(types_of)} functions with {section.count} bodies")
    for kind in types_of:
        size = section.number()
        end = section.at + size
        if end > section.end:
            raise MalformedModule(f"a function body at byte {section.at} is cut off")
        parts.functions.append((kind, read_body(section.data, section.at, end)))
        section.at = end


def _datas(section: _Section, parts: Parts, _: list[int]) -> None:
    parts.datas += [section.pieces(_data) for _entry in range(section.count)]


def _table(walker: Walker) -> None:
    walker.skip(1)
    _limits(walker)


def _limits(walker: Walker) -> None:
    flags = walker.skip_number()
    if flags > 1:
        raise MalformedModule("shared or 64-bit memory cannot be linked")
    for _ in range(1 + flags):
        walker.skip_number()


def _global_type(walker: Walker) -> None:
    walker.skip(2)


def _global(walker: Walker) -> None:
    walker.skip(2)
    walker.expression()


def _element(walker: Walker) -> None:
    """Active, passive or declared, of function indices or of expressions."""
    flags = walker.skip_number()
    if flags > 7:
        raise MalformedModule(f"unknown kind of elements before byte {walker.at}")
    if not flags & 1:
        if flags & 2:
            walker.index("table")
        walker.expression()
    if flags & 3:
        walker.skip(1)  # kind or type of the elements
    for _ in range(walker.skip_number()):
        if flags & 4:
            walker.expression()
        else:
            walker.index("function")


def _data(walker: Walker) -> None:
    flags = walker.skip_number()
    if flags > 2:
        raise MalformedModule(f"unknown kind of data before byte {walker.at}")
    if flags != 1:
        if flags == 2:
            walker.index("memory")
        walker.expression()
    walker.skip(walker.skip_number())


_DESCRIPTIONS: Final[dict[str, Callable[[Walker], object]]] = {
    "function": lambda walker: walker.index("type"), "table": _table, "memory": _limits,
    "global": _global_type,
}  # fmt: skip
_READERS: Final[dict[int, Callable[[_Section, Parts, list[int]], None]]] = {
    1: _types, 2: _imports, 3: _functions, 4: _tables, 5: _memories, 6: _globals, 7: _exports, 9: _elements,
    10: _codes, 11: _datas,
}  # fmt: skip
