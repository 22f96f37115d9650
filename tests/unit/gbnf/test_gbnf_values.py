"""Grammars of values: what they derive is a value of the type."""

from __future__ import annotations

import pytest
from tiny_models import tiny_model

from rtfsc.evaluation import evaluate
from rtfsc.gbnf import UnwritableType, check_gbnf, gbnf_for
from rtfsc.source import SourceFile
from runtime.providers.base import Message, Request
from runtime.providers.llama_cpp import LlamaCpp

TYPES = [
    "Int", "Float", "String", "Bool", "Nil", "Keyword", "Any", "Int?", "[:vector Int]", "[:vector Int]?",
    "[:tuple Int String Bool]", "[:array Int [2 ?]]", "[:array Float [?]]", "[:map [:a Int] [:b Keyword ?]]",
    "[:map [:a Int ?] [:b Bool ?] [:c Nil ?]]", "[:map]", "[:map-of Keyword Int]", "[:map-of Any Bool]",
    "[:enum :red \"gr\\\"een\" 3 nil]", "[:union Int String]",
    "[:and [:vector Int] [:min-count 2] [:max-count 3]]",
    "[:and [:vector Bool] [:count 2]]", "[:and [:vector Int] [:non-empty]]",
    "[:vector [:map [:name String] [:tags [:vector Keyword]]]]", "[:union Int [:fn [Int] Int]]",
]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    provider = LlamaCpp("tiny", path=tiny_model(), threads=1)
    yield provider
    provider.close()


@pytest.mark.parametrize("type_", TYPES)
def test_what_is_derived_is_of_the_type(model, type_):
    grammar = gbnf_for(type_, most=4)
    check_gbnf(grammar)
    check_gbnf(gbnf_for(type_))
    for seed in range(6):
        request = Request("tiny", (Message("user", type_),), temperature=1.0, seed=seed, max_tokens=1500,
                          grammar=grammar)  # fmt: skip
        response = model.infer(request)
        assert response.stop_reason == "stop"
        source = SourceFile("<answer>", f"(let [x : {type_} {response.text}] true)")
        assert evaluate(source, "evaluator", 0, None).value == "true", response.text


@pytest.mark.parametrize("type_", ["[:fn [Int] Int]", "Never", "[:vector [:fn [] Int]]", "[:resource File]"])
def test_types_without_texts(type_):
    with pytest.raises(UnwritableType):
        gbnf_for(type_)


@pytest.mark.parametrize("type_", ["Foo", "", "Int Int", "Int) (x", "[:vector]", "(", "[:map [a Int]]", "5"])
def test_no_types(type_):
    with pytest.raises(ValueError, match="no type"):
        gbnf_for(type_)
