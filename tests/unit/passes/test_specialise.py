"""specialise (with infer and unbox): clones, entries, narrowing, tail calls."""

import pytest
from ir_checker import after, body, exported, function, text

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Variant
from rtfsc.ir.text import show_function

FIB = """(function fib (params n)
  (if (lt n 2 @1) n (num.add (call fib (num.sub n 1 @1) @2) (call fib (num.sub n 2 @1) @3) @4)))"""


def test_fib_gets_an_entry_for_ints():
    m = after(exported("fib", 1) + FIB, "specialise")
    assert show_function(m.functions["fib#i"]) == text("""
        (function fib#i (params (n int)) (result int)
          (if
            (int.lt n 2)
            n
            (int.add (call fib#i (int.sub n 1 @1) ^int @2) (call fib#i (int.sub n 2 @1) ^int @3) @4)))""")
    assert m.exports[0].variants == [Variant("fib#i", (T.INT,))]
    generic = show_function(m.functions["fib"])
    assert generic.startswith(
        "(function fib (params n)\n  (if\n    (is [int] n)\n    (call fib#i (as [int] n) ^int)"
    )


def test_calls_choose_clones_by_types():
    source = """(function g (params a b) (num.add a b @1))
      (function f (params) (vector (call g 1 2 @2) (call g 1.5 2 @2) (call g "a" 2 @2)))"""
    m = after(exported("f", 0) + source, "specialise")
    assert [n for n in m.functions if n.startswith("g")] == ["g#ii", "g#fi", "g#vi"]
    assert "(float.add a (int.to-float b))" in show_function(m.functions["g#fi"])


def test_the_number_of_clones_is_bounded():
    kinds = ["1", "1.5", "true"]
    calls = " ".join(f"(call g {a} {b} {c} @1)" for a in kinds for b in kinds for c in kinds)
    source = (
        f"(function g (params a b c) (vector a b c)) {exported('f', 0)}(function f (params) (vector {calls}))"
    )
    m = after(source, "specialise")
    assert len([n for n in m.functions if n.startswith("g")]) <= 8


def test_self_recursive_loop_types_reach_a_fixpoint():
    source = """(function f (params n)
      (loop L (i 0) (x 1) (if (lt i n @1) (recur L (num.inc i @2) (num.mul x 1.5 @3)) x)))"""
    shown = function(exported("f", 1) + source, "f#i", "specialise")
    assert "(loop L ((i int) 0) ((x num) 1)" in shown
    assert "(recur L (int.add i 1 @2) (num.mul x 1.5 @3))" in shown


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(if (is [int] a) (num.add a a @1) nil)",
         "(if (is [int] a) (let (a.1 int (as [int] a)) (int.add a.1 a.1 @1)) nil)"),
        ("(if (is [int] a) (is [num] a) nil)", "(if (is [int] a) true nil)"),
        ("(if (is [str] a) (is [int] a) (is [str] a))", "false"),
        ("(if (truthy a) (is [nil] a) nil)", "(if (truthy a) false nil)"),
        ("(let (b int (check [int] a @1)) (num.add b 1 @2))",
         "(let (b int (check [int] a @1)) (int.add b 1 @2))"),
        ("(eq a nil)", "(is [nil] a)"),
        ("(eq (to-int a) 1.5)", "false"),
        ("(eq (to-int a) 3)", "(int.eq (to-int a) 3)"),
        ("(ne (to-float a) 3.0)", "(bool.not (float.eq (to-float a) 3.0))"),
        ("(lt (to-float a) 3 @1)", "(float.lt (to-float a) 3.0)"),
        ("(lt (to-float a) 9007199254740993 @1)", "(lt (to-float a) 9007199254740993 @1)"),
        ("(lt (to-int a) (to-float a) @1)", "(lt (to-int a) (to-float a) @1)"),
        ("(num.div (to-int a) 2 @1)", "(int.div (to-int a) 2 @1)"),
        ("(let (n (to-int a)) (if (num.even n @1) (num.inc (num.div n 2 @1) @1) nil))",
         "(let (n int (to-int a)) (if (int.odd n) nil (int.add (as [int] (int.div n 2 @1)) 1 @1)))"),
        ("(let (n (to-int a)) (d (to-int nil)) "
         "(if (eq (num.mod n d @1) 0) (num.inc (num.div n d @1) @1) nil))",
         "(let (n int (to-int a)) (d int (to-int nil)) (if (int.eq (int.mod n d @1) 0) (int.add "
         "(as [int] (int.div n d @1)) 1 @1) nil))"),
        ("(num.inc (to-int a) @1)", "(int.add (to-int a) 1 @1)"),
        ("(num.even (to-int a) @1)", "(bool.not (int.odd (to-int a)))"),
        ("(num.sqrt (to-int a) @1)", "(float.sqrt (int.to-float (to-int a)) @1)"),
        ("(num.add a 1.5 @1)", "(as [float] (num.add a 1.5 @1))"),
        ("(count (vector a) @1)", "(seq.length (vector a))"),
        ("(get (map.check a @1) (kw \"k\") @2)", "(map.get (map.check a @1) (kw \"k\"))"),
        ("(kw-get (kw \"k\") (map.check a @1) @2)", "(map.get (map.check a @1) (kw \"k\"))"),
        ("(to-float (to-int a))", "(int.to-float (to-int a))"),
        ("(vector (raise.generic \"x\" @1) (num.inc a @1))", "(raise.generic \"x\" @1)"),
        ("(do (num.inc a @1) (if (is [num] (num.inc a @2)) 1 2))", "(do (num.inc a @1) (num.inc a @2) 1)"),
        ("(if (if (is [int] a) true (is [str] a)) nil (is [int] a))",
         "(if (if (is [int] a) true (is [str] a)) nil false)"),
    ],
)  # fmt: skip
def test_rewriting_by_types(before, expected):
    source = f"(function f (params a) {before}) (function $init (params) (vector (closure f)))"
    got = body(source, "infer", "branches", "dead")
    assert got == expected


def test_tail_calls_between_functions_of_different_results_are_boxed():
    source = f"""{exported("f", 1)}
      (function f (params a) (if (is [int] a) (call g 1 !tail @1) "text"))
      (function g (params b) (if (is [int] b) 3 (call f b !tail @1)))"""
    m = after(source, "specialise")
    results = {name: T.rep(f.result) for name, f in m.functions.items() if name != "$init"}
    assert set(results.values()) == {"val"}


def test_tail_calls_between_functions_of_one_scalar_result_stay_unboxed():
    source = f"""{exported("ev", 1)}
      (function ev (params n) (if (eq n 0) true (call od (num.dec n @1) !tail @1)))
      (function od (params n) (if (eq n 0) false (call ev (num.dec n @1) !tail @1)))"""
    m = after(source, "specialise")
    assert m.functions["ev#i"].result == T.BOOL == m.functions["od#i"].result
    assert "(call od#i (int.sub n 1 @1) ^bool !tail @1)" in show_function(m.functions["ev#i"])


def test_unbounded_recursion_stays_a_call():
    source = exported("f", 1) + "(function f (params n) (num.inc (call f n @1) @2))"
    assert "(call f n @1)" in function(source, "f", "tail", "inline", "specialise", "branches", "dead")


def test_entries_for_floats_where_ints_are_converted():
    source = (
        exported("f", 2) + "(function f (params x n) (if (lt n 0 @1) 0.5 (num.add (num.mul 2.0 x @1) 1 @2)))"
    )
    m = after(source, "specialise")
    assert [v.params for v in m.exports[0].variants] == [(T.INT, T.INT), (T.FLOAT, T.INT)]


def test_globals_that_are_constants_are_filled_in():
    source = """(global k int) (global v any) (export "f" (func f) (result ":any"))
      (function f (params) (num.add (global k ^int) (count (global v) @1) @1))
      (function $init (params) (do (set-global k 3) (set-global v (vector 1 2))))"""
    assert body(source, "specialise") == "(int.add 3 (seq.length (as [vec] (global v))) @1)"


def test_a_checked_global_keeps_its_check():
    source = """(global k any) (export "f" (func f) (result ":any"))
      (function f (params) (global k !checked @1))
      (function $init (params) (do (call f) (set-global k 3)))"""
    assert body(source, "specialise") == "(global k !checked @1)"


def test_functions_of_closures_take_anything():
    source = """(function lam (params x) (captures k) (num.add x k @1))
      (function $init (params) (vector (closure lam 1)))"""
    shown = function(source, "lam", "specialise")
    assert shown.startswith("(function lam (params x) (captures k)")


def test_nested_loops_and_builders():
    source = f"""{exported("f", 1)} (function g (params x) (call g x @1))
      (function f (params n)
        (builder.done (loop A ((i int) 0) ((out builder) (builder))
          (if (int.lt i 3)
            (recur A (int.add i 1) (loop B ((j int) 0) ((in builder) out)
              (if (int.lt j 2) (recur B (int.add j 1) (builder.push in (call g n @1))) in)))
            out))))"""
    assert "(builder.done" in function(source, "f", "specialise")
