"""Known types of elements: their algebra, and what inference makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_checker import after, body, exported

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.ir.text import show_function
from rtfsc.passes.known import ANY, deep, elements, holding, kinds, meet, of_const, typed_vector

INTS = holding(T.VEC, T.INT)
ROWS = holding(T.VEC, INTS)


def test_levels():
    assert elements(ROWS) == INTS and elements(INTS) == T.INT and kinds(ROWS) == T.VEC
    assert elements(holding(T.VEC, ANY)) == ANY and deep(T.VEC) == holding(T.VEC, ANY)
    assert typed_vector(INTS) and typed_vector(T.VEC)
    assert not typed_vector(deep(T.VEC)) and not typed_vector(INTS | T.NIL)


def test_what_lies_too_deep_is_anything():
    nest = T.INT
    for _ in range(6):
        nest = holding(T.VEC, nest)
    for _ in range(4):
        nest = elements(nest)
    assert nest & T.ANY == T.ANY


def test_narrowing_to_scalars_forgets_elements():
    assert meet(INTS | T.STR, T.STR) == T.STR and meet(INTS | T.STR, T.VEC) == INTS


KNOWN = st.recursive(
    st.integers(0, T.ANY & ~(T.SEQ | T.MAP)),
    lambda inner: st.tuples(st.sampled_from([T.VEC, T.LIST, T.MAP, T.SEQ]), inner).map(lambda p: holding(*p)),
    max_leaves=5,
)


@given(KNOWN, KNOWN)
def test_a_join_holds_both_and_its_elements_hold_theirs(a, b):
    joined = a | b
    assert elements(a) & ~elements(joined) == 0 == elements(b) & ~elements(joined)
    assert joined & ~ANY == 0


def test_constants():
    row = Const(T.VEC, (Const(T.INT, 1), Const(T.FLOAT, 2.0)))
    assert of_const(Const(T.VEC, (row, row))) == holding(T.VEC, holding(T.VEC, T.NUM))
    pair = (Const(T.KW, "a"), Const(T.STR, "x"))
    assert of_const(Const(T.MAP, (pair,))) == holding(T.MAP, T.STR)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(num.inc (nth (vector 1 2) 0 @1) @2)",
         "(int.add (as [int] (seq.at (vector 1 2) 0 @1)) 1 @2)"),
        ("(num.inc (nth (nth (vector (vector 1.5)) 0 @1) 0 @1) @2)",
         "(float.add (as [float] (seq.at (as [vec] (seq.at (vector (vector 1.5)) 0 @1)) 0 @1)) 1.0)"),
        ("(get (vector 1) (to-int a) @1)", "(seq.get (vector 1) (to-int a))"),
        ("(nth (vector 1) a @1)", "(as [int] (nth (vector 1) a @1))"),
        ("(seq [\"map\"] (conj (vector a) 1 @1) @2)", "(conj (vector a) 1 @1)"),
        ("(num.inc (kw-get (kw \"k\") (map (kw \"k\") 1.5 @1) @2) @3)",
         "(as [float] (num.inc (map.get (map (kw \"k\") 1.5 @1) (kw \"k\")) @3))"),
        ("(num.inc (get-or (map (kw \"k\") 1 @1) a 2 @2) @3)",
         "(int.add (as [int] (get-or (map (kw \"k\") 1 @1) a 2 @2)) 1 @3)"),
        ("(num.inc (nth (take 2 (range 0 9 @1) @1) 1 @1) @2)",
         "(int.add (as [int] (seq.at (as [vec] (take 2 (range 0 9 @1) @1)) 1 @1)) 1 @2)"),
        ("(is [str] (nth (str.split a \",\" @1) 0 @1))",
         "(do (seq.at (str.split a \",\" @1) 0 @1) true)"),
        ("(num.inc (num.check [\"+\"] (nth (if (truthy a) (vector 1) (vector 2.5)) 0 @1) @1) @2)",
         "(num.inc (seq.at (if (truthy a) (vector 1) (vector 2.5)) 0 @1) @2)"),
    ],
)  # fmt: skip
def test_elements_of_known_kinds(before, expected):
    source = f"(function f (params a) {before}) (function $init (params) (vector (closure f)))"
    assert body(source, "infer", "branches", "dead") == expected


def test_an_accumulator_over_known_elements_is_unboxed():
    source = """(function f (params a)
      (let (s vec (range 0 9 @1))
        (loop L ((i int) 0) (acc 0)
          (if (int.lt i (seq.length s)) (recur L (int.add i 1) (num.add acc (seq.nth s i) @2)) acc))))
      (function $init (params) (vector (closure f)))"""
    assert body(source, "infer", "branches", "dead") == (
        "(let (s vec (range 0 9 @1)) (loop L ((i int) 0) ((acc int) 0) (if (int.lt i (seq.length s)) "
        "(recur L (int.add i 1) (int.add acc (as [int] (seq.nth s i)) @2)) acc)))"
    )


def test_functions_that_read_vectors_get_clones_for_typed_ones():
    source = f"""{exported("f", 0)}{exported("g", 2)}
      (function g (params v i) (num.inc (nth v i @1) @2))
      (function f (params) (call g (vector 1 2) 1 @3))"""
    m = after(source, "specialise", "dead")
    assert "(int.add (as [int] (seq.at v i @1)) 1 @2)" in show_function(m.functions["g#si"])
    assert "(num.inc (nth v i @1) @2)" in show_function(m.functions["g#vi"])


def test_functions_that_only_pass_vectors_on_do_not():
    source = f"""{exported("f", 0)}{exported("g", 1)} (function g (params v) (vector v))
      (function f (params) (call g (vector 1 2) @3))"""
    assert set(after(source, "specialise", "dead").functions) == {"f", "g", "$init"}


def test_vectors_that_grow_in_a_recursion_are_typed_by_all_that_goes_in():
    source = f"""{exported("f", 0)}
      (function g (params v n)
        (if (lt n 1 @1) (nth v 0 @2) (call g (conj v n @3) (num.dec n @4) @5)))
      (function f (params) (call g (vector) 9 @5))"""
    m = after(source, "specialise", "dead")
    assert "(result int)" in show_function(m.functions["g#si"]).split("\n")[0]
