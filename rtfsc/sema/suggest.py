"""Hints for names that nothing defines."""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.diagnostics.suggest import did_you_mean
from rtfsc.primitives.library import LIBRARY

_FORMS = (
    "let",
    "if",
    "do",
    "fn",
    "def",
    "defn",
    "defstruct",
    "try",
    "match",
    "for",
    "when",
    "unless",
    "cond",
    "case",
    "loop",
    "recur",
    "and",
    "or",
    "if-let",
    "when-let",
    "dotimes",
    "quote",
)
_ELSEWHERE = {
    "println": "there is no output here: return the text",
    "print": "there is no output here: return the text",
    "%": "write mod",
    "size": "write count",
    "set": "there are no sets: write distinct",
    "null?": "write nil?",
    "raise": "write throw",
    "error": "write throw",
    "foldl": "write reduce",
    "atom": "state belongs to the host; use loop and recur",
    "set!": "there is no assignment; use loop and recur",
    "lambda": "write fn",
    "define": "write def or defn",
    "defun": "write defn",
}


def hint(name: str, known: Sequence[str]) -> str | None:
    if name in _FORMS:
        return f"{name} is a special form, not a value"
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    return did_you_mean(name, [*known, *LIBRARY, *_FORMS])
