"""Machine code of a module back to bytes of the module: the table that wasmtime keeps for its backtraces.

The table is a section of the serialised module, an ELF file, and its format is wasmtime's own (version 50):
a count and the number of blocks of 128 entries; per block the offset of its first entry in the code and where
its data starts; then per entry a number whose low bit says that it has no byte of the module, its other bits
how far it is from the entry before, and the byte, as a difference to the last one in the block. What does not
fit to the last number is refused.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

SECTION: Final = b".wasmtime.addrmap"
_BLOCK: Final = 128


class UnknownFormat(ValueError):
    """The table is not what this version of wasmtime writes."""


@dataclass(frozen=True, slots=True)
class NativeMap:
    """Offsets in the machine code, ascending, and the byte of the module that each comes from; -1: none."""

    offsets: list[int]
    bytes: list[int]

    def byte(self, offset: int) -> int:
        at = bisect_right(self.offsets, offset) - 1
        return self.bytes[at] if at >= 0 else -1


def native_map(native: bytes) -> NativeMap:
    """The table of a serialised module; raises `UnknownFormat`."""
    try:
        return _read(_section(native))
    except (struct.error, IndexError, ValueError) as error:
        raise UnknownFormat(str(error)) from None


def _section(elf: bytes) -> bytes:
    (headers,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [struct.unpack_from("<IIQQQQ", elf, headers + i * size) for i in range(count)]
    names = elf[rows[names_at][4] :]
    for name, _, _, _, at, length in rows:
        if names[name : names.index(b"\0", name)] == SECTION:
            return elf[at : at + length]
    raise UnknownFormat(f"no section {SECTION.decode()}")


def _read(table: bytes) -> NativeMap:
    count, blocks = struct.unpack_from("<II", table)
    starts = [struct.unpack_from("<II", table, 8 + 8 * i) for i in range(blocks)]
    data = at = 8 + 8 * blocks
    if blocks != -(-count // _BLOCK):
        raise UnknownFormat("another number of blocks")
    found = NativeMap([], [])
    for number, (offset, start) in enumerate(starts):
        if at != data + start:
            raise UnknownFormat(f"block {number} starts elsewhere")
        byte = 0
        for _ in range(min(_BLOCK, count - number * _BLOCK)):
            step, at = _unsigned(table, at)
            offset += step >> 1
            if not step & 1:
                difference, at = _signed(table, at)
                byte += difference
            found.offsets.append(offset)
            found.bytes.append(-1 if step & 1 else byte)
    if at != len(table):
        raise UnknownFormat("bytes are left over")
    return found


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _signed(data: bytes, at: int) -> tuple[int, int]:
    value, end = _unsigned(data, at)
    bits = 7 * (end - at)
    return value - (1 << bits) if data[end - 1] & 0x40 else value, end
