"""Embeddings: texts as vectors, so that texts of like meaning lie close together.

Vectors of two embedders are never compared: a ``tag`` names who made a vector, down to the revision.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from runtime.meaning.lexicon import lexicon
from runtime.meaning.words import read


class Embedder(Protocol):
    """``tag``: name and revision, stored with each vector. Safe to use from several threads."""

    @property
    def tag(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        """A vector of 32-bit floats of length 1 for each text, all of the same dimension."""

    def close(self) -> None: ...


class Lexical:
    """A deterministic embedder without a model: words and what governs them, hashed into 384 dimensions.

    It knows words that stand for each other (lexicon.toml) and nothing of the world: texts are near where
    they share words, not where they share sense. English only.
    """

    tag = "lexical-2"
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        return [_embedded(text, self.dimensions) for text in texts]

    def close(self) -> None:
        pass


def _embedded(text: str, dimensions: int) -> array[float]:
    values = [0.0] * dimensions
    for feature, weight in _features(text):
        place, sign = _place(feature, dimensions)
        values[place] += sign * weight
    length = math.sqrt(sum(value * value for value in values))
    if not length:
        values[0] = length = 1.0  # a text without a word: a direction of its own
    return array("f", [value / length for value in values])


def _features(text: str) -> Iterator[tuple[str, float]]:
    reading = read(text)
    near = lexicon().near
    former = ""
    for word, _, marker, *_ in reading.words:
        meant = f"~{min(near[word])}" if word in near else word
        yield f"w {meant}", 1.0
        if marker:
            yield f"m {marker} {meant}", 0.4
        if former:
            yield f"b {former} {meant}", 0.4
        former = meant
        # Parts of words bring together what inflection and compounds set apart.
        padded = f"^{word}$"
        for at in range(len(padded) - 2):
            yield f"t {padded[at : at + 3]}", 0.15
    yield f"n {reading.negations}", 0.3
    for number in reading.numbers:
        yield f"d {number}", 0.5


@lru_cache(maxsize=1 << 16)
def _place(feature: str, dimensions: int) -> tuple[int, float]:
    digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "little")
    return (number >> 1) % dimensions, 1.0 if number & 1 else -1.0


def to_bytes(vector: array[float]) -> bytes:
    """32-bit floats, little-endian."""
    import sys

    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector.tobytes()
