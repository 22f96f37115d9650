"""Reads tables that stand in source as text: a row a line, columns between ``" | "``; an indented line
continues the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator


def rows(text: str) -> Iterator[list[str]]:
    for line in re.sub(r"\n +", " ", text).strip().splitlines():
        yield line.split(" | ")


def calls(text: str) -> tuple[str, ...]:
    """``(f a) (f a b)``: each for itself."""
    found, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and char == " ":
            found.append(text[start:at])
            start = at + 1
    return (*found, text[start:])


def example(text: str) -> tuple[str, str] | None:
    """``program => printed value``, or a dash."""
    program, arrow, value = text.rpartition(" => ")
    return (program, value) if arrow else None
