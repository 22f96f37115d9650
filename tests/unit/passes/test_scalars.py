"""scalars: vectors and maps that are only taken apart are not built."""

import pytest
from ir_checker import body, exported


def after(source: str) -> str:
    return body(f"{exported('f', 1)} (function f (params a) {source})", "scalars")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(let (v (vector a 2)) (vector (nth v 1 @1) (count v @1) (first v @1)))",
         "(let (v.0 a) (v.1 2) (vector v.1 2 v.0))"),
        ("(let (v (vector a 2)) (let (p vec (destructure.vec v 2 false @1)) (seq.nth p 0)))",
         "(let (v.0 a) (v.1 2) v.0)"),
        ("(let (v (vector a 2)) (let (w v) (if (is [vec] w) (get w 5 @1) nil)))",
         "(let (v.0 a) (v.1 2) (if true nil nil))"),
        ('(let (m (map (kw "x") a "y" 2 @1)) (vector (kw-get (kw "x") m @2) (get m "y" @2) (get m 3 @2)))',
         "(let (m.0 a) (m.1 2) (vector m.0 m.1 nil))"),
    ],
)  # fmt: skip
def test_lets(before, expected):
    assert after(before) == expected


@pytest.mark.parametrize(
    "before",
    [
        "(let (v (vector a 2)) (vector v (nth v 1 @1)))",
        "(let (v (vector a 2)) (nth v a @1))",
        "(let (v (vector a 2)) (nth v 2 @1))",
        "(let (v (vector a 2)) (destructure.vec v 3 false @1))",
        "(let (v (vector a 2)) (conj v 1 @1))",
        "(let (v (vector)) (count v @1))",
        "(let (m (map a 1 @1)) (count m @1))",
        '(let (m (map (kw "x") 1 (kw "x") 2 @1)) (count m @1))',
    ],
)
def test_what_is_wanted_as_a_whole_is_built(before):
    assert after(before) == before


def loop(init: str, next: str, exit: str = "p") -> str:
    return after(f"(loop L (i 0) (p {init}) (if (lt i 9 @1) (recur L (num.inc i @1) {next}) {exit}))")


def test_a_loop_carries_the_parts():
    assert loop("(vector 0 a)", "(vector (nth p 1 @1) (num.inc (nth p 0 @1) @1))") == (
        "(loop L (i 0) (p.0 0) (p.1 a) (if (lt i 9 @1) "
        "(recur L (num.inc i @1) p.1 (num.inc p.0 @1)) (let (p vec (vector p.0 p.1)) p)))"
    )


def test_constants_and_parts_at_the_end():
    assert loop("(const-vec 0 1)", "(vector 1 (nth p 0 @1))", "(nth p 1 @1)") == (
        "(loop L (i 0) (p.0 0) (p.1 1) (if (lt i 9 @1) (recur L (num.inc i @1) 1 p.0) p.1))"
    )


@pytest.mark.parametrize(
    ("init", "next"),
    [
        ("(vector 0 1)", "(vector 1 2 3)"),
        ("(vector 0 1)", "(conj p 1 @1)"),
        ("(vector 0 1)", "(vector p 1)"),
        ("(vector 0 1)", "(let (x (call f i @1)) (vector x 1))"),
        ("a", "(vector 0 1)"),
        ('(map (kw "x") 1 @1)', '(map (kw "y") 1 @1)'),
    ],
)
def test_loops_whose_value_is_made_otherwise_stay(init, next):
    assert "p.0" not in loop(init, next)


def test_a_branch_in_a_round_comes_out():
    source = """(loop L (p (vector 0 1)) (if (lt (nth p 0 @1) 9 @1)
      (recur L (if (truthy a) (vector 1 (nth p 0 @1)) p)) (nth p 1 @1)))"""
    assert "(if (truthy a) (recur L 1 p.0) (recur L p.0 p.1))" in after(source)
