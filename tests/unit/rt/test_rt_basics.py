from __future__ import annotations

import math

import pytest
from rt_harness import Err, Kw, Ls, Raised, Rt

INT_MAX, INT_MIN = 2**63 - 1, -(2**63)


def error(rt: Rt, name: str, *args: object, **options: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args, **options)
    return caught.value.error


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -1,
        2**62 - 1,
        2**62,
        -(2**62),
        -(2**62) - 1,
        INT_MAX,
        INT_MIN,
        1.5,
        -0.0,
        math.inf,
        "",
        "aé漢😀",
        Kw("k"),
        Kw("org.acme:v2.1/send"),
        [],
        [1, 2],
        [1.5, 2.5],
        [1, 2.0],
        Ls(),
        Ls((1, None)),
        {},
        {Kw("a"): 1, "b": [2], 3: {}},
        list(range(2000)),
        [[i] for i in range(100)],
        {i: str(i) for i in range(500)},
    ],
)
def test_transit_round_trip(rt: Rt, value: object) -> None:
    result = rt.take(rt.put(value))
    assert result == value
    assert type(result) is type(value)
    if isinstance(value, dict):
        assert list(result) == list(value)


def test_deep_nesting_is_no_problem(rt: Rt) -> None:
    value = rt.put(None)
    for _ in range(100_000):
        value = rt.op("vector", value) if _ % 2 else rt.op("map", rt.put(1), value)
    other = rt.put(None)
    for _ in range(100_000):
        other = rt.op("vector", other) if _ % 2 else rt.op("map", rt.put(1), other)
    assert rt.op("eq", value, other) == 1
    assert rt.op("compare", value, other) == 0
    printed = rt.take(rt.op("str.pr", value))
    assert (
        printed.startswith("[{1 [{1 ")
        and printed.endswith("}]}]")
        and len(printed) == 50_000 * 2 + 50_000 * 4 + 3
    )
    assert len(rt.take_bytes(value)) == 100_000 * 8 + 50_000 * 16 + 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (100.0, "100.0"),
        (1e15, "1000000000000000.0"),
        (9999999999999998.0, "9999999999999998.0"),
        (1e16, "1.0e16"),
        (1.5e300, "1.5e300"),
        (0.0001, "0.0001"),
        (0.00015, "0.00015"),
        (1.5e-5, "1.5e-5"),
        (1e-7, "1.0e-7"),
        (5e-324, "5.0e-324"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (-0.0, "-0.0"),
        (-2.5, "-2.5"),
        (123456.789, "123456.789"),
        (math.inf, "##Inf"),
        (-math.inf, "##-Inf"),
        (math.nan, "##NaN"),
    ],
)
def test_printed_floats(rt: Rt, value: float, text: str) -> None:
    assert rt("str.pr", value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "-0"),
        (0.5, "0.5"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "NaN"),
        (1234.5, "1234.5"),
        ('a"b', 'a"b'),
        (['a"b\n', 1.0], '["a"b\n" 1]'),
        (None, "nil"),
        (Kw("k"), ":k"),
        (True, "true"),
        (Ls((1, Ls())), "(1 ())"),
        ({Kw("b"): 1, "a": {}}, '{:b 1 "a" {}}'),
    ],
)
def test_plain_text(rt: Rt, value: object, text: str) -> None:
    assert rt("str", value) == text


def test_printed_form_escapes_what_the_reader_unescapes(rt: Rt) -> None:
    assert rt("str.pr", 'a"\\\n\t\r\x01é') == '"a\\"\\\\\\n\\t\\r\x01é"'
    assert (
        rt("str.pr", ["", Kw("k"), {1: "x"}, Ls((True, False, None))]) == '["" :k {1 "x"} (true false nil)]'
    )
    assert rt("str", "a", 1, None, [2]) == "a1nil[2]"
    assert rt("str") == ""


def test_checked_integers(rt: Rt) -> None:
    assert rt("num.add", 2**62, 2**62 - 1) == INT_MAX
    assert rt("num.sub", INT_MIN, -1) == INT_MIN + 1
    assert rt("num.mul", 3, -4) == -12
    assert rt("num.add", 1, 2.5) == 3.5
    e = error(rt, "num.add", INT_MAX, 1)
    assert e == Err(
        "ArithmeticOverflow",
        "arithmetic-overflow",
        "Integer overflow in +",
        {Kw("operation"): "+", Kw("args"): [INT_MAX, 1]},
    )
    assert error(rt, "num.inc", INT_MAX) == e
    assert error(rt, "num.neg", INT_MIN).data[Kw("args")] == [INT_MIN]
    assert error(rt, "num.mul", INT_MIN, -1).message == "Integer overflow in *"
    assert error(rt, "num.abs", INT_MIN).message == "Integer overflow in abs"
    assert rt("num.pow", 2, 62) == 2**62
    assert rt("num.pow", -2, 63) == INT_MIN
    assert rt("num.pow", 1, INT_MAX) == 1
    assert rt("num.pow", 0, 0) == 1
    assert error(rt, "num.pow", 2, 63).data == {Kw("operation"): "pow", Kw("args"): [2, 63]}
    assert rt("num.pow", 2, -1) == 0.5
    assert rt("num.pow", 0, -1) == math.inf
    assert rt("num.factorial", 20) == math.factorial(20)
    assert error(rt, "num.factorial", 21).kind == "ArithmeticOverflow"
    assert error(rt, "num.factorial", -1).kind == "InvalidArgument"


def test_quotients(rt: Rt) -> None:
    assert rt("num.div", 6, 3) == 2 and isinstance(rt("num.div", 6.0, 2), int)
    assert rt("num.div", 9, 2) == 4.5
    assert rt("num.div", INT_MIN, 1) == INT_MIN
    assert error(rt, "num.div", INT_MIN, -1).kind == "ArithmeticOverflow"
    assert error(rt, "num.div", 1, 0) == Err("DivisionByZero", "division-by-zero", "Division by zero", None)
    assert error(rt, "num.div", 1.0, 0.0).kind == "DivisionByZero"
    assert rt("num.div", 1e300, 0.5) == 2e300 and isinstance(rt("num.div", 1e300, 0.5), float)
    assert rt("num.mod", -10, 3) == -1
    assert rt("num.mod", INT_MIN, -1) == 0
    assert rt("num.mod", 5.5, -2) == 1.5
    assert error(rt, "num.mod", 1, 0).kind == "DivisionByZero"


def test_type_errors_name_operation_expected_and_actual(rt: Rt) -> None:
    e = error(rt, "num.add", 1, "x")
    assert e.message == "Type error in +: expected number, got string"
    assert e.data == {Kw("expected"): "number", Kw("actual"): "string", Kw("operation"): "+"}
    assert error(rt, "num.check", [], imm="*").message == "Type error in *: expected number, got vector"
    assert error(rt, "lt", 1, "a").message == "Type error in <: expected comparable types, got string"
    assert error(rt, "num.inc", "x").message == "Runtime error: inc expects a number"


def test_min_max_keep_the_first_on_ties_and_nan(rt: Rt) -> None:
    assert isinstance(rt("num.max", 1.0, 1), float) and isinstance(rt("num.min", 1, 1.0), int)
    assert math.isnan(rt("num.max", math.nan, 1)) and rt("num.max", 1, math.nan) == 1


def test_integers_and_floats_compare_exactly(rt: Rt) -> None:
    assert rt("lt", 2**53, float(2**53 + 2)) is True
    assert rt("lt", 2**53 + 1, float(2**53)) is False and rt("gt", 2**53 + 1, float(2**53)) is True
    assert rt("lt", INT_MAX, 9.3e18) is True and rt("gt", INT_MIN, -9.3e18) is True
    assert rt("le", 1, 1.0) is True and rt("eq", 1, 1.0) == 0
    assert [rt(op, math.nan, 1) for op in ("lt", "le", "gt", "ge")] == [False] * 4
    assert rt("lt", "a", "b") is True and rt("ge", "z", "é") is False


def test_equality(rt: Rt) -> None:
    assert rt("eq", 0.0, -0.0) == 1
    assert rt("eq", [1, [2, {Kw("a"): "x"}]], [1, [2, {Kw("a"): "x"}]]) == 1
    assert rt("eq", [1, 2], Ls((1, 2))) == 0
    assert rt("eq", {1: 2, 3: 4}, {3: 4, 1: 2}) == 1
    assert rt("eq", {1: 2}, {1: 3}) == 0
    assert rt("eq", Kw("a"), "a") == 0
    assert rt("eq", 2**62, 2**62) == 1
    nan = rt.put(math.nan)
    assert rt.op("eq", nan, nan) == 0
    assert rt("ne", "a", "a") == 0


def test_conversions(rt: Rt) -> None:
    assert [
        rt("to-int", v) for v in (" +12 ", "1.9", "x", None, True, 2.9, 1e30, math.nan, "9223372036854775808")
    ] == [12, 0, 0, 0, 1, 2, INT_MAX, 0, 0]
    assert [
        rt("to-float", v) for v in ("1e3", "-.5", "5.", "inf", "-Infinity", "1_0", "0x10", "", ".", True)
    ] == [1000.0, -0.5, 5.0, math.inf, -math.inf, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert math.isnan(rt("to-float", "NaN"))
    assert rt("parse-int", "12a") is None and rt("parse-int", "-9223372036854775808") == INT_MIN
    assert rt("parse-float", "\u20031.25\u2003") == 1.25 and rt("parse-float", []) is None


def test_limits_of_index_and_error_sites(rt: Rt) -> None:
    e = error(rt, "nth", [1, 2], 9)
    assert e.message == "Index 9 out of bounds for collection of length 2" and e.data == {
        Kw("index"): 9,
        Kw("length"): 2,
    }
    rt.engine.invoke("rt_error_site", "i32", ("i32", 7))
    rt.engine.invoke("rt_error_site", "i32", ("i32", 8))
    assert rt.take(rt.state(1040, 8)).site == 7
