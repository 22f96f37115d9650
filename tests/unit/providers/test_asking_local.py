"""Typed questions to a model that knows nothing: its grammar makes every answer a value of the type."""

from __future__ import annotations

import pytest

from runtime.providers.asking import Question, ask
from runtime.providers.llama_cpp import LlamaCpp
from tests.support.tiny_models import tiny_model


@pytest.fixture(scope="module")
def model():
    provider = LlamaCpp("tiny", path=tiny_model(), threads=1)
    yield provider
    provider.close()


@pytest.mark.parametrize(
    "type",
    [":bool", "[:enum :spam :ham]", "[:map [:a :int] [:b [:enum :x :y] ?]]", "[:tuple :bool :keyword]",
     "[:union :int :nil]", "[:map-of :keyword :bool]"],
)  # fmt: skip
def test_a_random_model_answers_with_values_of_the_type(model, type):
    question = Question("f", "does it", f"(declare f [a : String] : {type})", ["hello <|im_end|>"])
    answer = ask(question, model.infer, model.id, capabilities=model.capabilities(), max_tokens=96)
    assert question.read(answer.responses[-1].text) == answer.value
