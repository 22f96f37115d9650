"""Clones of recursive functions for closures that are known: text before and after."""

from ir_checker import after, exported, function, text

from rtfsc.ir.text import show_function

FOLD = """(function fold (params f acc n)
    (if (eq n 0) acc (num.inc (call fold f (call-value f acc n @1) (num.dec n @2) @3) @4)))"""


def test_a_clone_takes_the_captures_and_opens_the_closure():
    source = f"""{FOLD}{exported("main", 1)} (function add (params a b) (captures k) (vector a b k))
      (function main (params k) (call fold (closure add k) 0 9 @5))"""
    m = after(source, "inline", "dead")
    assert "(call fold~add 0 9 k @5)" in show_function(m.functions["main"])
    assert show_function(m.functions["fold~add"]) == text("""
        (function fold~add (params acc n k)
          (if
            (eq n 0)
            acc
            (num.inc
              (call fold~add
                (let (a acc)
                  (b n)
                  (vector a b k))
                (num.dec n @2)
                k @3) @4)))""")
    assert "fold" not in m.functions


def test_a_second_call_with_the_same_closure_uses_the_same_clone():
    source = f"""{FOLD}{exported("main", 1)} (function add (params a b) (num.add a b @1))
      (function main (params k)
        (vector (call fold (closure add) 0 9 @5) (call fold (closure add) 1 2 @5)))"""
    m = after(source, "inline", "dead")
    assert sorted(m.functions) == ["$init", "fold~add", "main"]


def test_closures_in_closures_are_made_anew():
    source = f"""{FOLD}{exported("main", 0)} (function one (params x) (num.inc x @1))
      (function both (params a b) (captures g) (vector (call-value g a @2) b))
      (function main (params) (let (g fn (closure one)) (call fold (closure both g) 0 9 @5)))"""
    shown = function(source, "fold~both~one", "inline", "dead")
    assert "(num.inc" in shown and "closure" not in shown and "call-value" not in shown


def test_clones_are_bounded_where_closures_grow():
    source = f"""{exported("main", 0)} (function wrap (params x) (captures g) (call-value g x @1))
      (function one (params x) x)
      (function deep (params f n)
        (if (eq n 0) (call-value f 1 @1) (num.inc (call deep (closure wrap f) (num.dec n @2) @3) @4)))
      (function main (params) (call deep (closure one) 9 @5))"""
    assert len(after(source, "inline", "dead").functions) < 12


def test_mutual_recursion():
    source = f"""{exported("main", 1)} (function lam (params x) (num.inc x @1))
      (function ev (params f n) (if (eq n 0) 0 (num.add 1 (call od f (num.dec n @1) @2) @3)))
      (function od (params f n)
        (if (eq n 0) 0 (num.add (call-value f n @1) (call ev f (num.dec n @2) @3) @4)))
      (function main (params n) (call ev (closure lam) n @5))"""
    m = after(source, "inline", "dead")
    assert sorted(m.functions) == ["$init", "ev~lam", "main", "od~lam"]
