"""Whoever tells of something uses a name and attributes of the table of events, and each name is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from runtime.obs.events import EVENTS

ROOT = Path(__file__).resolve().parents[2]
LATER = {
    "store": ("hit", "miss", "refused"),
    "ticket": ("submitted", "started", "done", "failed", "cancelled"),
}
"""Families whose names are put together from parts."""


def tellers() -> Iterator[tuple[str, str, ast.Call]]:
    """Place, name of the event, and the call, of every ``tell`` and ``span`` with a literal name."""
    for package in ("runtime", "rtfsc"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "runtime.obs.events" not in text or path.is_relative_to(ROOT / "runtime/obs"):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    for name in names_of(node):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def names_of(call: ast.Call) -> list[str]:
    if not isinstance(call.func, ast.Name) or call.func.id not in ("tell", "span"):
        return []
    given = call.args[1 : 3 if call.func.id == "span" else 2]
    return [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def test_only_names_and_attributes_of_the_table() -> None:
    for place, name, call in tellers():
        assert name in EVENTS, f"{place} tells of {name!r}, which is not in the table"
        for keyword in call.keywords:
            known = keyword.arg is None or keyword.arg == "failed" or keyword.arg in EVENTS[name]
            assert known, f"{place}: {name} has no attribute {keyword.arg!r}"


def test_every_event_is_told_of_somewhere() -> None:
    used = {name for _, name, _ in tellers()}
    used |= {f"{family}.{name}" for family, names in LATER.items() for name in names}
    assert used >= set(EVENTS)
