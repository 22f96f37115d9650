"""Source maps (revision 3) of WebAssembly: bytes of a module to lines and columns of RTFS.

For WebAssembly a map has one line, whose columns are bytes from the start of the module. Lines and columns of
sources count from 0, columns in UTF-16 units, as browsers and debuggers want it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from rtfsc.source import SourceFile

if TYPE_CHECKING:
    from backend_wasm.code_map import CodeMap

SECTION: Final = "sourceMappingURL"
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
Segment = tuple[int, ...]
"""Byte; or byte, number of the source, line, column, number of the name."""


def sections(code: CodeMap, url: str) -> bytes:
    """The custom sections of a module that has a map: names of its functions, and where the map is."""
    from backend_wasm.sections import custom_section, uleb

    place = uleb(len(url.encode())) + url.encode()
    return custom_section("name", code.name_section()) + custom_section(SECTION, place)


def source_map(code: CodeMap, file: str, sources: Mapping[str, SourceFile]) -> str:
    """The map as JSON text. ``file``: path of the module, beside which the map will lie; ``sources``: the
    program under "" and the imported modules by name."""
    folder = os.path.dirname(file) or "."
    names: dict[str, int] = {}
    numbers = {module: number for number, module in enumerate(sources)}
    segments = list(_segments(code, sources, numbers, names))
    return json.dumps(
        {
            "version": 3,
            "file": os.path.basename(file),
            "sources": [_relative(source.name, folder) for source in sources.values()],
            "sourcesContent": [source.text for source in sources.values()],
            "names": list(names),
            "mappings": _mappings(segments),
        },
        ensure_ascii=False,
        indent=1,
    )


def _relative(path: str, folder: str) -> str:
    if path.startswith("<"):
        return path
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _segments(
    code: CodeMap, sources: Mapping[str, SourceFile], numbers: Mapping[str, int], names: dict[str, int]
) -> Iterator[Segment]:
    """One where the place or the function changes; one byte alone where the code comes from no source."""
    last: Segment = ()
    for function in code.functions:
        for offset in function.offsets:
            name, place = code.names(offset) or ("", None)
            segment: Segment = ()
            if place is not None:
                module = place[2] if len(place) == 3 else ""
                if module in sources:
                    number = names.setdefault(name, len(names))
                    segment = (numbers[module], *_utf16(sources[module], place[0]), number)
            if segment != last:
                yield (offset, *segment)
                last = segment


def _utf16(source: SourceFile, offset: int) -> tuple[int, int]:
    line, column = source.line_column(offset)
    start = source.line_start(line)
    return line - 1, len(source.text[start : start + column - 1].encode("utf-16-le")) // 2


def _mappings(segments: list[Segment]) -> str:
    before = [0, 0, 0, 0, 0]
    out = []
    for segment in segments:
        text = ""
        for i, value in enumerate(segment):
            text += _vlq(value - before[i])
            before[i] = value
        out.append(text)
    return ",".join(out)


def _vlq(number: int) -> str:
    """Base 64, five bits a digit, least significant first, the sign in the lowest bit."""
    rest, text = (abs(number) << 1) | (number < 0), ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += _DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text
