"""L3: what counts as a like question, and what must not."""

from __future__ import annotations

import random

import pytest
from scripted_model import ScriptedModel, question

from runtime.caches.manager import CacheManager
from runtime.caches.semantic import LONGEST, SemanticCache, same
from runtime.caches.vectors import MemoryVectors
from runtime.meaning.embedding import Lexical
from runtime.providers.base import Message, Request
from tests.meaning.corpus import blind, pairs

PAIRS = pairs() + blind()


def manager(**options):
    return CacheManager(l3=SemanticCache(Lexical(), MemoryVectors(), **options))


@pytest.mark.parametrize("least", [None, 0.87], ids=["its own threshold", "that of the store"])
def test_no_wrong_hit_on_the_corpus(least):
    caches = manager(least=least)
    assert sum(not pair.same for pair in PAIRS) > 300
    for text in dict.fromkeys(pair.text for pair in PAIRS):
        caches.infer(ScriptedModel(text), question(text))
    caches.flush()
    found = {(pair.text, pair.other) for pair in PAIRS if match_of(caches, pair.other) == pair.text}
    assert not found & {(pair.text, pair.other) for pair in PAIRS if not pair.same}
    assert len(found) > 40


def match_of(caches, text):
    asked = caches.l3.question(question(text), "1", "", None, lambda r: caches.l2.key(r, "1"))
    found = caches.l3.find(asked, caches._fetch)
    return found.match if found else ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sum the list [1 -2 3]", "Sum the list [-1 2 3]"),
        ("Sum the list [1 2 3]", "Sum the list [3 2 1]"),
        ("Add 5 to x", "Add -5 to x"),
        ("Sum 1 2", "Sum 1, 2, 2"),
        ('Count the letters of "the cat"', 'Count the letters of "cat"'),
        ('Count the letters of "a cat"', 'Count the letters of "A cat"'),
        ("Read `a_b`", "Read `a_c`"),
        ("Is a < b", "Is a > b"),
        ("Parse {:a 1}", "Parse [:a 1]"),
        ("Multiply a * b", "Multiply a / b"),
        ("Sort the words", "Sort the numbers"),
        ("Évaluer le prix", "Évaluer le coût"),
    ],
)
def test_data_are_the_same_to_the_letter(one, other):
    assert not same(one, other)
    assert not same(other, one)
    assert same(one, one)


def test_changed_data_never_hit():
    """Random data in two copies, one of them changed by one character."""
    chosen = random.Random(4)
    for _ in range(400):
        data = "".join(chosen.choice('abAB01 -.,"[]{}:') for _ in range(chosen.randint(3, 30)))
        at, mark = chosen.randrange(len(data)), chosen.choice('xyXZ79-"[]{}<')
        changed = data[:at] + mark + data[at + 1 :]
        if changed != data:
            quoted, other = (repr(text).replace("'", '"') for text in (data.replace('"', ""), changed))
            if quoted != other:
                assert not same(f"Count the letters of {quoted}", f"Count the letters of {other}")


def test_long_texts_and_other_roles_have_no_core():
    caches, model = manager(), ScriptedModel("one")
    for request in (
        question("word " * LONGEST),
        Request("m", (Message("user", "hi"), Message("assistant", "yes?"))),
        Request("m", ()),
        question("   "),
    ):
        caches.infer(model, request)
    caches.flush()
    assert caches.l3.stats().puts == 0


@pytest.mark.parametrize("least", [-0.1, 1.1])
def test_a_threshold_is_a_cosine(least):
    with pytest.raises(ValueError, match="between 0 and 1"):
        SemanticCache(Lexical(), MemoryVectors(), least=least)


def test_another_embedder_starts_afresh():
    class Newer(Lexical):
        tag = "lexical-newer"

    index, asked = MemoryVectors(), question("Sort the words")
    one = CacheManager(l3=SemanticCache(Lexical(), index))
    one.infer(ScriptedModel("one"), asked)
    one.flush()
    other = CacheManager(l2=one.l2, l3=SemanticCache(Newer(), index))
    assert other.answer(ScriptedModel("two"), question("Sort all the words")).layer == "model"
    assert one.answer(ScriptedModel("two"), question("Sort every word")).layer in ("L3", "model")


def test_an_index_that_lies_brings_in_nothing():
    """Rows that somebody has put there: of texts that were never asked, and of another tenant."""
    caches = manager()
    caches.infer(ScriptedModel("secret"), question("Sort the words"), tenant="globex")
    caches.flush()
    wanted = caches.l3.question(question("Sort the words"), "1", "acme", None, lambda r: "")
    [vector] = Lexical().embed(["Sort the words"])
    for text in ("Sort the words", "Sort the words\0"):
        caches.l3.index.add(wanted.group, "lexical-2", text, vector)
    assert caches.infer(ScriptedModel("own"), question("Sort the words"), tenant="acme").text == "own"


def test_an_answer_that_is_of_no_use_here_is_no_hit():
    caches = manager()
    asked, alike = "Convert amounts from dollars to euros", "Transform amounts from dollars to euros"
    caches.infer(ScriptedModel("text"), question(asked))
    caches.flush()
    assert caches.answer(ScriptedModel("7"), question(alike), keep=_number).layer == "model"
    assert caches.answer(ScriptedModel("7"), question(alike)).layer == "L2"


def _number(response):
    return response.text.isdigit()
