"""What is known of English words (lexicon.toml), and which word an inflected one comes from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple


class Lexicon(NamedTuple):
    """``same``, ``units``, ``markers``: word → the one that stands for it; ``near``: word → its groups;
    ``poles``: word → (scale, end, whether that end may be left out); ``irregular``, ``past``: form → base;
    ``shells``: verbs that say nothing; ``nouns``: no verbs; ``exact``: words that count only as they are;
    ``content``: words that inflected forms may lead to."""

    same: dict[str, str]
    near: dict[str, frozenset[int]]
    poles: dict[str, tuple[int, str, bool]]
    phrases: list[tuple[str, str]]
    negation: frozenset[str]
    markers: dict[str, str]
    filler: frozenset[str]
    shells: frozenset[str]
    units: dict[str, str]
    numbers: dict[str, int]
    verbs: frozenset[str]
    irregular: dict[str, str]
    past: dict[str, str]
    nouns: frozenset[str]
    foreign: frozenset[str]
    exact: frozenset[str]
    content: frozenset[str]


@cache
def lexicon() -> Lexicon:
    data = tomllib.loads(files("runtime.meaning").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    poles: dict[str, tuple[int, str, bool]] = {}
    for scale, line in enumerate(data["opposite"]):
        one, other, free = line.split()
        poles[one], poles[other] = (scale, one, free == one), (scale, other, free == other)
    same, units, markers = (_groups(data[name]) for name in ("same", "units", "markers"))
    near: dict[str, frozenset[int]] = {}
    for place, line in enumerate(data["near"]):
        for word in line.split():
            near[same.get(word, word)] = near.get(same.get(word, word), frozenset()) | {place}
    filler, negation = frozenset(data["filler"]), frozenset(data["negation"])
    verbs, shells = frozenset(data["verbs"]), frozenset(data["shells"])
    nearby = {word for line in data["near"] for word in line.split()}
    exact = filler | negation | markers.keys() | data["numbers"].keys() | {"second", "last", "dozen"}
    return Lexicon(
        same, near, poles, [_phrase(line) for line in data["phrases"]], negation, markers, filler, shells,
        units, data["numbers"], verbs, _forms_of(data["irregular"]), _forms_of(data["past"]),
        frozenset(data["nouns"]), frozenset(data["foreign"]), exact,
        (same.keys() | nearby | poles.keys() | units.keys() | verbs | shells) - exact,
    )  # fmt: skip


def _groups(lines: list[str]) -> dict[str, str]:
    return {word: line.split()[0] for line in lines for word in line.split()}


def _forms_of(lines: list[str]) -> dict[str, str]:
    return {form: word for form, _, word in (line.partition("=") for line in lines)}


def _phrase(line: str) -> tuple[str, str]:
    phrase, _, stands = line.partition(" =")
    return phrase, stands.strip()


class Base(NamedTuple):
    """``word``: the base form. ``form``: ``ing``, ``ed``, ``s``, ``'s`` or "": what ended it."""

    word: str
    form: str


_ENDINGS = (
    ("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""), ("ied", "y"),
    ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ly", ""),
)  # fmt: skip


@lru_cache(maxsize=1 << 14)
def base(word: str) -> Base:
    """Of a word in lower case. Words that carry the sentence (``in``, ``not``) count only as they are."""
    known = lexicon()
    if word.endswith("'s"):
        return Base(base(word[:-2]).word, "'s")
    word = _spelling(word)
    if word in known.past:
        return Base(known.past[word], "ed")
    if word in known.exact or word in known.content:
        return Base(word, "")
    if word in known.irregular:
        return Base(known.irregular[word], "")
    for form, ending in _forms(word):
        if form in known.content:
            return Base(form, ending)
    mended = _mended(word, known)
    return mended or _stem(word)


def _spelling(word: str) -> str:
    """British and American spelling brought to one, of any word."""
    word = re.sub("(?<=[a-z]{3})(?:is(?=e|ing|ation)|ys(?=e|ing))", lambda m: m[0][0] + "z", word)
    return re.sub("(?<=[a-z]{3})our(?=s?$|ed$|ing$|ite)", "or", word) if len(word) > 5 else word


def _forms(word: str) -> Iterator[tuple[str, str]]:
    """What the word may be an inflection of, with the ending that says how."""
    yield word, ""
    for ending, stands in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            root = word[: len(word) - len(ending)] + stands
            form = "ed" if ending == "ied" else "s" if ending[-1] == "s" else ending if ending != "ly" else ""
            yield root, form
            if form in ("ing", "ed") and len(root) > 2 and root[-1] == root[-2]:
                yield root[:-1], form


def _mended(word: str, known: Lexicon) -> Base | None:
    """A long word with two letters swapped or a double letter halved, if that makes it a known one."""
    if len(word) < 6 or not word.isascii():
        return None
    for at in range(1, len(word) - 1):
        swapped = f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"
        doubled = f"{word[:at]}{word[at]}{word[at:]}"
        for candidate in (swapped, doubled):
            for form, ending in _forms(candidate):
                if len(form) >= 6 and form != word and form in known.content:
                    return Base(form, ending)
    return None


def _stem(word: str) -> Base:
    """The shortest of the plausible base forms that only inflection leads to: plural and verb endings."""
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
            form = "" if ending == "ly" else ending
            if root[-1] == root[-2] and root[-1] not in "lsz":
                return Base(root[:-1], form)
            return Base(root.rstrip("e"), form)
    return Base(word.rstrip("e") if len(word) > 3 else word, "")
