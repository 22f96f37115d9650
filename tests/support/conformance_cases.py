"""Reads the cases of tests/conformance (fields: README.md there)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "conformance"


@dataclass(frozen=True, slots=True)
class Case:
    """``expected``: ``value``, or ``error`` (its kind) and where the reference fixes them ``message`` and
    ``span`` (code points)."""

    id: str
    section: str
    source: str
    expected: dict[str, Any]

    @property
    def request(self) -> bytes:
        return json.dumps({"id": self.id, "source": self.source}).encode()


def _read(path: Path) -> Iterator[Case]:
    with path.open("rb") as file:
        topic = tomllib.load(file)
    for group in topic["group"]:
        for fields in group["cases"]:
            expected = {key: value for key, value in fields.items() if key not in ("id", "source")}
            yield Case(fields["id"], group["section"], fields["source"], expected)


CASES: Final = [case for path in sorted(FOLDER.glob("*.toml")) for case in _read(path)]
