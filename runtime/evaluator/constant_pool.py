"""Constants of a module, each once."""

from __future__ import annotations

import struct
from array import array

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from runtime.evaluator.constants import transit


class ConstantPool:
    """``words``: the pool; ``built``: (constant, offset into ``literals``) of those that are values in
    the memory of an instance."""

    def __init__(self) -> None:
        self.words: array[int] = array("q")
        self.built: list[tuple[int, int]] = []
        self._literals: list[bytes] = []
        self._size = 0
        self._known: dict[object, int] = {}

    def integer(self, value: int) -> int:
        return self._add(("int", value), value)

    def floating(self, value: float) -> int:
        return self.integer(struct.unpack("<q", struct.pack("<d", value))[0])

    def text(self, value: str) -> int:
        return self.boxed(Const(T.STR, value))

    def boxed(self, const: Const) -> int:
        literal = transit(const)
        known = len(self.words)
        index = self._add(literal, 0)
        if index == known:
            self.built.append((index, self._size))
            self._literals.append(literal)
            self._size += len(literal)
        return index

    @property
    def literals(self) -> bytes:
        return b"".join(self._literals)

    def _add(self, key: object, word: int) -> int:
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.words)
            self.words.append(word)
        return index
