"""Inline ops against Python's integers and floats, at the edges, cold and hot."""

from __future__ import annotations

import operator

import pytest
from wasm_machine import Failure, Machine, evaluate, module

from rtfsc.primitives.ops import OPS

MIN, MAX = -(1 << 63), (1 << 63) - 1
EDGES = [MIN, MIN + 1, -(1 << 62) - 1, -(1 << 62), -(1 << 32), -(1 << 31) - 1, -(1 << 31), -7, -1, 0, 1, 2, 7,
         (1 << 31) - 1, 1 << 31, 1 << 32, (1 << 62) - 1, 1 << 62, MAX - 1, MAX]  # fmt: skip

BINARY = {"int.add": (operator.add, "+"), "int.sub": (operator.sub, "-"), "int.mul": (operator.mul, "*")}
COMPARE = {"int.eq": operator.eq, "int.ne": operator.ne, "int.lt": operator.lt, "int.le": operator.le,
           "int.gt": operator.gt, "int.ge": operator.ge}  # fmt: skip


LOOP = "(loop l ((i int) 0) (if (int.lt i 1) (recur l (int.add i 1)) {}))"
"""Code inside is hot: fast paths are inline."""


def two_ints(op: str, wrap: str = "{}") -> Machine:
    """Exports ``f (a, b)``: the op on two variables."""
    site = "@3" if OPS[op].raises else ""
    body = wrap.format(f"({op} (check a [int]) (check b [int]) {site})")
    return Machine(
        module("nil", '(export "f" (func f) (params "a" "b") (types ":int" ":int") (result ":any"))',
               f"(function f (params a b) {body})")
    )  # fmt: skip


@pytest.mark.parametrize("wrap", ["{}", LOOP])
@pytest.mark.parametrize("op", BINARY)
def test_checked_arithmetic(op: str, wrap: str) -> None:
    machine = two_ints(op, wrap)
    python, name = BINARY[op]
    for a in EDGES:
        for b in EDGES:
            exact = python(a, b)
            failure = Failure("ArithmeticOverflow", 3, f"Integer overflow in {name}")
            assert machine.ints("f", a, b) == (str(exact) if MIN <= exact <= MAX else failure), (op, a, b)


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("wrap", ["{}", LOOP])
@pytest.mark.parametrize("literal", [MIN, -(1 << 31) - 1, -2, -1, 0, 1, 2, 3, 1 << 31, MAX])
def test_arithmetic_with_a_literal(op: str, literal: int, wrap: str) -> None:
    parts = []
    for name, operands in (("f", f"(check a [int]) {literal}"), ("g", f"{literal} (check a [int])")):
        parts.append(f'(export "{name}" (func {name}) (params "a") (types ":int") (result ":any"))')
        parts.append(f"(function {name} (params a) {wrap.format(f'({op} {operands} @4)')})")
    machine = Machine(module("nil", *parts))
    python = BINARY[op][0]
    for a in EDGES:
        for name, exact in (("f", python(a, literal)), ("g", python(literal, a))):
            got = machine.ints(name, a)
            if MIN <= exact <= MAX:
                assert got == str(exact), (op, name, a)
            else:
                assert isinstance(got, Failure) and got[:2] == ("ArithmeticOverflow", 4), (op, name, a)


@pytest.mark.parametrize("op", COMPARE)
def test_comparisons(op: str) -> None:
    machine = two_ints(op)
    for a in EDGES:
        for b in EDGES:
            assert machine.ints("f", a, b) == str(COMPARE[op](a, b)).lower()


def test_modulo() -> None:
    machine = two_ints("int.mod")
    for a in EDGES:
        for b in EDGES:
            exact = (abs(a) % abs(b)) * (1 if a >= 0 else -1) if b else None
            expected = Failure("DivisionByZero", 3, "Division by zero") if exact is None else str(exact)
            assert machine.ints("f", a, b) == expected, (a, b)


@pytest.mark.parametrize("op,python", [("int.min", min), ("int.max", max)])
def test_min_and_max(op: str, python: object) -> None:
    machine = two_ints(op)
    for a in EDGES:
        for b in EDGES:
            assert machine.ints("f", a, b) == str(python(a, b))  # type: ignore[operator]


@pytest.mark.parametrize("op,name,python", [("int.neg", "-", operator.neg), ("int.abs", "abs", abs)])
def test_negation(op: str, name: str, python: object) -> None:
    for a in EDGES:
        failure = Failure("ArithmeticOverflow", 2, f"Integer overflow in {name}")
        assert evaluate(f"({op} {a} @2)") == (failure if a == MIN else str(python(a)))  # type: ignore[operator]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("(float.add (float \"1.5\") (float \"2.0\"))", "3.5"),
        ("(float.sub (float \"1.5\") (float \"2.0\"))", "-0.5"),
        ("(float.mul (float \"1.5\") (float \"2.0\"))", "3.0"),
        ("(float.neg (float \"0.0\"))", "-0.0"),
        ("(float.abs (float \"-2.5\"))", "2.5"),
        ("(float.lt (float \"nan\") (float \"1.0\"))", "false"),
        ("(float.ne (float \"nan\") (float \"nan\"))", "true"),
        ("(float.to-int (float \"-2.9\"))", "-2"),
        ("(float.to-int (float \"nan\"))", "0"),
        ("(float.to-int (float \"inf\"))", str(MAX)),
        ("(int.to-float 3)", "3.0"),
        ("(int.odd -3)", "true"),
        ("(bool.not true)", "false"),
        ("(bool.eq true false)", "false"),
        ("(truthy nil)", "false"),
        ("(not (const-vec))", "false"),
        ("(seq.length (vector 1 2 3))", "3"),
        ("(map.length (const-map (kw \"a\") 1))", "1"),
        ("3.141592653589793", "3.141592653589793"),
    ],
)  # fmt: skip
def test_plain_ops(text: str, expected: str) -> None:
    assert evaluate(text) == expected


VALUES = {
    "nil": "nil", "bool": "false", "int": "1", "float": "1.5", "str": '"s"', "kw": '(kw "k")',
    "sym": '(sym "s")', "vec": "(const-vec 1)", "list": "(const-list 1)",
    "map": "(const-map)", "fn": "(closure f)",
}  # fmt: skip
MASKS = [*VALUES, "num", "seq", "int|nil", "str|kw", "any"]


@pytest.mark.parametrize("hot", [False, True])
def test_is(hot: bool) -> None:
    """Every kind against every mask, at once in a vector of booleans."""
    tests = " ".join(f"(is x [{mask}])" for mask in MASKS)
    body = f"(vector {tests})"
    if hot:
        body = LOOP.format(body)
    parts = ["(function f (params) nil)", f"(function g (params x) {body})"]
    for kind, text in VALUES.items():
        expected = [kind in _kinds(mask) for mask in MASKS]
        printed = " ".join(str(x).lower() for x in expected)
        assert evaluate(f"(call g {text})", *parts) == f"[{printed}]", kind


def _kinds(mask: str) -> set[str]:
    groups = {"num": {"int", "float"}, "seq": {"vec", "list"}, "any": set(VALUES)}
    return set().union(*(groups.get(name, {name}) for name in mask.split("|")))


@pytest.mark.parametrize("big", [1 << 62, -(1 << 62) - 1, MAX])
def test_integers_beyond_63_bits_are_integers(big: int) -> None:
    part = "(function g (params x) (vector (is x [int]) (check x [int]) x))"
    assert evaluate(f"(call g {big})", part) == f"[true {big} {big}]"


def test_check_names_what_it_wants() -> None:
    failure = evaluate('(call g "s")', "(function g (params x) (check x [int] @5))")
    assert isinstance(failure, Failure)
    assert failure[:2] == ("TypeValidationError", 5) and "expected :int" in failure.message


@pytest.mark.parametrize(
    "op,python", [("num.add", operator.add), ("num.sub", operator.sub), ("num.mul", operator.mul)]
)
def test_generic_arithmetic_in_a_loop(op: str, python: object) -> None:
    body = LOOP.format(f"({op} a b @6)")
    machine = Machine(
        module("nil", '(export "f" (func f) (params "a" "b") (types ":any" ":any") (result ":any"))',
               f"(function f (params a b) {body})")
    )  # fmt: skip
    for a in EDGES:
        for b in EDGES:
            exact = python(a, b)  # type: ignore[operator]
            got = machine.ints("f", a, b)
            if MIN <= exact <= MAX:
                assert got == str(exact), (a, b)
            else:
                assert isinstance(got, Failure) and got[:2] == ("ArithmeticOverflow", 6)


@pytest.mark.parametrize("op", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_generic_comparison_in_a_loop(op: str) -> None:
    body = LOOP.format(f"({op} a b)")
    machine = Machine(
        module("nil", '(export "f" (func f) (params "a" "b") (types ":any" ":any") (result ":any"))',
               f"(function f (params a b) {body})")
    )  # fmt: skip
    for a in EDGES:
        for b in EDGES:
            assert machine.ints("f", a, b) == str(getattr(operator, op)(a, b)).lower(), (a, b)
    of_strings = machine.call("f", machine.string("a"), machine.string("b"))
    assert of_strings == str(op in ("lt", "le", "ne")).lower()


def test_inc_and_dec_in_a_loop() -> None:
    body = LOOP.format("(vector (num.inc a @1) (num.dec b @1))")
    machine = Machine(
        module("nil", '(export "f" (func f) (params "a" "b") (types ":any" ":any") (result ":any"))',
               f"(function f (params a b) {body})")
    )  # fmt: skip
    for a in EDGES[:-1]:
        for b in EDGES[1:]:
            assert machine.ints("f", a, b) == f"[{a + 1} {b - 1}]"
    assert machine.ints("f", MAX, 0) == Failure("ArithmeticOverflow", 1, "Integer overflow in +")
    assert machine.ints("f", 0, MIN) == Failure("ArithmeticOverflow", 1, "Integer overflow in -")


@pytest.mark.parametrize("a", ["nil", "true", '(kw "a")', '(sym "a")', '(kw "b")', '"a"', "1"])
@pytest.mark.parametrize("b", ["nil", "true", '(kw "a")', '(sym "a")'])
def test_equality_by_identity(a: str, b: str) -> None:
    assert evaluate(f"(vector (eq {a} {b}) (ne {a} {b}))") == ("[true false]" if a == b else "[false true]")


def test_ranges_drop_only_tests_that_cannot_fail() -> None:
    """``i`` is below a bound inside the loop, but its double is not."""
    counter = ("(function f (params (m int)) (result int) (loop l ((i int) {start})"
               " (if (int.lt i m) (recur l (int.add i {step} @7)) i)))")  # fmt: skip
    assert evaluate(f"(call f {MAX} ^int)", counter.format(start=MAX - 1, step=1)) == str(MAX)
    assert evaluate(f"(call f {MAX} ^int)", counter.format(start=MAX - 1, step=2)) == Failure(
        "ArithmeticOverflow", 7, "Integer overflow in +"
    )


@pytest.mark.parametrize(
    "op,python", [("num.add", operator.add), ("num.sub", operator.sub), ("num.mul", operator.mul)]
)
@pytest.mark.parametrize("other", ["3", "4611686018427387904", "2.5", "-0.0"])
def test_a_float_with_a_number_of_unknown_kind(op: str, python: object, other: str) -> None:
    """The result is a float without a box; the general op says the same."""
    number = float(other) if "." in other else int(other)
    for text, a, b in ((f"({op} 1.5 n @1)", 1.5, number), (f"({op} n 1.5 @1)", number, 1.5)):
        part = f"(function f (params (n num)) (result float) (as [float] {text}))"
        general = f"(function g (params n) (let (a any 1.5) {text.replace('1.5', 'a')}))"
        expected = repr(python(a, b))  # type: ignore[operator]
        got = evaluate(f"(vector (call f {other} ^float @1) (call g {other} @1))", part, general)
        assert isinstance(got, str)
        assert [float(x) for x in got[1:-1].split()] == [float(expected)] * 2 and got.count(".") == 2


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
def test_logical_tests_without_branches(a: int, b: int) -> None:
    parts = ["(function both (params (a int) (b int)) (vector (if (int.eq a 1) (int.eq b 1) false)"
             " (if (int.eq a 1) true (int.eq b 1))"
             " (if (if (int.eq a 1) (int.eq b 1) false) 1 2)))"]  # fmt: skip
    expected = f"[{bool(a and b)} {bool(a or b)} {1 if a and b else 2}]".lower()
    assert evaluate(f"(call both {a} {b})", *parts) == expected


@pytest.mark.parametrize(
    "start,step,total,op,end",
    [(0, 1, MAX - 2, "int.add", "int.ge"), (0, 1, MIN + 2, "int.sub", "int.ge"),
     (0, -1, MIN + 2, "int.add", "int.le"), (0, -1, MAX - 2, "int.sub", "int.le"),
     (-5, 2, MIN + 5, "int.add", "int.ge"), (5, -2, MAX - 4, "int.add", "int.le")],
)  # fmt: skip
@pytest.mark.parametrize("rounds", range(1, 6))
def test_counters_of_known_sign(start: int, step: int, total: int, op: str, end: str, rounds: int) -> None:
    """A running total near the limit, by a counter that only grows or only falls."""
    limit = start + step * rounds
    part = (f"(function f (params (m int)) (result int) (loop l ((i int) {start}) ((t int) {total}) "
            f"(if ({end} i m) t (recur l (int.add i {step} @1) ({op} t i @2)))))")  # fmt: skip
    exact, i = total, start
    while (i < limit if step > 0 else i > limit) and MIN <= exact <= MAX:
        exact, i = BINARY[op][0](exact, i), i + step
    got = evaluate(f"(call f {limit} ^int)", part)
    if MIN <= exact <= MAX:
        assert got == str(exact)
    else:
        assert isinstance(got, Failure) and got[:2] == ("ArithmeticOverflow", 2)


def test_a_loop_whose_inner_results_are_tested_one_after_the_other() -> None:
    part = "(function f (params a b) (let (x (nth a 0 @1)) (y (nth b 0 @2)) (z (nth a 1 @3)) (vector z y x)))"
    assert evaluate("(call f (const-vec 1 2) (const-vec 3))", part) == "[2 3 1]"


@pytest.mark.parametrize("divisor", [MIN, -7, -1, 1, 2, 10, 1 << 40])
def test_generic_remainder_by_a_literal(divisor: int) -> None:
    machine = Machine(
        module("nil", '(export "f" (func f) (params "a") (types ":any") (result ":any"))',
               f"(function f (params a) {LOOP.format(f'(num.mod a {divisor} @1)')})")
    )  # fmt: skip
    for a in EDGES:
        assert machine.ints("f", a) == str((abs(a) % abs(divisor)) * (1 if a >= 0 else -1)), a


def test_questions_about_numbers_in_a_loop() -> None:
    ops = ["num.even", "num.odd", "num.zero", "num.pos", "num.neg-p"]
    body = LOOP.format("(vector " + " ".join(f"({op} a @2)" for op in ops) + ")")
    machine = Machine(
        module("nil", '(export "f" (func f) (params "a") (types ":any") (result ":any"))',
               f"(function f (params a) {body})")
    )  # fmt: skip
    for a in EDGES:
        expected = [a % 2 == 0, a % 2 == 1, a == 0, a > 0, a < 0]
        assert machine.ints("f", a) == "[" + " ".join(str(x).lower() for x in expected) + "]", a
    failure = machine.call("f", machine.string("x"))
    assert isinstance(failure, Failure) and failure[:2] == ("TypeError", 2)
