"""A sample of the conformance cases as standalone files in Node; scripts/javascript runs all."""

from __future__ import annotations

import pytest
from conformance_cases import CASES, Case
from javascript import Runner, disagreement

SAMPLE = CASES[::19]


@pytest.mark.parametrize("level", [0, 2], ids=["O0", "O2"])
@pytest.mark.parametrize("case", SAMPLE, ids=[case.id for case in SAMPLE])
def test_case(node_runner: Runner, case: Case, level: int) -> None:
    assert disagreement(node_runner, case, level) is None
