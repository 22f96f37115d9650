"""The second gate: may one task stand for the other?

Embeddings put a question and its reversal close together.  The gate looks at what they overlook: negations,
numbers, units, names, opposite words, and who does what to whom.  It refuses what it cannot account for, so
a hit is either confirmed word by word or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runtime.meaning.words import Reading, Word, lexicon, read

_NEUTRAL = frozenset({"", "of"})
"""Markers that say little: ``elements of a list``, ``elements from a list``."""


def differences(one: str, other: str, confirmed: bool = False) -> list[str]:
    """Why the two texts cannot stand for each other, most telling first; empty if they can. Symmetric.
    ``confirmed``: examples have shown that both do the same, so words of almost the same meaning will do."""
    if one == other:
        return []
    return list(_differences(read(one, confirmed), read(other, confirmed)))


def _differences(a: Reading, b: Reading) -> Iterator[str]:
    if a.negations != b.negations:
        yield f"negations: {a.negations} and {b.negations}"
    if Counter(a.numbers) != Counter(b.numbers):
        yield f"numbers: {_shown(a.numbers)} and {_shown(b.numbers)}"
    if Counter(a.units) != Counter(b.units):
        yield f"units: {_shown(a.units)} and {_shown(b.units)}"
    if Counter(a.names) != Counter(b.names):
        yield f"names: {_shown(a.names)} and {_shown(b.names)}"
    for scale in sorted(a.poles.keys() & b.poles.keys()):
        if a.poles[scale] != b.poles[scale]:
            yield f"opposites: {_shown(a.poles[scale])} and {_shown(b.poles[scale])}"
    ours, theirs = Counter(word.text for word in a.words), Counter(word.text for word in b.words)
    if ours != theirs:
        yield f"words: {_shown((ours - theirs).elements())} and {_shown((theirs - ours).elements())}"
    else:
        yield from _roles(a.words, b.words)


def _roles(a: tuple[Word, ...], b: tuple[Word, ...]) -> Iterator[str]:
    """Of texts with the same words."""
    ours, theirs = _markers(a), _markers(b)
    gained: dict[str, str] = {}
    lost: dict[str, str] = {}
    for word, markers in ours.items():
        more, less = theirs[word] - markers, markers - theirs[word]
        gained.update(dict.fromkeys(more, word))
        lost.update(dict.fromkeys(less, word))
        if more.keys() - _NEUTRAL and less.keys() - _NEUTRAL:
            yield f"roles: {_shown(less)} and {_shown(more)} {word}"
    for marker in sorted(gained.keys() & lost.keys() - {""}):
        yield f"roles: {marker} {lost[marker]} and {marker} {gained[marker]}"
    for marker in sorted({word.marker for word in a} & {word.marker for word in b}):
        first, second = _sequence(a, b, marker), _sequence(b, a, marker)
        if first != second:
            yield f"order: {_shown(first)} and {_shown(second)}"


def _markers(words: tuple[Word, ...]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for word in words:
        found.setdefault(word.text, Counter())[word.marker] += 1
    return found


def _sequence(words: tuple[Word, ...], others: tuple[Word, ...], marker: str) -> list[str]:
    """Words under a marker in both texts, in order."""
    common = Counter(w.text for w in words if w.marker == marker) & Counter(
        w.text for w in others if w.marker == marker
    )
    return [word.text for word in words if word.marker == marker and word.text in common]


def _shown(words: object) -> str:
    found = sorted(words) if isinstance(words, frozenset) else list(words)  # type: ignore[call-overload]
    return ", ".join(found) or "none"


__all__ = ["differences", "lexicon", "read"]
