from __future__ import annotations

from typing import Any

import pytest
from rt_harness import Err, Kw, Ls, Raised, Rt

from backend_wasm import layout as L
from rtfsc.ir import types as T


def error(rt: Rt, name: str, *args: object, **options: object) -> Err:
    with pytest.raises(Raised) as caught:
        rt(name, *args, **options)
    return caught.value.error


def pending(rt: Rt, name: str, *args: tuple[str, Any]) -> Err:
    """The error that a helper leaves behind."""
    assert rt.engine.invoke(name, "val", *args) == L.SPECIAL_ERR
    return rt.take(rt.state(L.STATE_ERROR, 8))


def kw(name: str, *rest: object) -> list[object]:
    return [Kw(name), *rest]


INT, FLOAT, STRING = Kw("int"), Kw("float"), Kw("string")


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, INT),
        (1, FLOAT),
        (1.5, Kw("Float")),
        (None, Kw("int?")),
        (1, Kw("any")),
        (Kw("k"), Kw("keyword")),
        ([1, 2], kw("vector", INT)),
        ([], kw("vector", INT)),
        ([1, "a"], kw("tuple", INT, STRING)),
        ([1, 2], kw("array", INT, [2])),
        ({Kw("a"): 1, Kw("x"): 2}, kw("map", [Kw("a"), INT])),
        ({"a": 1}, kw("map", [Kw("a"), INT])),
        ({}, kw("map", [Kw("a"), INT, Kw("?")])),
        ({}, kw("map", {})),
        ({Kw("a"): 1}, kw("record", {Kw("a"): INT})),
        ({"x": 1}, kw("map-of", STRING, INT)),
        (2, kw("enum", 1, 2)),
        ("a", kw("val", "a")),
        (None, kw("union", INT, Kw("nil"))),
        (5, kw("and", INT, kw(">", 3), kw("<=", 5.0))),
        ("ab", kw("and", STRING, kw("min-length", 2), kw("max-length", 2))),
        ([1], kw("and", kw("vector", INT), kw("non-empty"), kw("count", 1))),
        (1.5, kw("in-range", 1, 2)),
        (1.0, kw("=", 1)),
        ({Kw("a"): 1}, kw("required-keys", [Kw("a")])),
        ("https://a", kw("is-url")),
        ("a@b.c", kw("is-email")),
        (1, kw("!=", 2)),
    ],
)
def test_values_that_conform(rt: Rt, value: object, type_: object) -> None:
    assert rt("check.type", value, type_) == value


@pytest.mark.parametrize(
    ("value", "type_", "path", "expected", "actual"),
    [
        ("a", INT, "value", ":int", "string"),
        (1, Kw("Number"), "value", ":Number", "integer"),
        ([1, "a"], kw("vector", INT), "[1]", ":int", "string"),
        (Ls((1,)), kw("vector", INT), "value", "[:vector :int]", "list"),
        ([1], kw("tuple", INT, INT), "value", "[:tuple :int :int]", "vector"),
        (
            {Kw("a"): [{Kw("b"): None}]},
            kw("map", [Kw("a"), kw("vector", kw("map", [Kw("b"), INT]))]),
            ".a[0].b",
            ":int",
            "nil",
        ),
        ({}, kw("map", [Kw("a"), INT]), ".a", ":int", "nothing"),
        ({"k": 1}, kw("map-of", STRING, STRING), '["k"]', ":string", "integer"),
        (3, kw("and", INT, kw(">", 3)), "value", "[:> 3]", "3"),
        ([1], kw("union", INT, kw("vector", STRING)), "value", "[:union :int [:vector :string]]", "vector"),
        (5, kw("enum", 1, 2), "value", "[:enum 1 2]", "integer"),
        (1.0, INT, "value", ":int", "float"),
        ("abc", kw("max-length", 2), "value", "[:max-length 2]", '"abc"'),
    ],
)
def test_values_that_do_not(
    rt: Rt, value: object, type_: object, path: str, expected: str, actual: str
) -> None:
    e = error(rt, "check.type", value, type_)
    assert e.kind == "TypeValidationError"
    assert e.message == f"Type validation error: Type mismatch at {path}: expected {expected}, got {actual}"
    assert e.data == {Kw("path"): path, Kw("expected"): expected, Kw("actual"): actual}


def test_deep_types(rt: Rt) -> None:
    value: object = 1
    type_: object = INT
    for i in range(99):
        value, type_ = (
            ({Kw("a"): value}, kw("map", [Kw("a"), type_])) if i % 2 else ([value], kw("vector", type_))
        )
    assert rt("check.type", value, type_) == value
    message = "Not implemented: types nested more than 100 levels deep"
    assert error(rt, "check.type", [value, value], kw("vector", kw("union", type_))).message == message


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (T.INT, ":int"),
        (T.NUM, ":float"),
        (T.INT | T.NIL, "[:union :int :nil]"),
        (T.STR | T.BOOL, "[:union :bool :string]"),
    ],
)
def test_check_names_the_type(rt: Rt, mask: int, expected: str) -> None:
    e = pending(rt, "rt_check_fail", ("val", rt.put([])), ("i32", mask))
    assert e.message == f"Type validation error: Type mismatch at value: expected {expected}, got vector"


def test_raising_ops(rt: Rt) -> None:
    assert (
        error(rt, "raise.type", "f", "number", "x").message == "Type error in f: expected number, got string"
    )
    assert error(rt, "raise.arity", "f", "at least 1", 0) == Err(
        "ArityMismatch",
        "arity-mismatch",
        "Arity mismatch in f: expected at least 1, got 0",
        {Kw("function"): "f", Kw("expected"): "at least 1", Kw("actual"): 0},
    )
    assert error(rt, "raise.undefined", "foo").message == "Undefined symbol: foo"
    assert error(rt, "raise.not-callable", [1]).message == "Not callable: vector"
    assert error(rt, "raise.match", 5).message == "Match error: No matching clause"
    assert error(rt, "raise.invalid", "n").message == "Invalid argument: n"
    assert error(rt, "raise.generic", "n").message == "Runtime error: n"
    assert error(rt, "raise.kind", "JsonError", "text", {1: 2}) == Err(
        "JsonError", "json-error", "text", {1: 2}
    )


def test_throw(rt: Rt) -> None:
    assert error(rt, "throw", "boom") == Err("ApplicationError", "application-error", "boom", None)
    thrown = {Kw("type"): Kw("my/kind"), Kw("message"): "m", Kw("data"): {1: 2}}
    assert error(rt, "throw", thrown) == Err("ApplicationError", "my/kind", "m", {1: 2})
    assert error(rt, "throw", 5).message == "Type error in throw: expected error, string or map, got integer"
    value = rt.op("err.new", rt.put("msg"), rt.put({Kw("k"): 1}))
    with pytest.raises(Raised) as caught:
        rt.op("throw", value)
    rt.engine.invoke("rt_error_site", "i32", ("i32", 3))
    assert caught.value.error.data == {Kw("k"): 1}
    assert rt.take(value).site == 0 and rt.take(rt.state(L.STATE_ERROR, 8)).site == 3


def test_error_values(rt: Rt) -> None:
    value = rt.op("err.new", rt.put([1, "a"]), rt.put(2), rt.put(3))
    assert rt.take(rt.op("err.message", value)) == '[1 "a"]'
    assert rt.take(rt.op("str", value)) == '#<error: [1 "a"]>'
    assert [rt.take(rt.op("kw-get", rt.put(Kw(k)), value)) for k in ("type", "message", "data", "x")] == [
        Kw("application-error"),
        '[1 "a"]',
        {Kw("args"): [2, 3]},
        None,
    ]
    assert error(rt, "err.message", "x").message == "Type error in getMessage: expected error, got string"
    assert rt.op("eq", value, rt.op("err.new", rt.put([1, "a"]), rt.put(2), rt.put(3))) == 1


def test_error_kinds_and_groups(rt: Rt) -> None:
    error(rt, "num.div", 1, 0)
    e = rt.state(L.STATE_ERROR, 8)
    answers = {
        name: rt.op("err.is", e, imm=rt.put(name))
        for name in ("DivisionByZero", "RuntimeError", "HostError", "TypeError", "X")
    }
    assert answers == {"DivisionByZero": 1, "RuntimeError": 1, "HostError": 0, "TypeError": 0, "X": 0}


def test_calls_of_the_wrong_thing(rt: Rt) -> None:
    info = rt.engine.invoke("rt_fninfo", "i32", ("val", rt.put("area")), ("i32", 1))
    two = rt.engine.invoke("rt_closure", "val", ("i32", 2), ("i32", 9), ("i32", info), ("i32", 1))
    some = rt.engine.invoke("rt_closure", "val", ("i32", 0x10001), ("i32", 9), ("i32", info), ("i32", 0))
    assert rt.state(two + L.FN_CODE) == 9 and rt.state(two + L.FN_CAPTURES, 8) == L.SPECIAL_NIL
    assert (
        pending(rt, "rt_closure_call_error", ("val", two), ("i32", 1)).message
        == "Arity mismatch in area: expected 2, got 1"
    )
    assert (
        pending(rt, "rt_closure_call_error", ("val", some), ("i32", 0)).message
        == "Arity mismatch in area: expected at least 1, got 0"
    )
    keyword = rt.put(Kw("k"))
    assert (
        pending(rt, "rt_closure_call_error", ("val", keyword), ("i32", 3)).message
        == "Arity mismatch in :k: expected 1 or 2, got 3"
    )
    assert (
        pending(rt, "rt_closure_call_error", ("val", rt.put(5)), ("i32", 0)).message
        == "Not callable: integer"
    )
    assert (
        rt.op("eq", two, two) == 1
        and rt.op("eq", two, some) == 0
        and rt.take(rt.op("str.pr", two)) == "#<function>"
    )


def test_arguments_of_apply(rt: Rt) -> None:
    out = rt.engine.invoke("rt_alloc", "i32", ("i32", 64))

    def spread(value: object, room: int) -> tuple[int, list[object]]:
        n = rt.engine.invoke("rt_call_args", "i32", ("val", rt.put(value)), ("ptr", out), ("i32", room))
        return n, [rt.take(rt.state(out + 8 * i, 8)) for i in range(max(0, min(n, room)))]

    assert (
        spread([1, 2], 8) == (2, [1, 2])
        and spread(Ls(("a",)), 8) == (1, ["a"])
        and spread("aé", 8) == (2, ["a", "é"])
    )
    assert spread({1: 2, 3: 4}, 8) == (4, [1, 2, 3, 4]) and spread(None, 8) == (0, [])
    assert (
        spread(5, 8)[0] == -1
        and rt.engine.invoke("rt_call_args", "i32", ("val", rt.put([1] * 9)), ("ptr", out), ("i32", 8)) == 9
    )


def test_overflow_and_stack_helpers(rt: Rt) -> None:
    assert pending(rt, "rt_overflow2", ("i32", L.OPERATION_MUL), ("i64", 2**62), ("i64", 2)).data[
        Kw("args")
    ] == [2**62, 2]
    assert (
        pending(rt, "rt_overflow1", ("i32", L.OPERATION_ABS), ("i64", -(2**63))).message
        == "Integer overflow in abs"
    )
    assert pending(rt, "rt_stack_overflow").kind == "StackOverflow"
    assert pending(rt, "rt_div_zero").kind == "DivisionByZero"
