"""Tokens in base form: numbers as numbers, names as names, and the words that stand for others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from runtime.meaning.lexicon import base, lexicon
from runtime.meaning.tokens import Token, shown

_ORDINALS = {
    "first": "#1", "second": "#2", "third": "#3", "fourth": "#4", "fifth": "#5", "sixth": "#6",
    "seventh": "#7", "eighth": "#8", "ninth": "#9", "tenth": "#10", "last": "#last", "nth": "#n",
}  # fmt: skip
_TIMES = {
    "twice": "x2", "double": "x2", "doubled": "x2", "doubles": "x2", "thrice": "x3", "triple": "x3",
    "tripled": "x3", "quadruple": "x4", "half": "x0.5", "halve": "x0.5", "halved": "x0.5",
}  # fmt: skip
_SHORT_NOT = {"can't": ["cannot"], "won't": ["will", "not"], "shan't": ["shall", "not"]}
_BITS = re.compile("[kKmMgGtT]b")
"""A megabit is no megabyte."""
_ARTICLES = ("a", "an", "the")
_OWNERS = ("its", "their", "his", "her", "my", "your", "our")
BE = ("is", "are", "was", "were", "be")


class Item(NamedTuple):
    """A token in base form. ``kind``: ``word``, ``name``, ``number``, ``stop``, ``article``. ``text``: what
    stands for it; ``own``: its own base form, "" for what is no word; ``form``: see `lexicon.Base`."""

    kind: str
    text: str
    own: str = ""
    form: str = ""

    @property
    def base(self) -> str:
        return self.own or self.text


def items_of(raw: list[Token]) -> Iterator[Item]:
    for at, token in enumerate(raw):
        if token.kind in ("quoted", "literal"):
            yield Item("name", token.text)
        elif token.kind == "nth":
            yield Item("number", f"#{token.text[:-2]}")
        elif token.kind in ("number", "stop"):
            yield Item(token.kind, token.text)
        elif token.kind == "sign":
            yield word_item(lexicon().units.get(token.text, token.text))
        else:
            yield from _of_word(token, at, raw)


def _of_word(token: Token, at: int, raw: list[Token]) -> Iterator[Item]:
    word, lower = token.text, token.text.lower()
    before = raw[at - 1].text.lower() if at else ""
    if lower in _SHORT_NOT or lower.endswith("n't"):
        yield from map(word_item, _SHORT_NOT.get(lower) or [lower[:-3], "not"])
    elif _BITS.fullmatch(word):
        yield Item("name", word)
    elif _is_name(token, at, raw):
        mixed = word[1:].lower() != word[1:] and not word.isupper()
        yield Item("name", word if mixed else lower.removesuffix("'s"))
    elif lower in _ARTICLES or lower in _OWNERS:
        yield Item("article", lower)
    elif lower == "given" and before in (*_ARTICLES, "some", "each"):
        return
    elif lower in _ORDINALS and not (lower == "second" and _is_unit(before, at, raw)):
        yield _fraction(lower, before, at, raw) or Item("number", _ORDINALS[lower])
    elif lower in _TIMES:
        yield Item("number", _TIMES[lower])
    elif lower == "quarter" and _follows(raw, at) == "of":
        yield Item("number", "x0.25")
    elif lower == "one" and _is_pronoun(before, at, raw):
        return
    else:
        yield word_item(lower)


def word_item(lower: str) -> Item:
    known = lexicon()
    if lower in known.numbers:
        return Item("number", str(known.numbers[lower]), lower)
    own, form = base(lower)
    return Item("word", known.same.get(own, own), own, form)


def _follows(raw: list[Token], at: int) -> str:
    return raw[at + 1].text.lower() if at + 1 < len(raw) else ""


def _is_unit(before: str, at: int, raw: list[Token]) -> bool:
    return before == "per" or (at > 0 and raw[at - 1].kind == "number")


def _fraction(lower: str, before: str, at: int, raw: list[Token]) -> Item | None:
    """``a third of`` is no third one."""
    if lower not in ("third", "fourth", "fifth", "tenth") or before not in ("a", "one"):
        return None
    return Item("number", f"x1/{_ORDINALS[lower][1:]}") if _follows(raw, at) == "of" else None


def _is_name(token: Token, at: int, raw: list[Token]) -> bool:
    word = token.text
    if word.startswith(":") or "_" in word or any(c.isdigit() for c in word):
        return True
    if len(word) == 1:
        return not _is_article(token, at, raw)
    if not word.isupper() and word[1:].lower() != word[1:]:
        return True
    known = lexicon()
    return word[0].isupper() and not token.first and base(word.lower()).word not in known.units


def _is_article(token: Token, at: int, raw: list[Token]) -> bool:
    """Whether ``a`` or ``I`` is the word and not a name."""
    letter = token.text
    if letter not in ("a", "A", "I") or (letter == "A" and not token.first):
        return False
    if at + 1 == len(raw) or raw[at + 1].kind in ("stop", "sign"):
        return False
    then = raw[at + 1].text.lower()
    return then in ("given", "per") or not (then in lexicon().markers or then in ("and", "or", *BE))


def _is_pronoun(before: str, at: int, raw: list[Token]) -> bool:
    """Whether ``one`` stands for something that was named, and is no number."""
    then = _follows(raw, at)
    if (
        then == "of"
        or before in lexicon().numbers
        or before in ("least", "most", "exactly", "by", "than", "only")
    ):
        return False
    following = raw[at + 1].kind if at + 1 < len(raw) else "stop"
    return (
        following == "stop" or then in lexicon().markers or then in BE
        or then in ("that", "which", "who", "whose", "and", "or", "has", "wins", "first", "last")
    )  # fmt: skip


def joined_numbers(items: list[Item]) -> list[Item]:
    """``two hundred``, ``twenty-one``, ``1.5 million`` as one number each."""
    found: list[Item] = []
    for item in items:
        last = found[-1] if found else None
        if item.kind == "number" and item.own and last is not None and last.kind == "number":
            joined = _joined(last, item)
            if joined is not None:
                found[-1] = joined
                continue
        found.append(item)
    return found


def _joined(last: Item, item: Item) -> Item | None:
    if last.text[0] in "#x":
        return None
    one, other = Decimal(last.text), Decimal(item.text)
    if max(len(last.text), len(item.text)) > 13:  # the result has to be exact
        return None
    if other == 12 or (other >= 100 and one < other):
        return Item("number", shown(one * other), item.own if last.own else "")
    if last.own and ((20 <= one < 100 and other < 10) or (one >= 100 and other < 100)) and one % 10 == 0:
        return Item("number", shown(one + other), item.own)
    return None


def is_empty(item: Item, pole: tuple[int, str, bool] | None, moves: bool) -> bool:
    """Whether the word adds nothing to what is compared anyway."""
    known = lexicon()
    if item.text == "convert":
        return moves  # ``to`` says it
    if pole is not None:
        return pole[2]
    return (
        item.text in known.filler or item.text in known.shells or item.own in known.shells
        or item.text in known.negation or item.text in ("or", "every")
    )  # fmt: skip
