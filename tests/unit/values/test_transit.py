"""The boundary table, row by row, and round trips."""

import contextlib
import math
import struct
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.values import (
    ErrorValue,
    HostFunction,
    Keyword,
    List,
    MemoryLimitExceeded,
    Resource,
    Symbol,
    Timestamp,
    layout,
)
from runtime.values.shapes import shape_of
from runtime.values.transit import decode_bytes, encode_bytes

ROWS = [
    None, True, False, 0, 1, -(2**63), 2**63 - 1, 0.0, -0.0, 1.5, math.inf, "", "a", "12345678", "ßλ𝄞",
    Keyword("a"), Symbol("a/b"), [], [1, 2], [1.0, 2.5], [1, 2.5, "x", None], List(), List([1, List([2])]),
    {}, {"a": 1, Keyword("a"): 2, 3: [4]}, Timestamp("2025-07-01T12:00:00_250Z"),
    Resource("resource://a/b)"), uuid.UUID("12345678-1234-5678-1234-567812345678"),
]  # fmt: skip


@pytest.mark.parametrize("value", ROWS, ids=repr)
def test_comes_back_the_same(value: Any) -> None:
    out = decode_bytes(encode_bytes(value))
    assert out == value
    assert type(out) is type(value)


def test_tuples_are_vectors_and_ints_have_their_own_form() -> None:
    assert decode_bytes(encode_bytes((1, "a"))) == [1, "a"]
    assert encode_bytes([1, 2])[0] == layout.TRANSIT_INTS
    assert encode_bytes([1.0])[0] == layout.TRANSIT_FLOATS
    assert encode_bytes([1, True])[0] == layout.TRANSIT_VEC


def test_nan_crosses() -> None:
    assert math.isnan(decode_bytes(encode_bytes(math.nan)))


def test_order_of_maps_is_kept() -> None:
    value = {Keyword(n): i for i, n in enumerate("zyxabc")}
    assert list(decode_bytes(encode_bytes(value))) == list(value)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ([1, 2, {"a": {1, 2}}], TypeError, 'argument 0[2]["a"]: no RTFS value for set'),
        ({Keyword("k"): 2**63}, OverflowError, "argument 0[:k]: an integer beyond 64 bits"),
        ([[1, 2**70]], OverflowError, "argument 0[0][1]: an integer beyond 64 bits"),
        ("a\ud800", ValueError, "argument 0: a text with a lone surrogate"),
        ({1.5: 1}, TypeError, "a map key is a Keyword, str or int, not float"),
        ({True: 1}, TypeError, "a map key is a Keyword, str or int, not bool"),
        ([print], TypeError, "argument 0[0]: a callable (builtin_function_or_method) has to be granted"),
        ([HostFunction(print)], TypeError, "argument 0[0]: a function cannot be passed here"),
        (b"x", TypeError, "argument 0: no RTFS value for bytes"),
    ],
)
def test_refusals_name_the_path(value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        encode_bytes(value, argument=0)
    assert text in str(caught.value)


def test_granted_functions_cross_as_handles() -> None:
    granted: list[Any] = []

    def grant(function: HostFunction) -> int:
        granted.append(function.function)
        return len(granted)

    data = encode_bytes([HostFunction(len)], grant=grant)
    assert granted == [len]
    assert struct.unpack("<2Q", data) == (layout.TRANSIT_VEC | 1 << 8, layout.TRANSIT_HOSTFN | 1 << 8)


def test_deep_nesting_is_no_problem() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value, {Keyword("a"): ()}]
    out = decode_bytes(encode_bytes(value))
    for _ in range(100_000):
        assert len(out) == 2
        out = out[0]
    assert out == []


class Text(str):
    """As `enum.StrEnum` and others are."""


def test_kinds_of_python_types_cross_as_these() -> None:
    value = {Text("a"): Text("ß"), Keyword("b"): type("Number", (int,), {})(3)}
    out = decode_bytes(encode_bytes([value, type("Items", (list,), {})([1.5])]))
    assert out == [{"a": "ß", Keyword("b"): 3}, [1.5]]
    assert type(next(iter(out[0]))) is type(out[0]["a"]) is str


def test_containers_that_contain_themselves_are_refused() -> None:
    endless: list[Any] = []
    endless.append({Keyword("a"): (endless,)})
    with pytest.raises(ValueError, match=r"argument 0\[1\]\[0\]\[:a\]\[0\].*…: a list that contains itself"):
        encode_bytes([0, endless], argument=0)
    shared: list[Any] = [1]
    for _ in range(10):
        shared = [shared, shared]
    assert decode_bytes(encode_bytes(shared)) == shared


def test_arguments_are_no_larger_than_the_memory() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(MemoryLimitExceeded, match="Memory limit of 1000000 bytes"):
        encode_bytes(value, limit=1_000_000)


def test_errors_come_out_as_values() -> None:
    data = struct.pack("<2Q", layout.TRANSIT_ERROR, 4 | 7 << 32)
    data += encode_bytes(Keyword("division-by-zero")) + encode_bytes("Division by zero") + encode_bytes(None)
    error = decode_bytes(data)
    assert error == ErrorValue("DivisionByZero", "Division by zero", None, Keyword("division-by-zero"))
    assert error.site == 7


def test_string_keys_become_keywords_only_at_fields_of_a_record() -> None:
    shape = shape_of("[:vector [:map [:qty :int] [:item [:map [:name :string]]]]]")
    value = [{"qty": 1, "other": 2, "item": {"name": "x", "qty": 3}}]
    assert decode_bytes(encode_bytes(value, shape)) == [
        {Keyword("qty"): 1, "other": 2, Keyword("item"): {Keyword("name"): "x", "qty": 3}}
    ]


@pytest.mark.parametrize("text", [":any", "[:vector :int]", ":string", "[:tuple :int :float]"])
def test_types_without_records_have_no_shape(text: str) -> None:
    assert shape_of(text) is None


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("[:map {:a :int :b [:map [:c :int]] ?}]", {"b": {"c": 1}}, {Keyword("b"): {Keyword("c"): 1}}),
        ("[:union :nil [:map [:a :int]]]", {"a": 1}, {Keyword("a"): 1}),
        ("[:map-of :keyword [:map [:a :int]]]", {"x": {"a": 1}}, {"x": {Keyword("a"): 1}}),
        ("[:tuple :int [:map [:a :int]]]", [1, {"a": 1}], [1, {Keyword("a"): 1}]),
        ("[:map [:a :int ?] [:* :any]]", {"a": 1, "b": 2}, {Keyword("a"): 1, "b": 2}),
    ],
)
def test_shapes_of_types(text: str, value: Any, expected: Any) -> None:
    assert decode_bytes(encode_bytes(value, shape_of(text))) == expected


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    | st.text() | st.sampled_from([Keyword("k"), Keyword("a.b/c"), Symbol("s")])
)  # fmt: skip
KEYS = st.text() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([Keyword("k"), Keyword("l")])
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v) | st.lists(v).map(List) | st.dictionaries(KEYS, v), max_leaves=20
)


@given(VALUES)
def test_round_trip(value: Any) -> None:
    assert decode_bytes(encode_bytes(value)) == value


@given(VALUES, st.data())
def test_reader_survives_damage(value: Any, data: Any) -> None:
    buffer = bytearray(encode_bytes(value))
    position = data.draw(st.integers(0, len(buffer) - 1))
    buffer[position] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(buffer) // 8)) * 8
    for damaged in (bytes(buffer), bytes(buffer)[:cut]):
        with contextlib.suppress(ValueError):  # malformed, or no UTF-8
            decode_bytes(damaged)
