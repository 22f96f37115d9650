"""Phrases, replaced by the words that stand for them (lexicon.toml)."""

from __future__ import annotations

from functools import cache

from runtime.meaning.items import Item, items_of, joined_numbers
from runtime.meaning.lexicon import lexicon
from runtime.meaning.tokens import tokens

_Pattern = tuple[list[str], list[Item], bool]


@cache
def _patterns() -> dict[str, list[_Pattern]]:
    """Phrases by the first of their words, the longest first."""
    found: dict[str, list[_Pattern]] = {}
    for phrase, stands in lexicon().phrases:
        items = _plain_items(phrase.removesuffix(" ~"))
        pattern = ([item.text for item in items], _standing(stands), phrase.endswith("~"))
        found.setdefault(items[0].text, []).append(pattern)
    for options in found.values():
        options.sort(key=lambda option: -len(option[0]))
    return found


def _plain_items(text: str) -> list[Item]:
    return [item for item in joined_numbers(list(items_of(tokens(text)))) if item.kind != "article"]


def _standing(text: str) -> list[Item]:
    found: list[Item] = []
    for part in text.split():
        if part.startswith("#"):
            found.append(Item("number", part))
        else:
            found += [Item("word", part, part)] if "-" in part or part[0] == "^" else _plain_items(part)
    return found


def phrases_replaced(items: list[Item]) -> list[Item]:
    """Phrases replaced by what stands for them, and articles left out."""
    patterns = _patterns()
    found: list[Item] = []
    at = 0
    while at < len(items):
        if items[at].kind == "article":
            at += 1
            continue
        for pattern, stands, before_article in patterns.get(items[at].text, ()):
            end = _matched(items, at, pattern)
            if end and not (before_article and end < len(items) and items[end].kind == "article"):
                _put(found, stands)
                at = end
                break
        else:
            found.append(items[at])
            at += 1
    return found


def _matched(items: list[Item], at: int, pattern: list[str]) -> int:
    """The place behind the phrase, 0 if it is not there. Articles do not count."""
    for part in pattern:
        while at < len(items) and items[at].kind == "article":
            at += 1
        if at == len(items) or items[at].text != part or items[at].kind == "stop":
            return 0
        at += 1
    return at


def _put(found: list[Item], stands: list[Item]) -> None:
    """``18 or more``: the bound (^) goes before its number, and the unit of that."""
    for item in stands:
        if not item.text.startswith("^"):
            found.append(item)
            continue
        place = len(found)
        while place and place > len(found) - 3 and found[place - 1].kind == "word" and len(found) - place < 2:
            if found[place - 1].text not in lexicon().units and found[place - 1].kind == "word":
                break
            place -= 1
        if place and found[place - 1].kind in ("number", "name"):
            place -= 1
        found.insert(place, Item("word", item.text[1:], item.text[1:]))
