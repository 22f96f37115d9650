"""Trees and proofs of RFC 6962, exhaustively for small sizes."""

from __future__ import annotations

import hashlib

import pytest

from runtime.trust.errors import BadProof
from runtime.trust.merkle import (
    EMPTY_ROOT,
    Frontier,
    Trees,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
)

MOST = 33
LEAVES = [leaf_hash(b"%d" % i) for i in range(MOST)]


def rfc_root(entries: list[bytes]) -> bytes:
    """The definition, word by word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\1" + rfc_root(entries[:k]) + rfc_root(entries[k:])).digest()


def test_roots_are_those_of_the_definition() -> None:
    for size in range(MOST):
        assert root(LEAVES[:size]) == rfc_root([b"%d" % i for i in range(size)])
    assert root([]) == EMPTY_ROOT


def test_a_published_vector() -> None:
    data = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    expected = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert root([leaf_hash(bytes.fromhex(text)) for text in data]).hex() == expected


def test_a_frontier_holds_one_hash_for_each_bit_of_the_size() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES, 1):
        frontier = frontier.append(leaf)
        assert (frontier.size, len(frontier.peaks)) == (size, size.bit_count())
        assert frontier.root() == root(LEAVES[:size])


def test_of_the_trees_that_were_noted_the_nearest_below_is_found() -> None:
    trees, frontier = Trees(), Frontier()
    for size in range(200):
        if size % 10 == 0:
            trees.note(frontier)
        frontier = frontier.append(leaf_hash(b"%d" % size))
    assert [trees.below(size).size for size in (9, 10, 19, 155, 500)] == [0, 10, 10, 150, 190]
    assert trees.below(155).extended(leaf_hash(b"%d" % n) for n in range(150, 200)) == frontier


def test_only_the_last_trees_are_kept() -> None:
    trees, frontier = Trees(), Frontier()
    for size in range(1000):
        frontier = frontier.append(leaf_hash(b"%d" % size))
        trees.note(frontier)
        trees.note(frontier)
    assert trees.below(999).size == 999 and trees.below(990).size == 990
    assert trees.below(500) == Frontier()


@pytest.mark.parametrize("size", range(1, MOST))
def test_each_leaf_is_proved_in_its_place_alone(size: int) -> None:
    leaves, top = LEAVES[:size], root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(leaves, index)
        check_inclusion(leaves[index], index, size, proof, top)
        for other in set(range(size)) - {index}:
            with pytest.raises(BadProof):
                check_inclusion(leaves[index], other, size, proof, top)
        for wrong in ([*proof, top], proof[:-1] if proof else [top]):
            with pytest.raises(BadProof):
                check_inclusion(leaves[index], index, size, wrong, top)
    for outside in (-1, size):
        with pytest.raises(BadProof):
            check_inclusion(leaves[0], outside, size, [], top)


@pytest.mark.parametrize("size", range(1, MOST))
def test_a_tree_continues_its_beginnings_alone(size: int) -> None:
    new = root(LEAVES[:size])
    for first in range(1, size + 1):
        old, proof = root(LEAVES[:first]), consistency_proof(LEAVES[:size], first)
        check_consistency(first, size, old, new, proof)
        wrong = [[*proof, new], proof[:-1] if proof else [new], [new, *proof[1:]] if proof else [new, new]]
        for other in wrong:
            with pytest.raises(BadProof):
                check_consistency(first, size, old, new, other)
        with pytest.raises(BadProof):
            check_consistency(first, size, root(LEAVES[1 : first + 1]), new, proof)
    check_consistency(0, size, EMPTY_ROOT, new, [])
    with pytest.raises(BadProof):
        check_consistency(size + 1, size, new, new, [])
