"""The leaves of the log as one Merkle tree that only ever grows.

The index that keeps the leaves is not believed: each reader remembers the tree as it last saw it
(`runtime.trust.seen`) and accepts only what continues it.  Publishers sign the root as they see it, so that
two readers who are shown different logs find out.
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.store.index import Ledger
from runtime.trust import merkle, records
from runtime.trust.errors import LogRewritten, Malformed, NotLogged, Unsigned
from runtime.trust.merkle import Frontier
from runtime.trust.records import Head, Signed
from runtime.trust.seen import SeenLeaf, SeenStore
from runtime.trust.verifier import Verifier

_KEPT = ("revocation", "rotation", "rollback")
_BATCH = 4096


class Audit(NamedTuple):
    """``heads``: how many signed heads fit the log; ``signers``: names of the trusted keys that signed
    them; ``strange``: how many leaves are no records."""

    size: int
    root: str
    heads: int
    signers: tuple[str, ...]
    strange: int


class LogTree:
    def __init__(self, index: Ledger, seen: SeenStore, verifier: Verifier) -> None:
        self.index, self.seen, self._verifier = index, seen, verifier
        self._trees = merkle.Trees()

    def read(self) -> Frontier:
        """Takes in what is new.  Raises `LogRewritten` if it does not continue what was seen before."""
        frontier = self.seen.frontier()
        self._trees.note(frontier)
        while True:
            leaves = self._after(frontier.size)
            if not leaves:
                return frontier
            seen = [_seen_leaf(leaf) for leaf in leaves]
            self._check_newest_head(frontier, leaves, seen)
            if not self.seen.extend(frontier.size, seen):
                return self.read()  # another process of this user was faster
            frontier = self.seen.frontier()
            self._trees.note(frontier)
            if len(leaves) < _BATCH:  # else there may be more
                return frontier

    def _after(self, size: int) -> list[bytes]:
        """The leaves after the first ``size``, a few thousand at most. The one before them comes along, in
        the same request, and must be what it was."""
        if size == 0:
            return self.index.log(0, _BATCH)
        leaves = self.index.log(size - 1, size + _BATCH)
        if not leaves and (now := self.index.log_size()) < size:
            raise self.rewritten(f"it has {now} records, {size} were seen before")
        self._compare(size - 1, leaves[:1])
        return leaves[1:]

    def leaf(self, position: int) -> bytes:
        """A leaf that was read before.  Raises `LogRewritten` if it is another one now."""
        leaves = self.index.log(position, position + 1)
        self._compare(position, leaves)
        return leaves[0]

    def last_head(self, above: int) -> Signed:
        """The last one of a trusted signer, if it covers the leaf ``above``.  Raises `NotLogged`."""
        stop = self.seen.frontier().size
        while stop > above:
            start = max(0, stop - _BATCH)
            for leaf in reversed(self.index.log(start, stop)):
                signed = self._head(leaf)
                if signed is not None and _size(signed) > above:
                    return signed
            stop = start
        raise NotLogged("No trusted key has signed the log since", hint="the next publication does")

    def audit(self) -> Audit:
        """Reads everything again and compares it with what was seen and with every signed head.

        Raises `LogRewritten`.
        """
        frontier = self.read()
        walk, trees, heads, strange = Frontier(), merkle.Trees(), 0, 0
        hashes = self.seen.hashes(0, frontier.size)
        signers: set[str] = set()
        for start in range(0, frontier.size, _BATCH):
            leaves = self.index.log(start, min(frontier.size, start + _BATCH))
            self._compare(start, leaves)
            for leaf in leaves:
                strange += _seen_leaf(leaf).kind == ""
                signed = self._head(leaf)
                if signed is not None:
                    tree = trees.below(_size(signed))
                    self._check_head(signed, walk.size, tree, hashes[tree.size : walk.size])
                    heads += 1
                    signers.update(key.name for key in self._verifier.signers_of(signed))
                walk = walk.append(merkle.leaf_hash(leaf))
                trees.note(walk)
        return Audit(frontier.size, frontier.root().hex(), heads, tuple(sorted(signers)), strange)

    def rewritten(self, what: str) -> LogRewritten:
        return LogRewritten(
            f"The publication log of {self.seen.location} was rewritten: {what}",
            hint="if the store was made anew on purpose: rtfsc trust forget",
        )

    # -- inside

    def _compare(self, start: int, leaves: list[bytes]) -> None:
        hashes = self.seen.hashes(start, start + max(len(leaves), 1))
        if len(leaves) != len(hashes):
            raise self.rewritten(f"record {start + len(leaves)} is missing")
        for position, (leaf, known) in enumerate(zip(leaves, hashes, strict=True), start):
            if merkle.leaf_hash(leaf) != known:
                raise self.rewritten(f"record {position} is not what it was")

    def _check_newest_head(self, before: Frontier, leaves: list[bytes], seen: list[SeenLeaf]) -> None:
        """One is enough: it is about everything before it."""
        at = next((i for i in range(len(leaves) - 1, -1, -1) if self._head(leaves[i]) is not None), None)
        if at is None:
            return
        signed = self._head(leaves[at])
        assert signed is not None
        size, added = _size(signed), [leaf.hash for leaf in seen[:at]]
        start, known = (before, []) if size >= before.size else self._older(size, before)
        self._check_head(signed, before.size + at, start, known + added)

    def _older(self, size: int, before: Frontier) -> tuple[Frontier, list[bytes]]:
        """A tree of at most ``size`` leaves, and the hashes of those from there to ``before``: for a head
        that others overtook before it was on record."""
        start = self._trees.below(size)
        hashes = self.seen.hashes(start.size, before.size)
        if start.extended(hashes) == before:
            return start, hashes
        return Frontier(), self.seen.hashes(0, before.size)  # what was seen was forgotten meanwhile

    def _check_head(self, signed: Signed, most: int, start: Frontier, hashes: list[bytes]) -> None:
        """``most``: how many leaves there are before the head; ``hashes``: theirs, from ``start`` on."""
        size = _size(signed)
        tree = start.extended(hashes[: max(0, size - start.size)])
        if size > most or tree.root().hex() != signed.record.subject:
            names = ", ".join(repr(key.name) for key in self._verifier.signers_of(signed))
            raise self.rewritten(f"its first {size} records are not those that {names} saw")

    def _head(self, leaf: bytes) -> Signed | None:
        """The head of a trusted signer that this leaf is."""
        if not leaf.startswith(b"head "):
            return None
        signed = read_record(leaf)
        return signed if signed is not None and self._verifier.signers_of(signed) else None


def read_record(leaf: bytes) -> Signed | None:
    """None for a leaf that is no record: it proves nothing, and anybody may have put it there."""
    try:
        return records.read(leaf)
    except (Malformed, Unsigned):
        return None


def _seen_leaf(leaf: bytes) -> SeenLeaf:
    try:
        kind, subject = records.label(leaf)
    except Malformed:
        kind, subject = "", ""
    return SeenLeaf(merkle.leaf_hash(leaf), kind, subject, leaf if kind in _KEPT else None)


def _size(signed: Signed) -> int:
    assert isinstance(signed.record, Head)
    return signed.record.size
