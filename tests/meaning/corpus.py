"""Reads the corpus: pairs of texts that may, or must not, stand for each other."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

SAME = ("paraphrase", "order", "synonym")
OTHER = ("roles", "number", "negation", "name", "unit")
WIDER = (
    "direction", "extreme", "place", "inclusive", "boundary", "rounding", "connective", "quantifier",
    "grouping", "case", "scope",
)  # fmt: skip
"""More ways to be another task, in blind.toml."""

Split = Callable[[int, str, str], bool]


class Pair(NamedTuple):
    """``kind``: one of `SAME`, `OTHER`, `WIDER`. ``held_back``: not to be looked at while tuning."""

    text: str
    other: str
    kind: str
    held_back: bool

    @property
    def same(self) -> bool:
        return self.kind in SAME


def pairs() -> list[Pair]:
    """corpus.toml, which the gate was built with: every second task is held back."""
    return _pairs("corpus.toml", lambda place, text, other: place % 2 == 1)


def blind() -> list[Pair]:
    """blind.toml, by an author who had not seen the gate: a hash of the pair says what is held back."""
    return _pairs(
        "blind.toml", lambda place, text, other: sha256(f"{text}\n{other}".encode()).digest()[0] % 2 == 1
    )


def _pairs(file: str, held_back: Split) -> list[Pair]:
    tasks = tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))["task"]
    return [
        Pair(task["text"], other, kind, held_back(place, task["text"], other))
        for place, task in enumerate(tasks)
        for kind in (*SAME, *OTHER, *WIDER)
        for other in task.get(kind, ())
    ]
