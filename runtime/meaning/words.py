"""Task descriptions as words in base form, each with the marker that governs it.

``Transfer an amount from savings to checking`` becomes ``transfer amount from:savings to:checking``: with
that, two texts of the same words in other roles are told apart.  English only; a text in another language
gets words that nothing stands for, so the gate refuses it unless it is the same text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"|`[^`]*`|(?<!\w)'[^']+'(?!\w))
    |(?P<number>\d+(?:[.,]\d+)*)
    |(?P<word>:?[^\W\d_][\w.]*(?:[-'\u2019/][\w]+)*(?<!\.))
    |(?P<sign>[%$€£+*=<>])
    |(?P<stop>[,:;.?!()])""",
    re.VERBOSE,
)
_ORDINALS = {"first": "#1", "second": "#2", "third": "#3", "fourth": "#4", "fifth": "#5", "last": "#last"}
_FRONTED = ("if", "that", "who", "which", "written", "paid", "given", "ignoring")
_NTH = re.compile(r"(\d+)(?:st|nd|rd|th)")


class Lexicon(NamedTuple):
    """``same``, ``near``, ``units``, ``markers``: word → the one that stands for it; ``poles``: word →
    (scale, end, whether that end may be left out); ``irregular``: form → base form; ``phrases``: by their
    first word, the longest first."""

    same: dict[str, str]
    near: dict[str, str]
    poles: dict[str, tuple[int, str, bool]]
    phrases: dict[str, list[tuple[list[str], list[str]]]]
    negation: frozenset[str]
    markers: dict[str, str]
    filler: frozenset[str]
    units: dict[str, str]
    numbers: dict[str, float]
    verbs: frozenset[str]
    irregular: dict[str, str]


class Word(NamedTuple):
    """``marker``: the preposition that governs it, "" for none."""

    text: str
    marker: str


class Reading(NamedTuple):
    """What a text says. ``words``: content words; ``numbers``, with the unit or word that follows;
    ``names``: proper names, quoted texts, single letters; ``poles``: ends of scales, by scale;
    ``negations``: how many."""

    words: tuple[Word, ...]
    numbers: tuple[str, ...]
    units: tuple[str, ...]
    names: tuple[str, ...]
    poles: dict[int, frozenset[str]]
    negations: int


@cache
def lexicon() -> Lexicon:
    data = tomllib.loads(files("runtime.meaning").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    poles: dict[str, tuple[int, str, bool]] = {}
    for scale, line in enumerate(data["opposite"]):
        one, other, free = line.split()
        poles[one], poles[other] = (scale, one, free == one), (scale, other, free == other)
    phrases: dict[str, list[tuple[list[str], list[str]]]] = {}
    for line in data["phrases"]:
        phrase, _, stands = line.partition(" = ")
        words = phrase.split()
        phrases.setdefault(words[0], []).append((words, stands.split()))
    for options in phrases.values():
        options.sort(key=lambda option: -len(option[0]))
    return Lexicon(
        _groups(data["same"]), _groups(data["near"]), poles, phrases,
        frozenset(data["negation"]), _groups(data["markers"]), frozenset(data["filler"]),
        _groups(data["units"]), data["numbers"], frozenset(data["verbs"]),
        dict(pair.split("=") for pair in data["irregular"]),
    )  # fmt: skip


def _groups(lines: list[str]) -> dict[str, str]:
    return {word: line.split()[0] for line in lines for word in line.split()}


def read(text: str, near: bool = False) -> Reading:
    """What the text says. With ``near``, words of almost the same meaning count as the same."""
    known = lexicon()
    words: list[Word] = []
    numbers: list[str] = []
    units: list[str] = []
    names: list[str] = []
    poles: dict[int, set[str]] = {}
    negations = 0
    marker = ""
    tokens = list(_tokens(text, known))
    for at, token in enumerate(tokens):
        if token.kind == "stop" or (token.text in ("and", "or") and token.kind == "word"):
            marker = "" if token.text not in ("and", "or") or not _in_list(tokens, at) else marker
        if token.kind == "stop":
            continue
        if token.kind == "number":
            numbers.append(f"{token.text} {_counted(tokens, at, known)}".strip())
            words.append(Word(token.text, marker))
            continue
        if token.kind == "name":
            names.append(token.text)
            words.append(Word(token.text, marker))
            continue
        if token.text in known.negation:
            negations += 1
        if token.text in known.markers:
            marker = known.markers[token.text]
        pole = known.poles.get(token.text)
        if pole is not None:
            poles.setdefault(pole[0], set()).add(pole[1])
        if token.text in known.units:
            unit = known.units[token.text]
            units.append(unit)
            words.append(Word(unit, marker))
        elif not _empty(token.text, known, pole):
            words.append(Word(known.near.get(token.text, token.text) if near else token.text, marker))
    return Reading(
        tuple(words), tuple(numbers), tuple(units), tuple(names),
        {scale: frozenset(ends) for scale, ends in poles.items()}, negations,
    )  # fmt: skip


def _empty(word: str, known: Lexicon, pole: tuple[int, str, bool] | None) -> bool:
    if pole is not None:
        return pole[2] or word in known.filler
    return word in known.filler or word in known.markers or word in known.negation


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str, known: Lexicon) -> Iterator[_Token]:
    """Base forms, phrases replaced, a part in front moved behind the rest."""
    raw = [
        _Token(match.lastgroup or "", match.group())
        for match in _TOKEN.finditer(_fronted_last(text.strip(), known))
    ]
    at = 0
    while at < len(raw):
        kind, word = raw[at]
        lower = word.lower()
        phrase = _phrase(raw, at, known)
        if phrase is not None:
            length, stands = phrase
            for part in stands:
                yield _Token("number", part) if part.isdigit() else _Token("word", base(part, known))
            at += length
            continue
        yield _token(kind, word, lower, at, raw, known)
        at += 1


def _phrase(raw: list[_Token], at: int, known: Lexicon) -> tuple[int, list[str]] | None:
    for words, stands in known.phrases.get(raw[at].text.lower(), ()):
        if [token.text.lower() for token in raw[at : at + len(words)]] == words:
            return len(words), stands
    return None


def _token(kind: str, word: str, lower: str, at: int, raw: list[_Token], known: Lexicon) -> _Token:
    if kind == "quoted":
        return _Token("name", word)
    if kind == "number":
        return _Token("number", word.replace(",", ""))
    if kind == "stop":
        return _Token("stop", word)
    if kind == "sign":
        return _Token("word", known.units.get(word, word))
    nth = _NTH.fullmatch(lower)
    if nth:
        return _Token("number", f"#{nth[1]}")
    if lower == "given" and at and raw[at - 1].text.lower() in ("the", "a", "an"):
        return _Token("word", "the")  # no marker: ``the given date``
    if lower in _ORDINALS and not _is_unit(lower, at, raw):
        return _Token("number", _ORDINALS[lower])
    if lower != "one" and lower in known.numbers:
        return _Token("number", f"{known.numbers[lower]:g}")
    first = at == 0 or (raw[at - 1].kind == "stop" and raw[at - 1].text in ".?!")
    if word.startswith(":") or (len(word) == 1 and not _is_article(word, first, at, raw, known)):
        return _Token("name", lower)
    if word[0].isupper() and not first and base(lower, known) not in known.units:
        return _Token("name", base(lower, known))
    return _Token("word", base(lower, known))


def _is_article(letter: str, first: bool, at: int, raw: list[_Token], known: Lexicon) -> bool:
    """Whether ``a`` or ``I`` is the word and not a name."""
    if letter not in "aAI" or (letter == "A" and not first):
        return False
    following = raw[at + 1] if at + 1 < len(raw) else None
    if following is None or following.kind == "stop":
        return False
    then = following.text.lower()
    return then in ("given", "per") or not (then in known.markers or then in ("and", "or", "is"))


def _is_unit(lower: str, at: int, raw: list[_Token]) -> bool:
    return lower == "second" and at > 0 and raw[at - 1].text.lower() in ("per", "a")


def _fronted_last(text: str, known: Lexicon) -> str:
    """``In a list, count the numbers`` → ``count the numbers in a list``."""
    for stop in (": ", ", "):
        front, found, rest = text.partition(stop)
        if found and _is_front(front.split(" ", 1)[0].lower(), rest.split(" ", 1)[0].lower(), known):
            break
    else:
        words = text.split(" ")
        verb = next((n for n, word in enumerate(words) if n and word in known.verbs), 0)
        if not verb or words[0].lower() not in known.markers:
            return text
        front, rest = " ".join(words[:verb]), " ".join(words[verb:])
    return f"{rest.rstrip('.?! ')} {front[0].lower()}{front[1:]}"


def _is_front(first: str, then: str, known: Lexicon) -> bool:
    """Whether a part that begins with ``first`` belongs behind the one that begins with ``then``."""
    return first in known.markers or first in _FRONTED or (then in known.verbs and first not in known.verbs)


def _counted(tokens: list[_Token], at: int, known: Lexicon) -> str:
    """The unit after a number, and what it is per."""
    following = [t.text for t in tokens[at + 1 : at + 4] if t.kind in ("word", "name")]
    parts = [known.units.get(word, word) for word in following]
    if not parts or parts[0] not in known.units:
        return ""
    return f"{parts[0]}/{parts[2]}" if len(parts) == 3 and parts[1] == "per" else parts[0]


def _in_list(tokens: list[_Token], at: int) -> bool:
    """Whether ``and`` joins two things of one marker (``between a and b``)."""
    return at + 1 < len(tokens) and tokens[at + 1].kind in ("name", "number")


def base(word: str, known: Lexicon) -> str:
    """The word that stands for this one: its base form, then the first of its group."""
    for form in _forms(word, known):
        if form in known.same:
            return known.same[form]
        if (
            form in known.units or form in known.poles or form in known.markers or form in known.negation
            or form in known.filler or form in known.near
        ):  # fmt: skip
            return form
    return _stem(word, known)


def _forms(word: str, known: Lexicon) -> Iterator[str]:
    """The word, then what it may be an inflection of."""
    yield word
    if word in known.irregular:
        yield known.irregular[word]
        return
    if word.endswith(("'s", "\u2019s")):
        word = word[:-2]
        yield word
    for ending, stands in (
        ("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""), ("ied", "y"),
        ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("er", ""), ("ation", "e"), ("ion", ""),
        ("ion", "e"), ("ly", ""),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            root = word[: len(word) - len(ending)] + stands
            yield root
            if len(root) > 2 and root[-1] == root[-2] and ending in ("ed", "ing", "er"):
                yield root[:-1]


def _stem(word: str, known: Lexicon) -> str:
    """The shortest of the plausible base forms that only inflection leads to: plural and verb endings."""
    if word in known.irregular:
        return known.irregular[word]
    for ending, stands in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending):
            word = word[: -len(ending)] + stands
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
            word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and re.search("[aeiouy]", root):
            return root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root.rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
