"""ranges: which tests of operations are dropped, and that none that can fail is."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_programs import ARGUMENTS, functions, outcome
from ir_checker import SITES, body, function, text

from rtfsc.ir.text import parse
from rtfsc.passes.intervals import Range
from rtfsc.passes.ranges import Analysis

MAX = (1 << 63) - 1


def ints(source: str, params: str = "(a int) (b int)") -> str:
    return body(f"(function f (params {params}) {source})", "ranges")


def test_a_counted_loop_over_a_vector() -> None:
    source = """
        (function f (params (v vec) (n int))
          (loop L ((i int) 0) ((t int) 0)
            (if (int.lt i (seq.length v))
              (recur L (int.add i 1 @1) (int.add t (int.mul (int.mod n 10 @2) i @3) @4))
              (nth v (int.sub i t @5) @5))))"""
    assert function(source, "f", "ranges") == text("""
        (function f (params (v vec) (n int))
          (loop L ((i int) 0) ((t int) 0)
            (if
              (int.lt i (seq.length v))
              (recur L (i64.add i 1) (int.add t (i64.mul (i64.rem n 10) i) @4))
              (nth v (int.sub-nat i t @5) @5))))""").replace("int.sub-nat", "int.sub")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(int.add a 1 @1)", "(int.add-nat a 1 @1)"),
        ("(int.add 1 a @1)", "(int.nat-add 1 a @1)"),
        ("(int.add a b @1)", "(int.add a b @1)"),
        ("(int.sub a 1 @1)", "(int.sub-nat a 1 @1)"),
        ("(int.sub a -1 @1)", "(int.sub a -1 @1)"),
        ("(if (int.lt a b) (int.add a 1 @1) 0)", "(if (int.lt a b) (i64.add a 1) 0)"),
        ("(if (int.lt a b) (int.add a 2 @1) 0)", "(if (int.lt a b) (int.add-nat a 2 @1) 0)"),
        ("(if (int.lt a b) 0 (int.sub a 1 @1))", "(if (int.lt a b) 0 (int.sub-nat a 1 @1))"),
        ("(if (if (int.ge a b) true (int.eq b 3)) 0 (int.add a 1 @1))",
         "(if (if (int.ge a b) true (int.eq b 3)) 0 (i64.add a 1))"),
        ("(if (if (int.ge a 0) (int.lt a 10) false) (int.mul a a @1) 0)",
         "(if (if (int.ge a 0) (int.lt a 10) false) (i64.mul a a) 0)"),
        ("(if (bool.not (int.eq a 9223372036854775807)) (int.add a 1 @1) 0)",
         "(if (bool.not (int.eq a 9223372036854775807)) (i64.add a 1) 0)"),
        ("(do (if (int.lt a 2) (raise.generic \"no\" @1) nil) (int.sub a 1 @1))",
         "(do (if (int.lt a 2) (raise.generic \"no\" @1) nil) (i64.sub a 1))"),
        ("(int.mod a b @1)", "(int.mod a b @1)"),
        ("(if (int.eq b 0) a (int.mod a b @1))", "(if (int.eq b 0) a (i64.rem a b))"),
        ("(do (int.mod a b @1) (int.mod 7 b @2))", "(do (int.mod a b @1) (i64.rem 7 b))"),
        ("(int.mod (int.max a 0) 8 @1)", "(i64.and (int.max a 0) 7)"),
        ("(int.mod (int.max a 0) -8 @1)", "(i64.and (int.max a 0) 7)"),
        ("(int.mod a 8 @1)", "(i64.rem a 8)"),
        ("(as [int] (int.div a 10 @1))", "(i64.div a 10)"),
        ("(as [int] (int.div (int.sub a (int.mod a 10 @1) @2) 10 @3))", "(i64.div a 10)"),
        ("(as [int] (int.div (int.sub a (int.mod a 5 @1) @2) 10 @3))",
         "(i64.div (int.sub a (i64.rem a 5) @2) 10)"),
        # The remainder is what says that b is not 0: it stays.
        ("(if (int.gt a 0) (as [int] (int.div (int.sub a (int.mod a b @1) @2) b @3)) 0)",
         "(if (int.gt a 0) (i64.div (i64.sub a (int.mod a b @1)) b) 0)"),
        ("(if (int.gt b 0) (as [int] (int.div (int.sub a (int.mod a b @1) @2) b @3)) 0)",
         "(if (int.gt b 0) (i64.div a b) 0)"),
        ("(as [int] (int.div (int.mod a 7 @1) 10 @3))", "(i64.div (i64.rem a 7) 10)"),
        ("(as [int] (int.div a -1 @1))", "(as [int] (int.div a -1 @1))"),
        ("(as [int] (int.div (int.mod a 9 @1) b @2))", "(as [int] (int.div (i64.rem a 9) b @2))"),
        ("(if (int.gt b 0) (as [int] (int.div a b @2)) 0)", "(if (int.gt b 0) (i64.div a b) 0)"),
        ("(if (int.lt (int.mul a a @1) b) (int.add a 1 @2) 0)",
         "(if (int.lt (int.mul a a @1) b) (i64.add a 1) 0)"),
        ("(vector (int.add a b @1) (int.add a b @2))", "(vector (int.add a b @1) (int.add a b @2))"),
        ("(vector (int.add a 5 @1) (int.add a 4 @2))", "(vector (int.add-nat a 5 @1) (i64.add a 4))"),
        ("(vector (int.sub a 5 @1) (int.sub a 4 @2))", "(vector (int.sub-nat a 5 @1) (i64.sub a 4))"),
        ("(vector (int.mul a 5 @1) (int.mul a 3 @2))", "(vector (int.mul a 5 @1) (i64.mul a 3))"),
        ("(int.mod a -3 @1)", "(i64.rem a -3)"),
        ("(int.mod a (int.add (int.abs b @1) 1 @2) @3)", "(i64.rem a (int.add-nat (int.abs b @1) 1 @2))"),
        ("(int.abs (int.mod a 7 @1) @2)", "(i64.abs (i64.rem a 7))"),
        ("(int.neg (int.mod a 7 @1) @2)", "(i64.neg (i64.rem a 7))"),
        ("(int.abs (seq.length (vector a)) @1)", "(seq.length (vector a))"),
        ("(int.lt (int.mod a 7 @1) 7)", "true"),
        ("(if (int.lt a b) (int.ge a b) (int.lt b a))", "(if (int.lt a b) false (int.lt b a))"),
        ("(let (m int (int.min a 5)) (int.gt m 5))", "(let (m int (int.min a 5)) false)"),
        ("(nth (vector a b) 1 @1)", "(nth (vector a b) 1 @1)"),
        ("(let (v vec (vector a b)) (nth v 1 @1))", "(let (v vec (vector a b)) (seq.nth v 1))"),
        ("(let (v vec (vector a b)) (nth v 2 @1))", "(let (v vec (vector a b)) (nth v 2 @1))"),
        ("(let (v vec (vector a b)) (get v 1 @1))", "(let (v vec (vector a b)) (seq.nth v 1))"),
        ("(let (v list (list a b)) (get v 1 @1))", "(let (v list (list a b)) (get v 1 @1))"),
        ("(let (v list (list a b)) (seq.at v 1 @1))", "(let (v list (list a b)) (seq.nth v 1))"),
        ("(let (v vec (vector a b)) (seq.get v 1))", "(let (v vec (vector a b)) (seq.nth v 1))"),
        ("(let (v vec (vector a b)) (seq.get v -1))", "(let (v vec (vector a b)) (seq.get v -1))"),
    ],
)  # fmt: skip
def test_what_a_test_before_it_proves(before: str, expected: str) -> None:
    assert ints(before) == expected


def test_indices_that_were_compared_with_the_length() -> None:
    guarded = "(let (n int (seq.length v)) (if (int.ge i 0) (if (int.lt i n) (nth v i @1) nil) nil))"
    assert "(seq.nth v i)" in ints(guarded, "(v vec) (i int)")
    assert "(nth w i @1)" in ints(guarded.replace("nth v", "nth w"), "(v vec) (w vec) (i int)")
    before = "(if (int.gt i 0) (if (int.le i (seq.length v)) (nth v (int.sub i 1 @1) @2) nil) nil)"
    assert "(seq.nth v (i64.sub i 1))" in ints(before, "(v vec) (i int)")
    assert "(nth v i @2)" in ints(before.replace("(int.sub i 1 @1)", "i"), "(v vec) (i int)")


def test_values_of_any_kind_keep_their_interval_if_they_are_integers() -> None:
    source = "(let (x (num.mod a 10 @1)) (if (is [int] x) (int.mul (as [int] x) 3 @2) nil))"
    assert "(i64.mul (as [int] x) 3)" in ints(source, "a")


def test_loops_are_widened_and_then_as_narrow_as_their_recurs() -> None:
    source = """(loop L ((i int) 0) ((h int) 5381)
                  (if (int.lt i b)
                    (recur L (int.add i 1 @1) (int.mod (int.add (int.mul h 31 @2) i @3) 1000003 @4))
                    h))"""
    shown = ints(source)
    assert "(i64.mul h 31)" in shown and "(i64.add i 1)" in shown and "(i64.rem " in shown
    assert "(int.nat-add (i64.mul h 31) i @3)" in shown or "(int.add-nat (i64.mul h 31) i @3)" in shown


def test_a_counter_that_can_leave_its_bounds_keeps_its_test() -> None:
    loop = "(loop L ((i int) {}) (if (int.ne i b) (recur L (int.add i {} @1)) i))"
    assert "(i64.add i 1)" not in ints(loop.format("a", 2))
    assert "(int.add-nat i 2 @1)" in ints(loop.format("0", 2))


def test_nested_loops() -> None:
    source = """(loop L ((i int) 0) ((t int) 0)
                  (if (int.lt i 100)
                    (recur L (int.add i 1 @1)
                      (loop M ((j int) i) ((u int) 0)
                        (if (int.lt j 100) (recur M (int.add j 1 @2) (int.max u (int.mul i j @3))) u)))
                    t))"""
    shown = ints(source)
    assert "(i64.add i 1)" in shown and "(i64.add j 1)" in shown and "(i64.mul i j)" in shown


def test_deeply_nested_loops_take_no_longer_than_their_size() -> None:
    source = "(int.add a b @1)"
    for i in range(60):
        test, step = f"(int.lt i{i} b)", f"(int.add i{i} 1 @1)"
        source = f"(loop L{i} ((i{i} int) a) (if {test} (recur L{i} {step}) {source}))"
    walks = 0

    class Counted(Analysis):
        def prim(self, e: Any) -> Range:
            nonlocal walks
            walks += 1
            return super().prim(e)

    m = parse(
        f'(module "m" {SITES} (function f (params (a int) (b int)) {source}) (function $init (params) nil))'
    )
    analysis = Counted()
    analysis.run(m.functions["f"].body)
    assert analysis.found and walks < 60 * 2 * 64


@settings(max_examples=300, deadline=None)
@given(functions(), st.lists(st.tuples(ARGUMENTS, ARGUMENTS), min_size=3, max_size=6))
def test_dropped_tests_never_fail(source: str, arguments: list[tuple[int, int]]) -> None:
    """The machine of the evaluator keeps its tests, and a dropped one has lost its place: were it to fail,
    the span of the error would differ."""
    for a, b in arguments:
        assert outcome(SITES, source, ["ranges", "branches", "dead"], a, b) == outcome(
            SITES, source, [], a, b
        )
