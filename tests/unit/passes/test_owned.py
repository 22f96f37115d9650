"""owned: accumulators that are changed in place, and those that must not be."""

import pytest
from ir_checker import body, exported


def loop(next: str, exit: str = "v", init: str = "(const-vec)", more: str = "") -> str:
    source = f"""{exported("f", 1)} (function f (params a)
      (loop L ((i int) 0) (v {init}) (w 0)
        (if (int.lt i 9) {more or f"(recur L (int.add i 1) {next} 0)"} {exit})))"""
    return body(source, "owned")


@pytest.mark.parametrize(
    ("next", "expected"),
    [
        ("(conj v i @1)", "(conj.own (as [vec] v) i)"),
        ("(if (int.odd i) (conj v i @1) v)", "(if (int.odd i) (conj.own (as [vec] v) i) v)"),
        ("(conj (conj v i @1) a @1)", "(conj.own (conj.own (as [vec] v) i) a)"),
        ("(let (x (count v @1)) (conj v x @1))", "(let (x (count v @1)) (conj.own (as [vec] v) x))"),
        ("(conj v (nth v 0 @1) @1)", "(conj.own (as [vec] v) (nth v 0 @1))"),
        ("(do (nth v 0 @1) (conj v 1 @1))", "(do (nth v 0 @1) (conj.own (as [vec] v) 1))"),
    ],
)  # fmt: skip
def test_vectors(next, expected):
    got = loop(next)
    assert f"(recur L (int.add i 1) {expected} 0)" in got and "(v (vector))" in got


def test_maps():
    got = loop("(assoc v a (num.inc (get-or v a 0 @1) @2) @3)", init="(const-map)")
    assert "(assoc.own (as [map] v) a (num.inc (get-or v a 0 @1) @2) @3)" in got and "(v (const-map))" in got


@pytest.mark.parametrize(
    ("next", "more"),
    [
        ("(conj a v @1)", ""),
        ("(conj v v @1)", ""),
        ("(conj (conj v 1 @1) (count v @1) @1)", ""),
        ("(conj v (vector v) @1)", ""),
        ("(conj v (rest v @1) @1)", ""),
        ("(conj v (call f v @1) @1)", ""),
        ("(let (x v) (conj x 1 @1))", ""),
        ("(let (x (conj v 1 @1)) x)", ""),
        ("v", ""),
        ("", "(recur L (int.add i 1) (conj v i @1) v)"),
        ("", "(recur L (int.add i 1) (conj v i @1) (count v @1))"),
        ("", "(recur L (call f v @1) (conj v i @1) 0)".replace("(call f v @1)", "(do (call f v @1) i)")),
        ("", "(do (call f v @1) (recur L (int.add i 1) (conj v i @1) 0))"),
        ("", "(if (eq v a) (recur L (int.add i 1) (conj v i @1) 0) (recur L i v 0))"),
    ],
)
def test_what_someone_else_may_hold_stays(next, more):
    assert ".own" not in loop(next, more=more)


@pytest.mark.parametrize("init", ["a", "(const-vec 1)", "(vector a)", "(const-list)"])
def test_only_what_starts_empty(init):
    assert ".own" not in loop("(conj v i @1)", init=init)


def test_what_ends_the_loop_may_do_anything():
    assert "(vector v (call f v @1))" in loop("(conj v i @1)", "(vector v (call f v @1))")
    assert ".own" in loop("(conj v i @1)", "(vector v (call f v @1))")
