"""A classifier by tables of words and patterns, from TOML: honest, fast, and explainable.

::

    default = "ham"             # what is answered where no rule fires; without it: an error

    [[rule]]
    answer = "spam"
    words = ["lottery", "winner"]   # whole words, any case
    patterns = ['(?i)click\\s+here'] # Python regular expressions, searched for
    weight = 2.0                    # default 1

The weights of a rule's words and patterns that are found add up per answer; the answer with most weight
wins, the first in the file where several have the same. Its share of all weight is the confidence.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from runtime.providers.base import Health, OnText, Request, Response
from runtime.providers.errors import Misconfigured, Refused

_KEYS = {"answer", "words", "patterns", "weight"}


class Rule(NamedTuple):
    answer: str
    weight: float
    tests: tuple[Callable[[str], Any], ...]


class Table(NamedTuple):
    rules: tuple[Rule, ...]
    default: str | None


class Rules:
    """``path``: the file of the rules; ``text``: the rules themselves, instead of it."""

    local = True

    def __init__(
        self, id: str, *, path: str | os.PathLike[str] | None = None, text: str | None = None
    ) -> None:
        if (path is None) == (text is None):
            raise Misconfigured(id, "rules need either a path or a text")
        self.id = id
        self._path, self._given = path, text

    @cached_property
    def _text(self) -> str:
        if self._path is None:
            return self._given or ""
        try:
            return Path(self._path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(self.id, f"the rules cannot be read: {error}") from None

    @cached_property
    def _table(self) -> Table:
        try:
            return parse(self._text)
        except ValueError as error:
            where = self._path if self._path is not None else "rules"
            raise Misconfigured(self.id, f"{where}: {error}") from None

    @property
    def revision(self) -> str:
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        start = perf_counter()
        # Of a call its arguments alone: words in a function's doc say nothing of them.
        asked = request.core or "\n".join(m.content for m in request.messages if m.role == "user")
        answer, confidence = classify(self._table, asked)
        if answer is None:
            raise Refused(self.id, "no rule fires, and there is no default")
        if on_text is not None:
            on_text(answer)
        return Response(answer, self.id, self.revision, confidence=confidence, seconds=perf_counter() - start)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"classify", "seed"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        try:
            return Health(True, f"{len(self._table.rules)} rules")
        except Misconfigured as error:
            return Health(False, error.message)

    def close(self) -> None:
        pass


def classify(table: Table, text: str) -> tuple[str | None, float]:
    """The answer and its share of all weight; the default has confidence 0."""
    scores: dict[str, float] = {}
    for rule in table.rules:
        found = sum(1 for test in rule.tests if test(text))
        if found:
            scores[rule.answer] = scores.get(rule.answer, 0.0) + found * rule.weight
    if not scores:
        return table.default, 0.0
    best = max(scores, key=scores.__getitem__)
    return best, scores[best] / sum(scores.values())


def parse(text: str) -> Table:
    """Raises ValueError with the place of the mistake."""
    data = tomllib.loads(text)
    unknown = data.keys() - {"default", "rule"}
    if unknown:
        raise ValueError(f"no setting {sorted(unknown)[0]!r}; there are default and [[rule]]")
    default = data.get("default")
    if default is not None and not isinstance(default, str):
        raise ValueError("default must be a string")
    rules = data.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("rules are written as [[rule]]")
    return Table(tuple(_rule(number, rule) for number, rule in enumerate(rules, 1)), default)


def _rule(number: int, data: dict[str, Any]) -> Rule:
    unknown = data.keys() - _KEYS
    if unknown:
        raise ValueError(
            f"rule {number}: no key {sorted(unknown)[0]!r}; there are {', '.join(sorted(_KEYS))}"
        )
    answer, weight = data.get("answer"), data.get("weight", 1.0)
    if not isinstance(answer, str):
        raise ValueError(f"rule {number}: answer must be a string")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < float("inf"):
        raise ValueError(f"rule {number}: weight must be a number above 0")
    words, patterns = _texts(number, data, "words"), _texts(number, data, "patterns")
    if not words and not patterns:
        raise ValueError(f"rule {number}: needs words or patterns")
    tests = [re.compile(rf"(?i)(?<!\w){re.escape(word)}(?!\w)").search for word in words]
    for pattern in patterns:
        try:
            tests.append(re.compile(pattern).search)
        except re.error as error:
            raise ValueError(f"rule {number}: pattern {pattern!r}: {error}") from None
    return Rule(answer, float(weight), tuple(tests))


def _texts(number: int, data: dict[str, Any], key: str) -> list[str]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise ValueError(f"rule {number}: {key} must be a list of texts")
    return found
