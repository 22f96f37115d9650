"""Where code comes from: byte offsets of a binary module to functions and places of the program.

The emitter names the site of every operation that can raise as an ``i32.const``; in text that is made with
``marks`` these lines carry `MARK` as a comment. The text has one instruction a line, so the n-th line of a
function is its n-th instruction in the binary. An instruction belongs to the next site that its function
names: the code of an operation comes before the code that reports its error.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from backend_wasm.context import MARK
from backend_wasm.merge.instructions import Walker
from backend_wasm.module import Emitted
from backend_wasm.sections import raw_sections, read_uleb, uleb
from rtfsc.ir.nodes import INIT, MODULE, Module, Place, Site

_HEAD: Final = re.compile(r'\(func (?:\(export "((?:[^"\\]|\\.)*)"\)|(\$[^ ()]+))')
_MARKED: Final = re.compile(r"i32\.const (\d+) " + re.escape(MARK))
_CODE: Final = 10
_NAMES_OF_FUNCTIONS: Final = 1


@dataclass(slots=True)
class CodeOf:
    """One function of the module: ``index`` among all functions, bytes ``[start, end)``, the ``name`` that
    people know it by, and its ``definition`` ("" for what the emitter added). ``offsets`` of instructions,
    ascending, and the site of each, None where it is not known. ``library``: of the standard library."""

    index: int
    start: int
    end: int
    name: str
    definition: str = ""
    library: bool = False
    offsets: list[int] = field(default_factory=list)
    sites: list[Site | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CodeMap:
    """The functions of a module in the order of their code."""

    functions: list[CodeOf]

    def find(self, offset: int) -> tuple[CodeOf, Site | None] | None:
        """The function that a byte of the module is in, and the site that it belongs to."""
        at = bisect_right(self.functions, offset, key=lambda f: f.start) - 1
        if at < 0 or offset >= self.functions[at].end:
            return None
        function = self.functions[at]
        i = bisect_right(function.offsets, offset) - 1
        return function, function.sites[i] if i >= 0 else None

    def names(self, offset: int) -> tuple[str, Place | None] | None:
        """What people call the function that a byte comes from, and the place. Code of a definition that was
        inlined elsewhere has the name of its definition. None for code of the library and of the emitter: the
        function that called it tells more."""
        found = self.find(offset)
        if found is None or not found[0].name or found[0].library or found[0].name.startswith("<"):
            return None
        function, site = found
        if site is None:
            return function.name, None
        inlined = site.definition != function.definition and site.definition
        return shown_definition(site.definition) if inlined else function.name, site.place

    def name_section(self) -> bytes:
        """Payload of the section ``name``: names of functions."""
        names = [(f.index, f.name.encode()) for f in self.functions]
        entries = b"".join(uleb(index) + uleb(len(name)) + name for index, name in names)
        body = uleb(len(names)) + entries
        return bytes([_NAMES_OF_FUNCTIONS]) + uleb(len(body)) + body


def code_map(module: Module, emitted: Emitted, binary: bytes) -> CodeMap:
    """``emitted``: the text of the module, with marks, that ``binary`` was assembled from."""
    wat, sites = emitted.wat, emitted.sites
    origin = {identifier: module.functions[name] for name, identifier in emitted.identifiers.items()}
    bodies, firsts = _bodies(binary), _first_sites(module)
    first = sum(line.startswith("(import ") and "(func " in line for line in wat.split("\n"))
    found = []
    for index, (identifier, marks) in enumerate(_functions(wat)):
        start, offsets, end = bodies[index]
        assert len(offsets) == len(marks), f"{identifier}: {len(marks)} lines, {len(offsets)} instructions"
        function = origin.get(identifier) or origin.get(_wrapped(identifier))
        code = CodeOf(first + index, start, end, _shown(identifier), offsets=offsets)
        if function is not None:
            code.name = function.display_name or shown_definition(function.name)
            code.definition, code.library = function.origin[0], function.library
        default = firsts.get(code.definition) if function is not None else None
        code.sites = [module.sites[sites[m - 1] - 1] if m else default for m in _next_marks(marks)]
        found.append(code)
    assert len(found) == len(bodies), f"{len(found)} functions in the text, {len(bodies)} bodies"
    return CodeMap(found)


def _first_sites(module: Module) -> dict[str, Site]:
    """The first place of each definition, for functions whose code cannot raise any more."""
    first: dict[str, Site] = {}
    for site in sorted(module.sites, key=lambda site: site.start):
        first.setdefault(site.definition, site)
    return first


def _wrapped(identifier: str) -> str:
    """The function that a wrapper calls: ``$:export.f`` and ``$:code.f`` stand around ``$f``."""
    kind, _, name = identifier.partition(".")
    return "$" + name if kind in ("$:export", "$:code") else identifier


def shown_definition(name: str) -> str:
    """``shop.tax/rate`` for a definition of a module, ``top level`` for what is none."""
    if not name or name == INIT:
        return "top level"
    return name.removeprefix(MODULE)


def _shown(identifier: str) -> str:
    """What the emitter adds is in angle brackets."""
    return f"<{identifier.lstrip('$').lstrip(':')}>"


def _functions(wat: str) -> Iterator[tuple[str, list[int]]]:
    """Identifier of each function, and for each of its instructions the site id that it names, or 0."""
    identifier, marks = "", list[int]()
    for line in wat.split("\n"):
        if line.startswith("(func "):
            head = _HEAD.match(line)
            assert head is not None, line
            identifier, marks = head[2] or f"$:{head[1]}", []
        elif line == ")" and identifier:
            yield identifier, [*marks, 0]  # the end of the function is an instruction too
            identifier = ""
        elif identifier and not line.lstrip().startswith("("):
            mark = _MARKED.search(line)
            marks.append(int(mark[1]) if mark else 0)


def _next_marks(marks: list[int]) -> list[int]:
    """Each 0 replaced by the next site, at the end by the last one; 0 where there is none."""
    out, next_mark = [], next((mark for mark in reversed(marks) if mark), 0)
    for mark in reversed(marks):
        next_mark = mark or next_mark
        out.append(next_mark)
    return out[::-1]


def _bodies(binary: bytes) -> list[tuple[int, list[int], int]]:
    """(start, offsets of instructions, end) of each body."""
    bodies = []
    for kind, _, at, end in raw_sections(binary):
        if kind != _CODE:
            continue
        count, at = read_uleb(binary, at, end)
        for _ in range(count):
            size, at = read_uleb(binary, at, end)
            bodies.append((at, _offsets(binary, at, at + size), at + size))
            at += size
    return bodies


def _offsets(binary: bytes, at: int, end: int) -> list[int]:
    walker = Walker(binary, at, end)
    for _ in range(walker.skip_number()):
        walker.skip_number()
        walker.skip(1)
    return list(walker.instructions())
