"""A text as tokens: the same character for what is written in several ways, and nothing left out silently.

Whatever is neither a word nor a number nor punctuation becomes a token of its own, so that ``a / b`` is not
``a * b`` and ``[a, b)`` is not ``[a, b]``.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

LONGEST = 4000
"""Characters; a longer text is no description of a task, and is only compared as a whole."""

_LONGEST_NUMBER = 20
_SAME = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"',
    "\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2212": "-", "\u00d7": "*", "\u22c5": "*",
    "\u00f7": "/", "\u2044": "/", "\u2215": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
    "\u2013": " \u2014 ", "\u2014": " \u2014 ", "\u2103": "\u00b0C", "\u2109": "\u00b0F",
})  # fmt: skip
_RAISED = re.compile("[\u00b2\u00b3\u00b9\u2070-\u207f]+")
_FRACTION = re.compile("(?<=[0-9])([\u00bc-\u00be\u2150-\u215e])")
_BETWEEN_DIGITS = re.compile("(?<=\\d)\u2013(?=\\d)")
_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"|`[^`]*`|(?<!\w)'[^']+'(?!\w))
    |(?P<degree>°\s?[CFK]\b)
    |(?P<literal>\d{1,4}(?:-\d{1,2}){2}(?!\w)|\d{1,2}(?P<dot>[./])\d{1,2}(?P=dot)\d{2,4}(?!\w)|\d{1,2}(?::\d{2})+(?!\d)
        |\d+(?:\.\d+){2,}|0[xX][0-9a-fA-F]+|0\d+|\d+_[\d_]+)
    |(?P<nth>\d+(?:st|nd|rd|th)\b)
    |(?P<number>(?:(?<![\w)\]'"`.])-)?(?:(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+(?:,\d+)*)(?:\.\d+)?|(?<![\w.])\.\d+)
        (?:[eE][-+]?\d+)?(?!\.\d))
    |(?P<word>:?[^\W\d_]\w*(?:['/.][^\W\d_]\w*)*)
    |(?P<joint>(?<=[^\W\d_][^\W\d_])-(?=\w)|(?<=\w)-(?=[^\W\d_]{2}))
    |(?P<range>(?<!\.)\.\.(?!\.))
    |(?P<stop>[,:;.?()\u2014\u2026]|!(?![=\w])(?<![0-9)]!)(?<!\b[a-z]!))
    |(?P<mark>(?<!\d)['"`])
    |(?P<sign><=|>=|!=|==|\S)""",
    re.VERBOSE,
)
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


class Token(NamedTuple):
    """``kind``: ``quoted``, ``literal`` (a date, a time, a code), ``nth``, ``number``, ``word``, ``stop``,
    ``sign``. ``text`` as written. ``first``: whether it begins a sentence."""

    kind: str
    text: str
    first: bool


def normal(text: str) -> str:
    """Other ways of writing the same characters brought to one; white space to single spaces."""
    text = _RAISED.sub(lambda found: "^" + found[0], _FRACTION.sub(r" \1", text))
    text = unicodedata.normalize("NFKC", _BETWEEN_DIGITS.sub("-", text)).translate(_SAME)
    if not text.isascii():
        text = "".join(map(_plain, text))
    return " ".join(text.split())


def _plain(char: str) -> str:
    if unicodedata.category(char) == "Cf":  # joiners and marks of direction, which nobody sees
        return ""
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def tokens(text: str) -> list[Token]:
    """Of a text that is `normal`. Linear."""
    found: list[Token] = []
    first = True
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "sign", match.group()
        if kind in ("joint", "mark"):
            continue
        if kind == "degree":
            kind, word = "word", {"C": "celsius", "F": "fahrenheit", "K": "kelvin"}[word[-1]]
        elif kind == "range":
            kind = "sign"
        elif kind == "number":
            kind, word = _number(word)
        found.append(Token(kind, word, first))
        first = kind == "stop" and word in ".?!"
    return found


def _number(text: str) -> tuple[str, str]:
    """The number in the one way to write it; a literal where it is not clear what number it is."""
    if "," in text:
        if not _GROUPED.fullmatch(text):
            return "literal", text
        text = text.replace(",", "")
    if len(text) > _LONGEST_NUMBER:  # exact below that: Decimal has 28 digits
        return "literal", text
    _, _, exponent = text.lower().partition("e")
    return ("literal", text) if len(exponent) > 4 else ("number", shown(Decimal(text)))


def shown(value: Decimal) -> str:
    """``1000`` for 1e3, ``2.5`` for 2.50; very large and small ones with their exponent."""
    value = value.normalize()
    return f"{value:f}" if abs(value.adjusted()) <= 30 else str(value)
