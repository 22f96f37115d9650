"""Reads corpus.toml: pairs of texts that may, or must not, stand for each other."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

SAME = ("paraphrase", "order", "synonym")
OTHER = ("roles", "number", "negation", "name", "unit")
_FILE = Path(__file__).with_name("corpus.toml")


class Pair(NamedTuple):
    """``kind``: the class, one of `SAME` or `OTHER`. ``held_back``: not to be looked at while tuning."""

    text: str
    other: str
    kind: str
    held_back: bool

    @property
    def same(self) -> bool:
        return self.kind in SAME


def pairs() -> list[Pair]:
    tasks = tomllib.loads(_FILE.read_text(encoding="utf-8"))["task"]
    return [
        Pair(task["text"], other, kind, place % 2 == 1)
        for place, task in enumerate(tasks)
        for kind in (*SAME, *OTHER)
        for other in task.get(kind, ())
    ]
