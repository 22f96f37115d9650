"""Task descriptions as words in base form, each with the marker that governs it.

``Transfer an amount from savings to checking`` becomes ``transfer amount from:savings to:checking``: with
that, two texts of the same words in other roles are told apart.  English only; a text in another language
gets words that nothing stands for, so the gate refuses it unless it is the same text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from runtime.meaning.arrange import fronted_last, reordered
from runtime.meaning.items import BE, Item, is_empty, items_of, joined_numbers
from runtime.meaning.lexicon import lexicon
from runtime.meaning.phrases import phrases_replaced
from runtime.meaning.tokens import Token, normal, tokens

_MOVES = ("change", "translate", "exchange", "map")
"""At the beginning they say no more than the ``to`` that follows."""
_ORDERING = frozenset({"reverse", "order", "rotate", "shuffle"})
_GATHERING = frozenset(
    {"sum", "count", "average", "median", "concatenate", "join", "merge", "product", "multiply"}
)
_BOUNDS = frozenset({
    "above", "below", "before", "after", "between", "at-least", "at-most", "up-to", "within", "outside",
    "since", "until", "against", "beyond", "during", "around",
})  # fmt: skip


class Word(NamedTuple):
    """``text``: what stands for it; ``own``: its own base form; ``marker``: the preposition that governs it,
    "" for none; ``group``: which occurrence of that; ``form``: ``ing``, ``ed``, ``s``,
    ``'s``, ``every`` or ""."""

    text: str
    own: str
    marker: str
    group: int
    form: str = ""


class Reading(NamedTuple):
    """What a text says. ``words``: content words; ``numbers``, with the unit or word that follows;
    ``names``: proper names, quoted texts, single letters; ``poles``: ends of scales, by scale;
    ``negations``, ``choices`` (*or*): how many; ``bounds``: markers that compare; ``foreign``: whether it is,
    or may be, in another language."""

    words: tuple[Word, ...]
    numbers: tuple[str, ...]
    units: tuple[str, ...]
    names: tuple[str, ...]
    poles: dict[int, frozenset[str]]
    negations: int
    choices: int
    bounds: tuple[str, ...]
    foreign: bool


@lru_cache(maxsize=1024)
def read(text: str) -> Reading:
    """What the text says. Remembered, since texts that are compared once are compared again: those that were
    stored with every new one."""
    raw = tokens(normal(text))
    items = phrases_replaced(joined_numbers(list(items_of(raw))))
    return _Reader(fronted_last(reordered(items))).reading(_foreign(raw))


class _Reader:
    """Goes through the items once. ``marker`` governs what follows; ``group``: the place of that marker."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.words: list[Word] = []
        self.numbers: list[str] = []
        self.units: list[str] = []
        self.names: list[str] = []
        self.poles: dict[int, set[str]] = {}
        self.bounds: list[str] = []
        self.negations = self.choices = 0
        self._marker, self._group = "", 0
        self._shares = False  # whether ``each`` after this marker means one by one
        self._each: str | None = None  # the marker before such an ``each``, which holds for one word
        self._many = ""  # the word that says there are several
        self._moves = any(item.text == "to" for item in items)

    def reading(self, foreign: bool) -> Reading:
        for at, item in enumerate(self.items):
            if item.kind != "word" or item.own in lexicon().exact:
                self._many = ""
            if item.kind == "stop":
                self._marker, self._group = "", at
            elif item.kind == "number":
                self.numbers.append(f"{item.text} {_counted(self.items, at)}".strip())
                self._add(item.text)
            elif item.kind == "name":
                self.names.append(item.text)
                self._add(item.text)
            elif item.kind == "word":
                self._word(item, at)
        poles = {scale: frozenset(ends) for scale, ends in self.poles.items()}
        return Reading(
            tuple(self.words), tuple(self.numbers), tuple(self.units), tuple(self.names), poles,
            self.negations, self.choices, tuple(self.bounds), foreign,
        )  # fmt: skip

    def _word(self, item: Item, at: int) -> None:
        known, word = lexicon(), item.text
        self.negations += word in known.negation
        self.choices += word == "or"
        if word in known.markers:
            self._mark(known.markers[word], at)
            self._shares = item.own in ("of", "for", "in")
            return
        if word in BE or (word in ("and", "or") and not _in_list(self.items, at)):
            self._marker, self._group = "", at
        if word == "every":
            self._many = item.own
            if item.own in ("each", "every") and (self._shares or self._one_by_one(item.own)):
                self._each, self._marker, self._group = self._marker, "by", at
        self._shares = False
        pole = known.poles.get(word)
        if pole is not None:
            self.poles.setdefault(pole[0], set()).add(pole[1])
        if word in known.units:
            self.units.append(known.units[word])
            self._add(known.units[word])
        elif not is_empty(item, pole, self._moves) and not (at == 0 and self._moves and item.own in _MOVES):
            # ``all whitespace`` is one, ``all words`` are many
            several = self._many in ("each", "every") or (self._many == "all" and item.form == "s")
            self._add(word, item.own, "every" if several else item.form)
            if self._each is not None:
                self._marker, self._group, self._each = self._each, at, None

    def _one_by_one(self, every: str) -> bool:
        """``reverse each word`` does not reverse the words; ``sum each row`` does not sum the rows."""
        verb = self.words[-1].text if self.words else ""
        return verb in _ORDERING or (every == "each" and verb in _GATHERING)

    def _mark(self, marker: str, at: int) -> None:
        self._marker, self._group, self._each = marker, at, None
        if marker in _BOUNDS:
            self.bounds.append(marker)

    def _add(self, text: str, own: str = "", form: str = "") -> None:
        self.words.append(Word(text, own or text, self._marker, self._group, form))


def _counted(items: list[Item], at: int) -> str:
    """The unit after a number, and what it is per."""
    known = lexicon()
    following = [item.text for item in items[at + 1 : at + 4] if item.kind in ("word", "name")]
    parts = [known.units.get(word, word) for word in following]
    if not parts or parts[0] not in known.units:
        return ""
    return f"{parts[0]}/{parts[2]}" if len(parts) == 3 and parts[1] == "per" else parts[0]


def _in_list(items: list[Item], at: int) -> bool:
    """Whether ``and`` joins two things of one marker (``between a and b``)."""
    return at + 1 < len(items) and items[at + 1].kind in ("name", "number")


def _foreign(raw: list[Token]) -> bool:
    """Whether there are words of another language or script; single letters (π) and names do not count."""
    words = [token for token in raw if token.kind == "word" and len(token.text) > 1]
    return any(
        token.text in lexicon().foreign
        or (not token.text.isascii() and not token.text[0].isupper())
        or any(char > "\u024f" for char in token.text)
        for token in words
    )  # fmt: skip
