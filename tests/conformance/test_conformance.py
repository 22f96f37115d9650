"""Every case of ``*.toml``, through the batch protocol, on both engines, without and with all passes."""

from __future__ import annotations

from typing import Any

import pytest
from conformance_cases import CASES, Case

from rtfsc.cli.jsonl import answer
from runtime.values.limits import Limits

LIMITS = Limits(deadline_ms=60_000)


@pytest.mark.parametrize("level", [0, 2], ids=["O0", "O2"])
@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case, level: int) -> None:
    got = answer(case.request, "both", level, LIMITS)
    assert got["id"] == case.id
    assert got["engines_agree"], f"engines disagree on {case.source}: {got}"
    assert _told(case, got) == case.expected, f"{case.section}: {case.source}"


def _told(case: Case, got: dict[str, Any]) -> dict[str, Any]:
    """What the case is about: the value, or of the error what the reference fixes."""
    if "value" in got:
        return {"value": got["value"]}
    error = {"error": got["error"]["kind"], "message": got["error"]["message"], "span": got["error"]["span"]}
    return {key: value for key, value in error.items() if key in case.expected or "value" in case.expected}


def test_cases_are_told_apart() -> None:
    ids = [case.id for case in CASES]
    assert len(ids) == len(set(ids))
