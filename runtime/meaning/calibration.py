"""How near is near enough: thresholds per embedder, measured, because their scales differ."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Thresholds(NamedTuple):
    """Least cosine of a hit. ``alone``: where only the gate confirms it; ``confirmed``: where examples
    have passed."""

    alone: float
    confirmed: float


@cache
def _table() -> dict[str, Thresholds]:
    text = files("runtime.meaning").joinpath("calibration.toml").read_text(encoding="utf-8")
    return {tag: Thresholds(**values) for tag, values in tomllib.loads(text).items()}


def thresholds(tag: str) -> Thresholds:
    """Those of the embedder; strict ones for an embedder that was not calibrated."""
    table = _table()
    return table.get(tag, table["unknown"])
