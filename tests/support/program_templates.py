"""What random programs are built of: the tables in ``templates/``, one a feature of the language.

A line is ``TYPE TEMPLATE | TEMPLATE …``: expressions of that type; ``T`` stands for every type, ``vec`` and
``map`` for those of vectors and maps, where ``T`` is the type of the elements. ``atom TYPE TEXT | …`` are its
plain values. ``‹TYPE›`` in a template is a hole for an expression; in ``‹TYPE;x=TYPE›`` the name is in scope
with that type. ``«x»`` is a fresh name. Lines of ``macros.txt`` are ``DEFINITION => TYPE TEMPLATE``.
"""  # noqa: RUF002

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "templates"
FEATURES: Final = ("text", "data", "forms", "host", "big")
"""All but the core, which every program has."""

Table = dict[str, list[str]]


def _lines(name: str) -> list[str]:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(";")]


@cache
def feature(name: str) -> tuple[Table, Table]:
    """(templates, atoms) by type."""
    templates: Table = {}
    atoms: Table = {}
    for line in _lines(name):
        into = atoms if line.startswith("atom ") else templates
        type, choices = line.removeprefix("atom ").split(" ", 1)
        into.setdefault(type, []).extend(choices.split(" | "))
    return templates, atoms


def merged(names: tuple[str, ...]) -> tuple[Table, Table]:
    """The tables of the core and of these features together, which the caller may change."""
    both: tuple[Table, Table] = ({}, {})
    for name in ("core", *names):
        for into, found in zip(both, feature(name), strict=True):
            for type, choices in found.items():
                into.setdefault(type, []).extend(choices)
    for name in FEATURES:  # an atom may be asked for by a table that is not there otherwise
        for type, choices in feature(name)[1].items():
            both[1].setdefault(type, list(choices))
    return both


@cache
def macros() -> list[tuple[str, str, str]]:
    """(definition, type, template) of every macro."""
    found = [line.split(" => ") for line in _lines("macros")]
    return [(definition, *call.split(" ", 1)) for definition, call in found]  # type: ignore[misc]
