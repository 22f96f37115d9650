"""The second gate: may one task stand for the other?

Embeddings put a question and its reversal close together.  The gate looks at what they overlook: negations,
numbers, units, names, opposite words, and who does what to whom.  It refuses what it cannot account for, so
a hit is either confirmed word by word or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from runtime.meaning.lexicon import lexicon
from runtime.meaning.tokens import LONGEST, normal
from runtime.meaning.words import Reading, Word, read

_ALIKE = frozenset(map(frozenset, (
    ("", "of"), ("of", "from"), ("given", "from"), ("given", "of"), ("given", ""), ("given", "with"),
)))  # fmt: skip
"""Markers that may take each other's place: ``elements of a list``, ``elements from a list``. Two words that
swap theirs are another task all the same."""
_APART = ("from", "given", "to")
_MOST_SHOWN = 12
_HOLDERS = frozenset({"list", "string", "dictionary"})
"""What the interface says anyway, so that one of the texts may leave it out: ``in the list``."""


def differences(one: str, other: str, confirmed: bool = False) -> list[str]:
    """Why the two texts cannot stand for each other, most telling first; empty if they can. Symmetric.
    ``confirmed``: examples have shown that both do the same, so words of almost the same meaning will do."""
    if one == other:
        return []
    if max(len(one), len(other)) > LONGEST:
        return [f"length: texts of more than {LONGEST} characters must be the same"]
    if normal(one) == normal(other):
        return []
    return list(_differences(read(one), read(other), confirmed))


def _differences(a: Reading, b: Reading, confirmed: bool) -> Iterator[str]:
    if a.foreign or b.foreign:
        yield "language: only English texts are compared by their words"
    if not a.words or not b.words:
        yield "words: a text that says nothing stands for no other"
    if a.negations != b.negations:
        yield f"negations: {a.negations} and {b.negations}"
    if a.choices != b.choices:
        yield f"choices: {a.choices} and {b.choices} times or"
    for what, ours, theirs in (
        ("numbers", a.numbers, b.numbers), ("units", a.units, b.units), ("bounds", a.bounds, b.bounds),
    ):  # fmt: skip
        if Counter(ours) != Counter(theirs):
            yield f"{what}: {_both(ours, theirs)}"
    for scale in sorted(a.poles.keys() & b.poles.keys()):
        if a.poles[scale] != b.poles[scale]:
            yield f"opposites: {_shown(a.poles[scale])} and {_shown(b.poles[scale])}"
    mine, others = _matched(a.words, b.words, confirmed)
    one, other = Counter(word.text for word in mine), Counter(word.text for word in others)
    if one != other:
        if Counter(a.names) != Counter(b.names):
            yield f"names: {_both(a.names, b.names)}"
        yield f"words: {_both((one - other).elements(), (other - one).elements())}"
    else:
        yield from _roles(mine, others)
    yield from _voices(mine, others)


Words = tuple[Word, ...]


def _matched(a: Words, b: Words, confirmed: bool) -> tuple[Words, Words]:
    """The words, with those that may stand for each other made the same."""
    a, b = _told_apart(a, b)
    if not confirmed:
        return a, b
    near = lexicon().near
    ours, theirs = Counter(word.text for word in a), Counter(word.text for word in b)
    for word in list(dict.fromkeys(w.text for w in b if w.text in theirs - ours and w.text not in ours)):
        for mine in dict.fromkeys(w.text for w in a):
            if (
                mine not in theirs and ours[mine] == theirs[word]
                and near.get(mine, frozenset()) & near.get(word, frozenset())
            ):  # fmt: skip
                b = tuple(w._replace(text=mine) if w.text == word else w for w in b)
                theirs = Counter(w.text for w in b)
                break
    return _without_holders(a, theirs, ours), _without_holders(b, ours, theirs)


def _told_apart(a: Words, b: Words) -> tuple[Words, Words]:
    """Where both texts have two words of one group, they mean two things: ``from the total to the sum``."""
    both: dict[str, set[str]] = {}
    for word in a:
        both.setdefault(word.text, set()).add(word.own)
    theirs = {word.own for word in b}
    apart = {text for text, own in both.items() if len(own & theirs) > 1}
    if not apart:
        return a, b
    one, other = (tuple(w._replace(text=w.own) if w.text in apart else w for w in words) for words in (a, b))
    return one, other


def _without_holders(words: Words, others: Counter[str], own: Counter[str]) -> Words:
    """Without what holds the things the task is about, where the other text has none."""
    spare = {
        text for text in _HOLDERS & own.keys() if own[text] == 1 and not others.keys() & _HOLDERS
        and len(own) > 2
    }  # fmt: skip
    return tuple(w for w in words if not (w.text in spare and w.marker in ("of", "from", "given")))


def _roles(a: Words, b: Words) -> Iterator[str]:
    """Of texts with the same words."""
    if _twice(a) != _twice(b):
        yield "order: a word that is said twice goes with others"
    ours, theirs = _markers(a), _markers(b)
    head = {word.text for word in a if not word.marker} & {word.text for word in b if not word.marker}
    gained: dict[str, str] = {}
    lost: dict[str, str] = {}
    for word, markers in ours.items():
        more, less = theirs[word] - markers, markers - theirs[word]
        gained.update(dict.fromkeys(more, word))
        lost.update(dict.fromkeys(less, word))
        if (more or less) and _before(word, a, head) != _before(word, b, head) and not _owner(word, a, b):
            yield f"order: {word} in another place, with another part"
        if not all(_alike(one, other, word) for one in less for other in more):
            yield f"roles: {_marked(less, word)} and {_marked(more, word)}"
    if ({"from", "to"} <= gained.keys()) != ({"from", "to"} <= lost.keys()):
        yield "roles: from and to on one side only"  # ``in Celsius, in Fahrenheit``: which is which?
    for marker in sorted(gained.keys() & lost.keys() - {""}):
        yield f"roles: {marker} {lost[marker]} and {marker} {gained[marker]}"
    for marker in sorted({word.marker for word in a} & {word.marker for word in b}):
        first, second = _sequence(a, b, marker), _sequence(b, a, marker)
        if first != second:
            yield f"order: {_shown(first)} and {_shown(second)}"


def _twice(words: Words) -> Counter[tuple[str, bool, str]]:
    """Words that occur again: each with what follows it, unless that is a part that can stand anywhere."""
    several = {text for text, count in Counter(word.text for word in words).items() if count > 1}
    found: Counter[tuple[str, bool, str]] = Counter()
    for word, then in zip_longest(words, words[1:]):
        if word.text in several:
            ends = then is None or (then.group != word.group and then.marker in ("", *_APART))
            found[word.text, word.marker in _APART, "" if ends else then.text] += 1
    return found


def _alike(one: str, other: str, word: str) -> bool:
    if frozenset((one, other)) in _ALIKE:
        return True
    known = lexicon()  # ``in Fahrenheit``, ``to Fahrenheit``; ``in upper case``, ``to upper case``
    return {one, other} == {"of", "to"} and (word in known.units or word in known.poles)


def _before(word: str, words: Words, head: set[str]) -> list[list[str]]:
    """What of the head comes before each occurrence: ``round the sum of the prices`` is not ``the sum of the
    rounded prices``."""
    return [
        sorted(w.text for w in words[:at] if not w.marker and w.text in head)
        for at, own in enumerate(words) if own.text == word
    ]  # fmt: skip


def _owner(word: str, a: Words, b: Words) -> bool:
    """Whether it names what something is of, with nothing else: ``list maximum``, ``maximum of the list``."""
    for words, others in ((a, b), (b, a)):
        moved = [w for w in words if w.text == word]
        if len(moved) != 1:
            return False
        if moved[0].marker in ("of", "from", "given"):
            group = [w for w in words if w.group == moved[0].group]
            head = words[words.index(group[0]) - 1].text  # what it is of, which it stands before elsewhere
            texts = [w.text for w in group]
            at = next(at for at, w in enumerate(others) if w.text == texts[0])
            there = others[at : at + len(texts) + 1]
            owners = {w.text for w in (*words, *others) if w.form == "'s"}
            return (
                [w.text for w in there] == [*texts, head] and len({w.group for w in there}) == 1
                and (word in lexicon().nouns or not owners.isdisjoint(texts))
            )  # fmt: skip
    return False


def _voices(a: Words, b: Words) -> Iterator[str]:
    """``users inviting`` are not ``users invited``, and ``every word`` is not ``the word``."""
    ours, theirs = _forms(a), _forms(b)
    for word in ours.keys() & theirs.keys():
        if {"ing", "ed"} <= ours[word] ^ theirs[word]:
            yield f"roles: {word}ing and {word}ed"
    for many, forms in ((a, theirs), (b, ours)):
        groups: dict[int, set[str]] = {}
        for said in many:
            if said.form == "every":
                groups.setdefault(said.group, set()).add(said.text)
        for texts in groups.values():
            if not any(forms.get(text, {"s"}) & {"s", "every"} for text in texts):
                yield f"quantities: every {_shown(sorted(texts))}, and one"


def _forms(words: Words) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word in words:
        found.setdefault(word.text, set()).add(word.form)
    return found


def _markers(words: Words) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for word in words:
        found.setdefault(word.text, Counter())[word.marker] += 1
    return found


def _sequence(words: Words, others: Words, marker: str) -> list[str]:
    """Words under a marker in both texts, in order."""
    common = Counter(w.text for w in words if w.marker == marker) & Counter(
        w.text for w in others if w.marker == marker
    )
    return [word.text for word in words if word.marker == marker and word.text in common]


def _both(ours: Iterable[str], theirs: Iterable[str]) -> str:
    """What the two texts say, or that one of them says nothing of it."""
    one, other = _shown(ours), _shown(theirs)
    return f"{one} and {other}" if one and other else f"{one or other} on one side only"


def _marked(markers: Iterable[str], word: str) -> str:
    return ", ".join(f"{marker} {word}".lstrip() for marker in sorted(markers)) or word


def _shown(words: Iterable[str]) -> str:
    found = sorted(words) if isinstance(words, frozenset) else list(words)
    return ", ".join(
        [*(word[:40] for word in found[:_MOST_SHOWN]), *(["…"] if len(found) > _MOST_SHOWN else [])]
    )


__all__ = ["differences"]
