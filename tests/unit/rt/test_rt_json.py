"""JSON against Python's `json` as a model, and what the two see differently in written cases."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rt_harness import Err, Kw, Ls, Raised, Rt

relaxed = settings(max_examples=300)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=12)),
    max_leaves=30,
)


def error(rt: Rt, name: str, *args: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args)
    return caught.value.error


def model(text: str) -> Any:
    """What Python makes of the text under our rules for numbers and surrogates; ValueError if it is none."""

    def integer(digits: str) -> int | float:
        n = int(digits)
        return n if -(2**63) <= n < 2**63 else number(digits)

    def number(digits: str) -> float:
        if math.isinf(float(digits)):
            raise ValueError(digits)
        return float(digits)

    def refuse(name: str) -> None:
        raise ValueError(name)

    value = json.loads(text, parse_int=integer, parse_float=number, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError, a ValueError, for half a pair
    return value


def same(a: Any, b: Any) -> bool:
    """Equal, of the same kinds, in the same order."""
    return repr(a) == repr(b)


@relaxed
@given(value=values, indent=st.sampled_from([None, 0, 3]), escape=st.booleans())
def test_reads_what_python_writes(rt: Rt, value: Any, indent: int | None, escape: bool) -> None:
    assert same(rt("json.parse", json.dumps(value, indent=indent, ensure_ascii=escape)), value)


@relaxed
@given(value=values)
def test_writes_what_python_reads(rt: Rt, value: Any) -> None:
    for name in ("json.write", "json.pretty"):
        text = rt(name, value)
        assert same(json.loads(text), value)
        assert same(rt("json.parse", text), value)


def without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return 0
    if isinstance(value, list):
        return [without_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: without_floats(item) for key, item in value.items()}
    return value


@relaxed
@given(value=values.map(without_floats))
def test_layout_is_that_of_python(rt: Rt, value: Any) -> None:
    assert rt("json.write", value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert rt("json.pretty", value) == json.dumps(value, ensure_ascii=False, indent=2)


@relaxed
@given(
    value=values,
    edits=st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from('[]{},:"\\u0e-+.1 \n\tntf\0dé'), st.booleans()),
        max_size=3,
    ),
)
def test_takes_exactly_what_python_takes(rt: Rt, value: Any, edits: list[tuple[int, str, bool]]) -> None:
    text = json.dumps(value)
    for at, char, insert in edits:
        at %= len(text) + 1
        text = text[:at] + char + text[at + (not insert) :]
    try:
        expected = model(text)
    except ValueError:
        assert error(rt, "json.parse", text).message.startswith("Runtime error: JSON parsing error: ")
    else:
        assert same(rt("json.parse", text), expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-0", 0),
        ("-0.0", -0.0),
        ("1E3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 9223372036854775808.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("0.1e-400", 0.0),
        (' {"b" : 1 ,\r\n"a":2,"b":3 } ', {"b": 3, "a": 2}),
        ('"\\ud83d\\ude00\\/\\u00E9"', "😀/é"),
        ('"\x7f\u2028"', "\x7f\u2028"),
    ],
)
def test_written_cases(rt: Rt, text: str, value: Any) -> None:
    assert same(rt("json.parse", text), value)


def test_depth_up_to_the_limit(rt: Rt) -> None:
    text = '[{"a":' * 500 + "null" + "}]" * 500
    value = rt.op("json.parse", rt.put(text))
    assert rt.take(rt.op("json.write", value)) == text
    assert rt.take(rt.op("json.pretty", value)).count("\n") == 2000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text ends where a value should be at line 1 column 1"),
        (" \n", "the text ends where a value should be at line 2 column 1"),
        ("[1,", "the text ends where a value should be at line 1 column 4"),
        ("[1,]", "expected a value at line 1 column 4"),
        ("[1 2]", "expected , or ] at line 1 column 4"),
        ("[1", "the text ends inside an array at line 1 column 3"),
        ("[1}", "expected , or ] at line 1 column 3"),
        ('{"é" 1}', "expected : at line 1 column 6"),
        ('{"a"', "the text ends inside an object at line 1 column 5"),
        ('{"a":1', "the text ends inside an object at line 1 column 7"),
        ('{"a":1 "b"}', "expected , or } at line 1 column 8"),
        ('{"a":1,}', "expected a key in quotes at line 1 column 8"),
        ("{a:1}", "expected a key in quotes at line 1 column 2"),
        ("{", "the text ends inside an object at line 1 column 2"),
        ('["a",\n  tru]', "expected a value at line 2 column 3"),
        ("nul", "expected a value at line 1 column 1"),
        ("NaN", "expected a value at line 1 column 1"),
        ("'a'", "expected a value at line 1 column 1"),
        ("01", "invalid number at line 1 column 1"),
        ("[-]", "invalid number at line 1 column 2"),
        ("1.", "invalid number at line 1 column 1"),
        ("1e+", "invalid number at line 1 column 1"),
        ("1e400", "number out of range at line 1 column 1"),
        ("1 2", "expected the end of the text at line 1 column 3"),
        ("]", "expected a value at line 1 column 1"),
        ('"abc', "the text ends inside a string at line 1 column 5"),
        ('"é\\', "the text ends inside a string at line 1 column 4"),
        ('"\t"', "control character in a string at line 1 column 2"),
        ('"a\\x"', "unknown escape at line 1 column 3"),
        ('"\\u12g4"', "expected four hexadecimal digits at line 1 column 2"),
        ('"\\ud800"', "half of a surrogate pair at line 1 column 2"),
        ('"\\ud800\\u0041"', "half of a surrogate pair at line 1 column 2"),
        ('"\\udc00"', "half of a surrogate pair at line 1 column 2"),
        ("\ufeff1", "expected a value at line 1 column 1"),
        ("[" * 1001, "nested more than 1000 levels deep at line 1 column 1001"),
    ],
)
def test_faults_are_told_with_their_place(rt: Rt, text: str, message: str) -> None:
    fault = error(rt, "json.parse", text)
    assert (fault.kind, fault.message) == ("Generic", f"Runtime error: JSON parsing error: {message}")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e15, "1000000000000000.0"), (1e16, "1e16"),
        (1.5e300, "1.5e300"), (1e21, "1e21"), (1e-5, "0.00001"), (1.25e-6, "1.25e-6"),
        (123456.75, "123456.75"), (5e-324, "5e-324"),
    ],
)  # fmt: skip
def test_floats(rt: Rt, number: float, text: str) -> None:
    assert rt("json.write", [number]) == f"[{text}]"


def test_keys(rt: Rt) -> None:
    assert rt("json.write", {Kw("a/b"): 1, "c": {3: None}}) == '{"a/b":1,"c":{"3":null}}'
    assert rt("json.write", {Kw("a"): 1, "b": 2, "a": 3, 1: 4, "1": 5}) == '{"a":3,"b":2,"1":5}'
    big = {Kw(f"k{i}"): i for i in range(40)} | {f"k{i}": -i for i in range(39, 19, -1)}
    assert json.loads(rt("json.write", big)) == {f"k{i}": i if i < 20 else -i for i in range(40)}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Kw("k"), "a value of kind keyword has no JSON form"),
        ([1, Ls((1,))], "a value of kind list has no JSON form"),
        ({"a": math.nan}, "NaN and infinities have no JSON form"),
        (-math.inf, "NaN and infinities have no JSON form"),
    ],
)
def test_what_has_no_json_form(rt: Rt, value: Any, reason: str) -> None:
    for name in ("json.write", "json.pretty"):
        assert error(rt, name, value).message == f"Runtime error: JSON serialization error: {reason}"


def test_deep_values_are_refused_when_written(rt: Rt) -> None:
    value = rt.put(None)
    for _ in range(1001):
        value = rt.op("vector", value)
    with pytest.raises(Raised, match="nested more than 1000 levels deep"):
        rt.op("json.write", value)


def test_only_strings_are_read(rt: Rt) -> None:
    assert error(rt, "json.parse", None).message == "Type error in parse-json: expected string, got nil"
