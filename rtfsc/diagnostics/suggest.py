"""Names that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable

AMONG_MANY, AMONG_FEW = 0.7, 0.6
"""Similarity, 0 to 1, below which a suggestion would only confuse: the more names there are, the more of them
are like any other."""


def close_names(
    name: str, candidates: Iterable[str], limit: int = 1, cutoff: float = AMONG_MANY
) -> list[str]:
    """The candidates most like ``name``, best first, none that are far from it."""
    from difflib import SequenceMatcher  # not needed by a program without mistakes

    matcher: SequenceMatcher[str] = SequenceMatcher()
    matcher.set_seq2(name.lower())
    scored = []
    for candidate in set(candidates):
        matcher.set_seq1(candidate.lower())
        if candidate == name or matcher.real_quick_ratio() < cutoff or matcher.quick_ratio() < cutoff:
            continue
        score = matcher.ratio()
        if score >= cutoff:
            scored.append((-score, candidate))
    return [candidate for _, candidate in sorted(scored)[:limit]]


def did_you_mean(name: str, candidates: Iterable[str], cutoff: float = AMONG_MANY) -> str | None:
    """A hint for `Diagnostic`: ``did you mean NAME?``, None where nothing comes close."""
    close = close_names(name, candidates, 1, cutoff)
    return f"did you mean {close[0]}?" if close else None


def meant_or_known(name: str, candidates: Iterable[str], known: str = "there are") -> str:
    """Of few candidates the one that was probably meant, else all of them: ``there are a, b``."""
    names = sorted(candidates)
    return did_you_mean(name, names, AMONG_FEW) or f"{known} {', '.join(names)}"
