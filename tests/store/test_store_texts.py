"""Texts that not every index can keep, on each kind of backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shops import Shop, open_shop_at, place

from runtime.meaning.embedding import Lexical
from runtime.searching import meanings_of
from runtime.store.index import as_kept

ODD = "a\0b \ud800"


@pytest.fixture(params=["memory", "folder", "team"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    shop = open_shop_at(place(request.param, request))
    yield shop
    shop.close()


def test_one_odd_line_does_not_cost_the_log_the_others(shop: Shop) -> None:
    for key in ("before", ODD, "after"):
        shop.store.record("meaning", key, None, "miss", None, key)
    shop.store.flush()
    assert [hit.key for hit in shop.store.index.hits(10)] == ["after", "a\ufffdb ?", "before"]


def test_what_a_function_is_for_may_have_any_character(shop: Shop) -> None:
    [export] = shop.entry.description.exports
    described = {"name": "quote", "kind": "function", "interface_hash": export.interface_hash, "doc": "a\0b"}
    meanings = meanings_of([described], Lexical())
    shop.store.index.add_meanings(shop.entry.id, meanings)
    [(_, kept)] = shop.store.index.meanings(export.interface_hash, Lexical.tag)
    assert kept.text == "a\ufffdb"


def test_ordinary_texts_stay_as_they_are() -> None:
    for text in ("", "Grüße", "line\nline", "\U0001f600", "\x1b"):
        assert as_kept(text) == text
