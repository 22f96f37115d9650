"""Instructions as far as renumbering needs them: where one ends, and which indices it holds.

The subset is what zig and our emitter write: the MVP with tail calls, bulk memory, reference types, and
SIMD without its relaxed part. Anything else is a `MalformedModule`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backend_wasm.sections import MalformedModule, read_uleb

Ref = tuple[str, int]
"""An index into a space: ``type function table memory global element data``."""

Piece = bytes | Ref
"""Code is a list of these: bytes as they are, between indices that are written anew."""

_END: Final = 0x0B
_NESTING: Final = frozenset({0x02, 0x03, 0x04})
# What follows an opcode: index spaces, ``leb`` for a number, a count of bytes, or a special shape.
_SHAPES: Final[dict[int, tuple[str | int, ...]]] = {
    0x02: ("block",), 0x03: ("block",), 0x04: ("block",),
    0x0C: ("leb",), 0x0D: ("leb",), 0x0E: ("labels", "leb"),
    0x10: ("function",), 0x11: ("type", "table"), 0x12: ("function",), 0x13: ("type", "table"),
    0x1C: ("types",), 0x20: ("leb",), 0x21: ("leb",), 0x22: ("leb",), 0x23: ("global",), 0x24: ("global",),
    0x25: ("table",), 0x26: ("table",), **dict.fromkeys(range(0x28, 0x3F), ("leb", "leb")),
    0x3F: ("memory",), 0x40: ("memory",), 0x41: ("leb",), 0x42: ("leb",), 0x43: (4,), 0x44: (8,),
    0xD0: (1,), 0xD2: ("function",),
}  # fmt: skip
_PLAIN: Final = frozenset({0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5)})
_BULK: Final[dict[int, tuple[str | int, ...]]] = {
    **dict.fromkeys(range(8), ()),
    8: ("data", "memory"), 9: ("data",), 10: ("memory", "memory"), 11: ("memory",),
    12: ("element", "table"), 13: ("element",), 14: ("table", "table"), 15: ("table",), 16: ("table",),
    17: ("table",),
}  # fmt: skip
_SIMD: Final[dict[int, tuple[str | int, ...]]] = {
    **dict.fromkeys([*range(12), 92, 93], ("leb", "leb")), 12: (16,), 13: (16,),
    **dict.fromkeys(range(21, 35), (1,)), **dict.fromkeys(range(84, 92), ("leb", "leb", 1)),
    **dict.fromkeys([*range(14, 21), *range(35, 84), *range(94, 256)], ()),
}  # fmt: skip


class Walker:
    """Reads code from ``data``; ``pieces`` is what was read."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end
        self.pieces: list[Piece] = []
        self._copied = at

    def expression(self) -> list[Piece]:
        """Up to and with the ``end`` that closes what was open at the start."""
        for _ in self.instructions():
            pass
        self._copy(self.at)
        return self.pieces

    def instructions(self) -> Iterator[int]:
        """Where each instruction of an expression starts, its ``end`` too; each is read when the next is
        asked for."""
        depth = 1
        while depth:
            yield self.at
            opcode = self._byte()
            if opcode in _NESTING:
                depth += 1
            elif opcode == _END:
                depth -= 1
            if opcode not in _PLAIN:
                self._immediates(opcode)

    def skip(self, count: int) -> None:
        """Bytes that are copied."""
        self.at += count
        if self.at > self.end:
            raise MalformedModule(f"code is cut off at byte {self.end}")

    def skip_number(self) -> int:
        """A LEB128 number that is copied; answers its value as if it were unsigned."""
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 70:
                raise MalformedModule(f"number too long at byte {self.at}")

    def index(self, space: str) -> None:
        """An index that is written anew."""
        start = self.at
        value, self.at = read_uleb(self.data, start, self.end)
        self._copy(start)
        self.pieces.append((space, value))
        self._copied = self.at

    def _immediates(self, opcode: int) -> None:
        start = self.at - 1
        shape: tuple[str | int, ...] | None
        if opcode == 0xFC:
            shape = _BULK.get(self.skip_number())
        elif opcode == 0xFD:
            shape = _SIMD.get(self.skip_number())
        else:
            shape = _SHAPES.get(opcode)
        if shape is None:
            raise MalformedModule(f"instruction {opcode:#x} at byte {start} cannot be linked")
        for part in shape:
            self._immediate(part)

    def _immediate(self, part: str | int) -> None:
        if isinstance(part, int):
            self.skip(part)
        elif part == "leb":
            self.skip_number()
        elif part == "labels":
            for _ in range(self.skip_number()):
                self.skip_number()
        elif part == "types":
            self.skip(self.skip_number())
        elif part == "block":
            self._block_type()
        else:
            self.index(part)

    def _block_type(self) -> None:
        if self.at < self.end and 0x40 <= self.data[self.at] < 0x80:
            self.at += 1  # no result, or one type of a byte
        else:
            self.index("type")

    def _byte(self) -> int:
        if self.at >= self.end:
            raise MalformedModule(f"code is cut off at byte {self.end}")
        self.at += 1
        return self.data[self.at - 1]

    def _copy(self, until: int) -> None:
        if until > self._copied:
            self.pieces.append(self.data[self._copied : until])
        self._copied = until


def read_body(data: bytes, at: int, end: int) -> list[Piece]:
    """A function body: its locals, then its expression."""
    walker = Walker(data, at, end)
    for _ in range(walker.skip_number()):
        walker.skip_number()
        walker.skip(1)
    pieces = walker.expression()
    if walker.at != end:
        raise MalformedModule(f"a function body ends at byte {walker.at}, not {end}")
    return pieces
