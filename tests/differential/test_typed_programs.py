"""A sample of random programs: both engines agree at every level. More: scripts/differential."""

from __future__ import annotations

from random import Random

import pytest
from differential import disagreement, minimised, outcomes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typed_programs import typed_program

COUNT = 250


@pytest.mark.parametrize("batch", range(5))
def test_programs_agree(batch: int) -> None:
    for seed in range(batch * COUNT // 5, (batch + 1) * COUNT // 5):
        source = typed_program(Random(seed))
        assert not disagreement(source), f"seed {seed}: {minimised(source)}"


@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(st.randoms(use_true_random=False))
def test_programs_that_hypothesis_draws_agree(draw: Random) -> None:
    source = typed_program(draw)
    assert not disagreement(source), source


def test_most_programs_are_accepted_and_give_values() -> None:
    told = [outcomes(typed_program(Random(seed))) for seed in range(60)]
    values = [found for found in told if found and not found["evaluator -O0"].startswith("cut off")]
    assert len(values) > 45


def test_a_disagreement_is_made_small(monkeypatch) -> None:
    monkeypatch.setattr("differential.disagreement", lambda source: "mod" in source or None)
    assert minimised('(let [x 5] (if (= (mod x 2) 1) [x "a b"] nil))') == "mod"
