"""A real model in a GGUF file, of random weights, through the whole loop: it cannot do the task, and what it
writes under the grammar is always a program of the asked name."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import runtime_in
from tiny_models import tiny_model

from runtime.providers.llama_cpp import LlamaCpp
from runtime.solving import NotAccepted, solve


def test_a_random_model_writes_programs_that_are_refused_for_what_they_do(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path)
    model = LlamaCpp("tiny", path=tiny_model(), threads=1, context=16384)
    try:
        with pytest.raises(NotAccepted) as caught:
            solve("Double the number", "(declare twice [x : Int] : Int)", [((2,), 4), ((7,), 14), ((9,), 18)],
                  model=model, runtime=runtime, rounds=3)  # fmt: skip
    finally:
        model.close()
    assert caught.value.evidence is not None
    stages = [step.outcome for step in caught.value.evidence.steps if step.name == "check"]
    assert len(stages) == 3 and not {"syntax", "program", "interface"} & set(stages)
    assert runtime.store.list() == []
