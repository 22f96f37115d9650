"""The gate on the corpus, and on texts that try to get past it."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.meaning.calibration import thresholds
from runtime.meaning.embedding import Lexical
from runtime.meaning.gate import differences
from tests.meaning.corpus import OTHER, SAME, pairs

CORPUS = pairs()


def test_the_corpus_is_as_large_as_it_says():
    assert sum(p.same for p in CORPUS) >= 150
    assert sum(not p.same for p in CORPUS) >= 300
    assert {p.kind for p in CORPUS} == {*SAME, *OTHER}
    assert len({(p.text, p.other) for p in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("confirmed", [False, True])
def test_nothing_wrong_gets_through(confirmed):
    """Even if every example passed: what is measured is the gate alone."""
    assert [p for p in CORPUS if not p.same and not differences(p.text, p.other, confirmed)] == []


def test_other_tasks_never_stand_for_each_other():
    tasks = sorted({p.text for p in CORPUS})
    assert [pair for pair in combinations(tasks, 2) if not differences(*pair, confirmed=True)] == []


@pytest.mark.parametrize(("confirmed", "share"), [(True, 0.6), (False, 0.5)])
@pytest.mark.parametrize("held_back", [False, True])
def test_most_of_what_means_the_same_is_found(held_back, confirmed, share):
    embedder, least = Lexical(), thresholds(Lexical.tag)
    needed = least.confirmed if confirmed else least.alone
    same = [p for p in CORPUS if p.same and p.held_back is held_back]
    found = 0
    for pair in same:
        one, other = embedder.embed([pair.text, pair.other])
        near = sum(x * y for x, y in zip(one, other, strict=True)) >= needed
        found += near and not differences(pair.text, pair.other, confirmed)
    assert found >= share * len(same)


@given(st.sampled_from(CORPUS), st.booleans())
@settings(max_examples=300, deadline=None)
def test_symmetric(pair, confirmed):
    assert bool(differences(pair.text, pair.other, confirmed)) == bool(
        differences(pair.other, pair.text, confirmed)
    )


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_read(text):
    assert differences(text, text) == []
    assert isinstance(differences(text, "Sort the numbers"), list)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("Add 3 to x", "Add 4 to x", "numbers"),
        ("Add 3 to x", "Add three to y", "names"),
        ("Sort the users", "Do not sort the users", "negations"),
        ("Price in euros", "Price in dollars", "units"),
        ("Find the largest file", "Find the smallest file", "opposites"),
        ("Copy from disk to tape", "Copy from tape to disk", "roles"),
        ("Count the apples", "Count the oranges", "words"),
        ("Square the sum of the numbers", "Sum the squares of the numbers", "order"),
        ("Is the point inside the box?", "Is the box inside the point?", "roles"),
        ("Return `:total`", "Return `:price`", "names"),
        ("Split at every second comma", "Split at every comma", "numbers"),
        ("Sortiere die Zahlen", "Zähle die Zahlen", "words"),
    ],
)
def test_reasons(one, other, reason):
    found = differences(one, other)
    assert any(text.startswith(reason) for text in found), found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Compute the area of a circle", "Calculate the area of the circle."),
        ("Add three days to a date", "Add 3 days to the date"),
        ("In a list, count the words", "Count the words in a list"),
        ("Convert km to miles", "Convert kilometers to miles"),
        ("Remove all blank lines", "Delete every blank line"),
    ],
)
def test_the_same_in_other_words(one, other):
    assert differences(one, other) == []


def test_almost_the_same_words_need_examples():
    one, other = "Count the letters of a word", "Count the characters of a word"
    assert differences(one, other)
    assert not differences(one, other, confirmed=True)


def test_embeddings_are_deterministic_and_of_length_one():
    (first, again, empty) = Lexical().embed(["Sort the numbers", "Sort the numbers", ""])
    assert first == again
    assert len(first) == Lexical.dimensions
    for vector in (first, empty):
        assert abs(sum(x * x for x in vector) - 1) < 1e-5


def test_an_embedder_that_was_not_calibrated_gets_strict_thresholds():
    assert thresholds("nobody-knows") == (0.99, 0.95)
