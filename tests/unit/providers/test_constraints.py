"""JSON Schemas of types: each value of the type, written as JSON, fits and is read back as what it was."""

from __future__ import annotations

import json

import pytest

from runtime.providers.answers import read_answer
from runtime.providers.constraints import schema_of
from runtime.providers.declared import type_of
from runtime.values import Keyword

K = Keyword
CASES = [
    (":int", 3, {"type": "integer"}),
    (":float", 1.5, {"type": "number"}),
    (":nil", None, {"type": "null"}),
    (":keyword", K("a"), {"type": "string"}),
    ("[:vector :bool]", [True], {"type": "array", "items": {"type": "boolean"}}),
    ("[:enum :a \"b\" 3]", K("a"), {"enum": ["a", "b", 3]}),
    ("[:union :int :nil]", None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ("[:and :int [:>= 1] [:in-range 0 9]]", 4, {"type": "integer", "minimum": 0, "maximum": 9}),
    ("[:and [:vector :int] [:min-count 2]]", [1, 2],
     {"type": "array", "items": {"type": "integer"}, "minItems": 2}),
    ("[:tuple :int :string]", [1, "a"], None),
    ("[:array :int [2 ?]]", [1, 2], None),
    ("[:map-of :keyword :int]", {K("a"): 1}, {"type": "object", "additionalProperties": {"type": "integer"}}),
    ("[:map [:a :int] [:b [:vector :keyword] ?]]", {K("a"): 1, K("b"): [K("c")]}, None),
]  # fmt: skip


def as_json(value):
    if isinstance(value, Keyword):
        return value.name
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {as_json(k): as_json(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("type, value, schema", CASES, ids=[case[0] for case in CASES])
def test_schemas(type, value, schema):
    whole = json.loads(schema_of(type))
    assert whole["required"] == ["value"] and whole["additionalProperties"] is False
    if schema is not None:
        assert whole["properties"]["value"] == schema
    assert read_answer(json.dumps({"value": as_json(value)}), type_of(type)) == value


@pytest.mark.parametrize(
    "type", [":any", ":symbol", "[:fn [:int] :int]", "[:vector :any]", "[:map]", ":Unknown"]
)
def test_types_that_json_cannot_write(type):
    assert schema_of(type) is None
