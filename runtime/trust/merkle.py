"""Merkle trees as in RFC 6962, section 2.1: one hash for a list, and short proofs about it.

A tree is cut at the largest power of two below its size, so the first leaves keep their place in every
larger tree: whatever is appended, the hash of what was there can be shown to be part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runtime.trust.errors import BadProof

EMPTY_ROOT = hashlib.sha256(b"").digest()
_TREES_KEPT = 64


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier(NamedTuple):
    """All that is needed to append: the roots of the complete subtrees, largest first, one for each bit
    of the size."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """``leaf``: its hash."""
        peaks, bits = list(self.peaks), self.size
        while bits & 1:
            leaf, bits = node_hash(peaks.pop(), leaf), bits >> 1
        return Frontier(self.size + 1, (*peaks, leaf))

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """``leaves``: their hashes."""
        frontier = self
        for leaf in leaves:
            frontier = frontier.append(leaf)
        return frontier

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        *left, root = self.peaks
        for peak in reversed(left):
            root = node_hash(peak, root)
        return root


class Trees:
    """What a log was the last few times that somebody looked: to find the root of an older state, the tree
    is walked from the last one before it, and not from the first leaf."""

    def __init__(self) -> None:
        self._last: list[Frontier] = []

    def note(self, frontier: Frontier) -> None:
        if not self._last or self._last[-1] != frontier:
            self._last = [*self._last[1 - _TREES_KEPT :], frontier]  # a new list: others may be reading

    def below(self, size: int) -> Frontier:
        """The largest tree with no more leaves; the empty one where that was forgotten."""
        return max((f for f in self._last if f.size <= size), default=Frontier())


def root(leaves: Sequence[bytes]) -> bytes:
    """``leaves``: their hashes, here and below."""
    return Frontier().extended(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from the leaf to the root, the lowest first."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    cut = _cut(len(leaves))
    if index < cut:
        return [*inclusion_proof(leaves[:cut], index), root(leaves[cut:])]
    return [*inclusion_proof(leaves[cut:], index - cut), root(leaves[:cut])]


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """That the tree over the first ``first`` leaves is the beginning of this one."""
    if not 0 < first <= len(leaves):
        raise ValueError(f"no tree of {first} in one of {len(leaves)}")
    return _subproof(leaves, first, whole=True)


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises `BadProof` unless the hash ``leaf`` is the one number ``index`` under ``root``."""
    if not 0 <= index < size:
        raise BadProof(f"No leaf {index} in a tree of {size}")
    at, last, left = index, size - 1, list(proof)
    while last > 0:
        if at & 1 or at != last:
            beside = _next(left)
            leaf = node_hash(beside, leaf) if at & 1 else node_hash(leaf, beside)
        at, last = at >> 1, last >> 1
    if left or leaf != root:
        raise BadProof(f"Leaf {index} is not in the tree of {size} leaves")


def check_consistency(first: int, second: int, old: bytes, new: bytes, proof: Sequence[bytes]) -> None:
    """Raises `BadProof` unless the tree of ``first`` leaves with root ``old`` is the beginning of the one of
    ``second`` leaves with root ``new``."""
    fault = BadProof(f"The log of {second} records does not continue that of {first}")
    if not 0 <= first <= second:
        raise fault
    if first in (0, second):
        if proof or (first == second and old != new):
            raise fault
        return
    left = list(proof)
    at, last = first - 1, second - 1
    while at & 1:  # up to the lowest complete subtree, which both trees have
        at, last = at >> 1, last >> 1
    below = above = _next(left) if at else old
    while last > 0:
        if at & 1:
            beside = _next(left)
            below, above = node_hash(beside, below), node_hash(beside, above)
        elif at != last:
            above = node_hash(above, _next(left))
        at, last = at >> 1, last >> 1
    if left or below != old or above != new:
        raise fault


def _next(proof: list[bytes]) -> bytes:
    if not proof:
        raise BadProof("The proof is too short")
    return proof.pop(0)


def _subproof(leaves: Sequence[bytes], first: int, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [root(leaves)]
    cut = _cut(len(leaves))
    if first <= cut:
        return [*_subproof(leaves[:cut], first, whole), root(leaves[cut:])]
    return [*_subproof(leaves[cut:], first - cut, False), root(leaves[:cut])]


def _cut(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)
