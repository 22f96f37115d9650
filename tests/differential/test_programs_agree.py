"""A sample of random programs of the whole language: both engines agree. More: scripts/differential."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import differential
import pytest
from any_program import any_program
from differential import CUT, disagreement, disagrees, minimised, other_ways, outcomes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_programs import library_program
from program_templates import FEATURES, feature, macros
from typed_programs import Source, program_with_modules, typed_program

SEEDS = 1000
BATCH = 50


@pytest.mark.parametrize("batch", range(SEEDS // BATCH))
def test_programs_agree(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        source = any_program(seed)
        assert not disagreement(source, verify=seed % 8 == 0), f"seed {seed}: {minimised(source)}"


@pytest.mark.parametrize("seed", [4, 14, 20, 30])
def test_files_of_other_kinds_tell_the_same(seed: int) -> None:
    told = other_ways(any_program(seed))
    assert told is None or not disagrees(told), told


@settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([typed_program, program_with_modules, library_program]),
)
def test_programs_that_hypothesis_draws_agree(draw: Random, make) -> None:
    source = make(draw)
    assert not disagreement(source), source


def test_most_programs_are_accepted_and_give_values_or_errors_of_their_own(monkeypatch) -> None:
    for name in ("FIRST", "LIMITS"):  # by fuel: a pause of the machine cuts nothing off
        monkeypatch.setattr(differential, name, replace(getattr(differential, name), deadline_ms=60_000))
    told = [outcomes(any_program(seed)) for seed in range(64)]
    assert sum(found is None for found in told) < 8
    assert sum(found is not None and CUT in str(found) for found in told) < 8
    assert sum(found is not None and not found["evaluator -O0"].startswith("!") for found in told) > 30


def test_the_same_seed_gives_the_same_program() -> None:
    assert [any_program(seed) for seed in range(32)] == [any_program(seed) for seed in range(32)]


def test_every_template_can_be_read() -> None:
    for name in ("core", *FEATURES):
        templates, atoms = feature(name)
        for text in [choice for choices in [*templates.values(), *atoms.values()] for choice in choices]:
            assert text.count("‹") == text.count("›"), text
            assert text == text.strip(), text
    assert all(definition.startswith("(defmacro ") for definition, _, _ in macros())


def test_a_disagreement_is_made_small(monkeypatch) -> None:
    monkeypatch.setattr("differential.disagreement", lambda source: "mod" in source.text or None)
    assert minimised('(let [x 5] (if (= (mod x 2) 1) [x "a b"] nil))').text == "mod"


def test_modules_are_made_small_too(monkeypatch) -> None:
    monkeypatch.setattr("differential.disagreement", lambda source: "rem" in source.files["m.rtfs"] or None)
    small = minimised(Source("(import m)", {"m.rtfs": "(module m (def x (rem 5 2)))"}))
    assert small == Source("", {"m.rtfs": "rem"})


def test_engines_that_tell_differently_disagree() -> None:
    assert disagrees({"evaluator": "1", "wasm": "2"})
    assert disagrees({"evaluator": "crash: x", "wasm": "crash: x"})
    assert not disagrees({"evaluator": "1", "wasm": CUT})
