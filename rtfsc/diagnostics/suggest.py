"""Names that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable

_CUTOFF = 0.7
"""Similarity, 0 to 1, below which a suggestion would only confuse."""


def close_names(name: str, candidates: Iterable[str], limit: int = 1) -> list[str]:
    """The candidates most like ``name``, best first, none that are far from it."""
    from difflib import SequenceMatcher  # not needed by a program without mistakes

    matcher: SequenceMatcher[str] = SequenceMatcher()
    matcher.set_seq2(name.lower())
    scored = []
    for candidate in set(candidates):
        matcher.set_seq1(candidate.lower())
        if candidate == name or matcher.real_quick_ratio() < _CUTOFF or matcher.quick_ratio() < _CUTOFF:
            continue
        score = matcher.ratio()
        if score >= _CUTOFF:
            scored.append((-score, candidate))
    return [candidate for _, candidate in sorted(scored)[:limit]]


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """A hint for `Diagnostic`: ``did you mean NAME?``, None where nothing comes close."""
    close = close_names(name, candidates)
    return f"did you mean {close[0]}?" if close else None
