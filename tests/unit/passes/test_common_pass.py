"""common: what is bound once, what is moved before a loop, and the order of errors."""

import pytest
from differential import LEVELS, outcomes
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_programs import ARGUMENTS, functions, outcome
from ir_checker import SITES, body, function, text


def common(source: str, params: str = "(a int) (b int) x v") -> str:
    return body(f"(function f (params {params}) {source})", "common")


def test_the_example() -> None:
    source = """
        (function f (params v)
          (loop L ((i int) 0) (t 0)
            (if (int.lt i (as [int] (count v @1)))
              (recur L (int.add i 1 @2) (if (lt (nth v i @3) 0 @4) t (num.add t (nth v i @5) @2)))
              t)))"""
    assert function(source, "f", "common") == text("""
        (function f (params v)
          (let (same int (count v @1))
            (same.1 int (as [int] same))
            (loop L ((i int) 0) (t 0)
              (if
                (int.lt i same.1)
                (recur L
                  (int.add i 1 @2)
                  (let (same.2 (nth v i @3))
                    (if (lt same.2 0 @4) t (num.add t same.2 @2))))
                t))))""")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(if (lt (nth v a @1) 2 @2) (nth v a @3) 0)",
         "(let (same (nth v a @1)) (if (lt same 2 @2) same 0))"),
        ("(if (lt (nth v a @1) (nth x a @2) @2) (nth x a @3) 0)",
         "(if (lt (nth v a @1) (nth x a @2) @2) (nth x a @3) 0)"),
        ("(let (y (nth v a @1)) (z (nth v a @2)) (vector y z))",
         "(let (y (nth v a @1)) (z y) (vector y z))"),
        ("(do (num.inc x @1) (num.inc x @2))", "(let (same num (num.inc x @1)) (do same same))"),
        ("(do (call-value x @1) (num.inc x @1) (num.inc x @2))",
         "(do (call-value x @1) (num.inc x @1) (num.inc x @2))"),
        ("(if (int.lt a b) (int.lt a b) false)", "(if (int.lt a b) (int.lt a b) false)"),
        ("(if (truthy x) (nth v a @1) (nth v a @2))", "(if (truthy x) (nth v a @1) (nth v a @2))"),
        ("(do (vector x) (vector x))", "(do (vector x) (vector x))"),
        ("(do (gensym x @1) (gensym x @1))", "(do (gensym x @1) (gensym x @1))"),
        ("(do (num.add x 0.0 @1) (num.add x -0.0 @1))", "(do (num.add x 0.0 @1) (num.add x -0.0 @1))"),
        ("(try (num.inc x @1) (e) (num.inc x @2))", "(try (num.inc x @1) (e) (num.inc x @2))"),
        ("(loop L ((i int) a) (if (int.lt i b) (recur L (int.add i (int.mul a b @1) @2)) i))",
         "(loop L ((i int) a) (if (int.lt i b) (recur L (int.add i (int.mul a b @1) @2)) i))"),
        ("(loop L ((i int) a) (if (int.lt i (int.mul a b @1)) (recur L (int.add i 1 @2)) i))",
         "(let (same int (int.mul a b @1))"
         " (loop L ((i int) a) (if (int.lt i same) (recur L (int.add i 1 @2)) i)))"),
        ("(loop L ((i int) (int.neg a @3)) (if (int.lt i (int.mul a b @1)) (recur L (int.add i 1 @2)) i))",
         "(loop L ((i int) (int.neg a @3)) (if (int.lt i (int.mul a b @1)) (recur L (int.add i 1 @2)) i))"),
        ("(loop L ((i int) a) (if (int.lt i b) (recur L (int.add i (float.to-int (int.to-float b)) @2)) i))",
         "(let (same float (int.to-float b)) (same.1 int (float.to-int same))"
         " (loop L ((i int) a) (if (int.lt i b) (recur L (int.add i same.1 @2)) i)))"),
    ],
)  # fmt: skip
def test_what_is_shared_and_moved(before: str, expected: str) -> None:
    assert common(before) == expected


@settings(max_examples=150, deadline=None)
@given(functions(), st.lists(st.tuples(ARGUMENTS, ARGUMENTS), min_size=3, max_size=5))
def test_values_and_errors_stay_the_same(source: str, arguments: list[tuple[int, int]]) -> None:
    for a, b in arguments:
        assert outcome(SITES, source, ["common", "ranges", "branches", "dead"], a, b) == outcome(
            SITES, source, [], a, b
        )


@pytest.mark.parametrize(
    "source",
    [
        "(defn f [v i] (if (< (nth v i) 2) (+ (nth v i) (count v)) (- (nth v i) (count v))))"
        " [(f [1 2] 0) (f [1 2] 1)]",
        "(defn f [v i] (if (< (nth v i) 2) (nth v i) 0)) (f [1] 1)",
        "(defn f [v w] (if (< (nth v 0) (nth w 0)) (nth w 0) (nth v 0))) (f [] 1)",
        "(defn f [v] (loop [i 0 t 0] (if (< i (count v)) (recur (inc i) (+ t (nth v i))) t)))"
        " [(f [1 2 3]) (f []) (f nil)]",
        "(defn f [v] (loop [i (/ 1 0) t 0] (if (< i (count v)) (recur (inc i) t) t))) (f 5)",
        "(defn f [v] (loop [i 0 t 0] (if (< i (count v)) (recur (inc i) t) t))) (f 5)",
        "(defn f [m] (if (> (get m :a) 1) (* (get m :a) (get m :a)) (get m :b)))"
        " [(f {:a 2}) (f {:a 1 :b 3})]",
        "(defn f [m] (if (> (get m :a) 1) (* (get m :a) (get m :a)) (get m :b))) (f {:b 1})",
        "(defn f [x n] (loop [i 0 t 0.0] (if (< i n) (recur (inc i) (+ t (* (float n) (float x)))) t)))"
        " [(f 2 3) (f 2 0)]",
        "(defn f [x] (try (+ x 1) (catch _ e (+ x 1)))) (f \"a\")",
    ],
)  # fmt: skip
def test_all_levels_of_both_engines_agree(source: str) -> None:
    found = outcomes(source)
    assert found is not None
    assert len(found) == 2 * len(LEVELS) and len(set(found.values())) == 1, found
    assert not next(iter(found.values())).startswith("crash")


def test_a_narrowing_is_taken_over_no_test() -> None:
    """What is computed of a narrowed value is partial as the narrowing is (found by random programs)."""
    source = """(loop L ((i int) 0) (if (int.lt i a)
      (recur L (int.add i (if (is [vec] x) (seq.length (as [vec] x)) 1) @2)) i))"""
    after = common(source)
    assert after.startswith("(loop ")
