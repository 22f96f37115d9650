"""From texts to typed values: what is taken, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.providers.answers import read_answer
from runtime.providers.declared import Misfit, type_of
from runtime.values import Keyword, List, Symbol, Timestamp

K = Keyword
RECORD = "[:map [:age :int] [:tags [:vector :keyword] ?]]"


@pytest.mark.parametrize(
    "type, text, value",
    [
        (":int", "42", 42),
        (":int", "\ufeff \n42\n", 42),
        (":int", "```\n42\n```", 42),
        (":int", "The answer is:\n```rtfs\n42\n```\nas asked.", 42),
        (":int", "<think>it is (+ 40 2)</think>\n42", 42),
        (":float", "3", 3),
        (":bool", "True", True),
        (":nil", "null", None),
        (RECORD, "{:age 3 :more 1}", {K("age"): 3, K("more"): 1}),
        (RECORD, '{"age": 3, "tags": ["a", ":b"]}', {K("age"): 3, K("tags"): [K("a"), K("b")]}),
        (RECORD, '{"value": {"age": 3}}', {K("age"): 3}),
        ("[:map-of :string :int]", '{"a": 1}', {"a": 1}),
        ("[:map-of :keyword :int]", '{"a": 1}', {K("a"): 1}),
        ("[:map-of :int :string]", '{"1": "b"}', {1: "b"}),
        ("[:map-of [:enum :x :y] :int]", '{"x": 1}', {K("x"): 1}),
        ("[:map]", '{"x": 1}', {"x": 1}),
        (":any", '{"x": [true, null]}', {"x": [True, None]}),
        ("[:tuple :int :keyword]", '[1, "a"]', [1, K("a")]),
        ("[:array :int [2]]", "[1, 2]", [1, 2]),
        ("[:vector [:vector :int]]", "[[1, 2], []]", [[1, 2], []]),
        ("[:enum :spam :ham]", "spam", K("spam")),
        ("[:enum :spam :ham]", '"ham"', K("ham")),
        ('[:enum "a b" 3]', "a b", "a b"),
        ("[:union :int :nil]", "nil", None),
        ("[:union :keyword :string]", '"a"', "a"),
        ("[:union :keyword :string]", '{"value": ":a"}', K("a")),
        ("[:union :int [:map [:k :keyword]]]", '{"k": "v"}', {K("k"): K("v")}),
        ("[:and :int [:> 3]]", "4", 4),
        (":string", '"a\\nb"', "a\nb"),
        (":string", "Hello there, (you)", "Hello there, (you)"),
        ("[:and :string [:max-length 5]]", "Hello", "Hello"),
        (":any", "'(1 b)", List([1, Symbol("b")])),
        (":any", "()", List([])),
        (":any", "2026-01-31T08:00:00Z", Timestamp("2026-01-31T08:00:00Z")),
    ],
)
def test_taken(type, text, value):
    found = read_answer(text, type_of(type))
    assert found == value and isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    "type, text, message",
    [
        (":int", "", "empty"),
        (":int", "   \n", "empty"),
        (":int", "(+ 1 2)", "a call is not a value"),
        (":any", "(launch)", "a call is not a value"),
        (":any", "#(launch %)", "code is not a value"),
        (":any", "^{:a 1} x", "code is not a value"),
        (":any", "[1 (launch)]", "a call is not a value"),
        (":any", "[~x]", "code|call"),
        (":int", "four", "a name, not a value"),
        (":int", "1 2", "2 values, not one"),
        (":int", "42 as you asked", "values, not one"),
        (":int", "```\n1\n```\nor\n```\n2\n```", "one value"),
        (":int", "1.5", "expected :int, got float"),
        (":int", "99999999999999999999", "out of range"),
        (":int", '{"value": "3"}', "expected :int, got string"),
        (":bool", "yes", "a name"),
        (":string", "42", "expected :string, got integer"),
        (":string", '"cut', "Unterminated"),
        ("[:vector [:and :int [:> 3]]]", "[4 3]", r"at \[1\]: expected \[:> 3\]"),
        ("[:enum :spam :ham]", "eggs", "a name"),
        ("[:enum :spam :ham]", ":eggs", "expected .:enum"),
        (RECORD, "{:tags []}", "age"),
        (RECORD, '{"age": "x"}', "."),
        (":float", "NaN", "a name"),
        ("[:fn [:int] :int]", "inc", "a name"),
        (":any", "[" * 600, "500 deep"),
        (":any", '{"a":' * 600 + "1" + "}" * 600, "500 deep"),
        (":any", "[" * 100_000, "500 deep"),
        (":int", "\x00\x01", "."),
        (":keyword", '""', "expected :keyword, got string"),
        (":keyword", '"a b"', "expected :keyword, got string"),
        ("[:map [:age :int]]", '{"": 1}', "age"),
        ("[:map-of :keyword :int]", '{"a b": 1}', "expected :keyword, got string"),
        ("[:map [:age :int]]", '{"age": "x"}', "age: expected :int, got string"),
        (":int", "1" * (2 << 20), "more than"),
    ],
)
def test_refused(type, text, message):
    with pytest.raises(Misfit, match=message):
        read_answer(text, type_of(type))


TYPES = [
    ":int", ":float", ":string", ":bool", ":nil", ":keyword", ":any", RECORD, "[:vector :int]",
    "[:tuple :int :keyword]", "[:array :int [2]]", "[:map-of :keyword [:vector :int]]", "[:enum :a 3]",
    "[:union :int :keyword :nil]", "[:and :string [:max-length 3]]", "[:fn [] :int]",
]  # fmt: skip
PIECES = st.sampled_from(
    ["{", "}", "[", "]", "(", ")", '"', ":a", ":age", "a", "1", "-1", "1.5", ",", ":", " ", "\n", "```",
     "null", "true", "nil", "'", "~", "@", "#", "^", "\\", "\\u12", '"value"', '"age"', "9" * 20, "1e999",
     "é", "\ud800", ";", "#|", "<think>", "</think>", "2026-01-31T08:00:00Z"]
)  # fmt: skip


@given(st.sampled_from(TYPES), st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40))
@settings(max_examples=500, deadline=None)
def test_whatever_a_model_says_is_a_value_of_the_type_or_a_misfit(type, text):
    try:
        value = read_answer(text, type_of(type))
    except Misfit as error:
        assert str(error)
    else:
        type_of(type).check(value)


def test_deep_json_that_is_no_rtfs():
    with pytest.raises(Misfit):
        read_answer('{"a": ' * 5000 + "1" + "}" * 5000, type_of("[:map-of :string :any]"))


def test_a_slow_pattern_ends():
    slow = type_of('[:and :string [:matches-regex "^(a+)+$"]]')
    try:
        assert read_answer('"' + "a" * 40 + 'b"', slow)
    except Misfit as error:
        assert "regex" in str(error) or "deadline" in str(error).lower()


@pytest.mark.parametrize(
    "text",
    ["```a\n" * 200_000, ("```" + " " * 1000 + "x\n") * 1000, '{"a":"' + '\\"' * 500_000, '"\\' * 500_000],
)
def test_answers_that_are_made_to_keep_us_busy_end(text):
    """Each took hours, with Python's lock held."""
    with pytest.raises(Misfit):
        read_answer(text, type_of(":int"))


def test_lines_of_a_fence_may_end_as_on_windows():
    assert read_answer("Here:\r\n```json\r\n7\r\n```\r\n", type_of(":int")) == 7
