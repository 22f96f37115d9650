"""The same words in another order: parts in front go behind, adjectives before their nouns."""

from __future__ import annotations

from runtime.meaning.items import Item, is_empty, word_item
from runtime.meaning.lexicon import lexicon

_FRONTED = ("out", "if", "that", "who", "which", "written", "paid", "given", "ignoring", "when")


def fronted_last(items: list[Item]) -> list[Item]:
    """``In a list, count the numbers`` → ``count the numbers in a list``."""
    known = lexicon()
    items = _unstopped(items)
    while items and items[0].kind == "word" and is_empty(items[0], None, False) and _ends(items, 1):
        items = items[2:]  # ``Return, …``
    stops = [at for at, item in enumerate(items) if item.kind == "stop"]
    for stop in stops:
        front, rest = items[:stop], items[stop + 1 :]
        if items[stop].text not in (",", ":") or not front:
            return items
        if _begins(front[0]) or front[0].form == "ed":
            return [*rest, *front]
        if _is_order(rest[0]) and not _is_order(front[0]):
            if front[0].text == "every":  # ``All users, sort by name``
                return [rest[0], *front, *rest[1:]]
            return [*rest, *front]
    if stops or not items or items[0].base not in known.markers:
        return items
    verb = next((at for at, item in enumerate(items) if at and item.own in known.verbs and not item.form), 0)
    return [*items[verb:], *items[:verb]] if verb else items


def _is_order(item: Item) -> bool:
    return item.base in lexicon().verbs


def _unstopped(items: list[Item]) -> list[Item]:
    end = len(items)
    while end and items[end - 1].kind == "stop":
        end -= 1
    return items[:end]


def _begins(item: Item) -> bool:
    """Whether it begins a part that may stand in front or behind."""
    return item.base in lexicon().markers or item.base in _FRONTED


def reordered(items: list[Item]) -> list[Item]:
    """Words that say the same in another place brought to one: adjectives before their nouns."""
    return _put_in_order(_without(_asked(_counts(_passive(_adjectives(items))))))


def _adjectives(items: list[Item]) -> list[Item]:
    """``numbers that are even`` → ``even numbers``, at the end of a part."""
    found = list(items)
    for at in range(len(items) - 3):
        noun, that, are, even = items[at : at + 4]
        if (
            _ends(items, at + 4) and noun.kind == even.kind == "word" and that.own in ("that", "which", "who")
            and are.own in ("are", "were") and even.own not in lexicon().exact
        ):  # fmt: skip
            found[at : at + 4] = [that, are, even, noun]
    return found


def _passive(items: list[Item]) -> list[Item]:
    """``orders which the customer paid`` → ``orders paid by the customer``, at the end of a part."""
    known = lexicon()
    found = list(items)
    for at in range(1, len(items) - 2):
        that, who, did = items[at : at + 3]
        plain = who.kind == "name" or (who.kind == "word" and who.own in known.content | known.nouns)
        if (
            _ends(items, at + 3) and that.own in ("that", "which", "whom") and plain and did.form == "ed"
            and who.text not in known.shells and items[at - 1].kind == "word"
        ):  # fmt: skip
            found[at : at + 3] = [that, did, word_item("by"), who]
            break
    return found


def _counts(items: list[Item]) -> list[Item]:
    """``word count`` → ``count words``."""
    found = list(items)
    for at in range(len(items) - 1):
        noun, count = items[at : at + 2]
        ends = _ends(items, at + 2) or items[at + 2].own in ("of", "in")
        if count.own == "count" and not count.form and ends and noun.text in lexicon().nouns:
            found[at : at + 2] = [count, noun]
    return found


def _asked(items: list[Item]) -> list[Item]:
    """``How many numbers in the list are even`` → ``count even numbers in the list``; so with ``which``."""
    end = len(items)
    while end and items[end - 1].kind == "stop":
        end -= 1
    if end < 4 or items[0].text not in ("count", "which") or any(item.kind == "stop" for item in items[:end]):
        return items
    are, even = items[end - 2 : end]
    if (
        are.own not in ("are", "is")
        or even.kind != "word"
        or even.own in lexicon().exact
        or items[1].kind != "word"
    ):
        return items
    return [items[0], even, items[1], *items[2 : end - 2], are]


def _without(items: list[Item]) -> list[Item]:
    """``the list without its first element`` → ``drop first element of list``, if that is all."""
    known = lexicon()
    for at, item in enumerate(items[:-1]):
        if item.own in ("without", "except") and items[at + 1].text in ("#1", "#last"):
            end = next((n for n in range(at, len(items)) if items[n].kind == "stop"), len(items))
            return [word_item("drop"), *items[at + 1 : end], word_item("of"), *items[:at], *items[end:]]
        if item.kind != "word" or not (item.text in known.nouns or is_empty(item, None, False)):
            break
    return items


def _put_in_order(items: list[Item]) -> list[Item]:
    """``put the names into alphabetical order`` → ``sort the names alphabetical``."""
    if not items or items[0].own not in ("put", "bring"):
        return items
    for at in range(len(items) - 1, 1, -1):
        if items[at].own == "order":
            between = [item for item in items[1:at] if item.own not in ("in", "into")]
            return [items[at], *between, *items[at + 1 :]]
    return items


def _ends(items: list[Item], at: int) -> bool:
    return at >= len(items) or items[at].kind == "stop"
