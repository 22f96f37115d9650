"""inline and lift: text before and after."""

from ir_checker import after, body, exported, function, text


def test_small_functions_are_opened_and_arguments_stay_in_order():
    source = """(function add (params a b) (num.add a b @1))
                (function f (params x) (call add (num.inc x @2) (num.dec x @3) @4))"""
    assert body(source, "inline") == "(let (a (num.inc x @2)) (b (num.dec x @3)) (num.add a b @1))"


def test_library_code_takes_the_site_of_the_call():
    source = """(function lib (params a) (library) (do (vector a) (num.inc a)))
                (function f (params x) (call lib x @4))"""
    assert body(source, "inline") == "(let (a x) (do (vector a) (num.inc a @4)))"


def test_recursive_functions_stay_closed():
    source = """(function ev (params n) (if (eq n 0) true (call od (num.dec n @1) @1)))
                (function od (params n) (if (eq n 0) false (call ev (num.dec n @1) @1)))
                (function f (params x) (call ev x @2))"""
    assert body(source, "inline") == "(call ev x @2)"
    assert "call od" in function(source, "ev", "inline")


def test_tail_calls_of_a_body_stay_tail_calls_only_in_tail_position():
    source = """(function g (params a) (call-value a !tail @1))
                (function f (params x) (if (truthy x) (call g x !tail @2) (vector (call g x @3))))"""
    assert body(source, "inline") == (
        "(if (truthy x) (let (a x) (call-value a !tail @1)) (vector (let (a.1 x) (call-value a.1 @1))))"
    )


def test_known_closures_are_called_directly_and_opened():
    source = """(function lam (params x) (captures k) (num.add x k @1))
                (function f (params k) (let (g fn (closure lam k)) (call-value g 2 @2)))"""
    source += exported("f", 1)
    assert body(source, "inline", "dead") == "(let (x 2) (num.add x k @1))"


def test_wrong_number_of_arguments_stays_a_run_time_error():
    source = """(function lam (params x) x)
                (function f (params k) (let (g fn (closure lam)) (call-value g 1 2 @2)))"""
    assert "(call-value g 1 2 @2)" in body(source, "inline")


def test_rest_arguments_are_gathered():
    source = """(function lam (params x (more list)) (rest) (vector more x))
                (function f (params k) (let (g fn (closure lam)) (call-value g k 1 2 @2)))"""
    source += exported("f", 1)
    assert body(source, "inline", "dead") == "(let (x k) (more list (list 1 2)) (vector more x))"


LIBRARY = """(function lib/map (params f c) (library)
  (let (s vec (seq ["map"] c))
    (loop L ((i int) 0) ((out builder) (builder))
      (if (int.lt i (seq.length s))
        (recur L (int.add i 1) (builder.push out (call-value f (seq.nth s i))))
        (builder.done out)))))
"""


def test_higher_order_library_function_with_a_known_closure():
    source = (
        LIBRARY
        + exported("f", 2)
        + """(function lam (params x) (captures k) (num.add x k @1))
      (function f (params k xs) (call lib/map (closure lam k) xs @2))"""
    )
    assert body(source, "inline", "dead") == " ".join(
        text("""
        (let (c xs)
          (s vec (seq ["map"] c @2))
          (loop L~1 ((i int) 0) ((out builder) (builder))
            (if
              (int.lt i (seq.length s))
              (recur L~1
                (int.add i 1 @2)
                (builder.push
                  out
                  (let (x (seq.nth s i))
                    (num.add x k @1))))
              (builder.done out))))""").split()
    )


def test_a_recursive_closure_reaches_the_library_function_under_another_name():
    source = (
        LIBRARY
        + exported("f", 2)
        + """
      (function lam (params x) (captures k) (self (me fn)) (vector (call-closure lam me x @1) k))
      (function f (params k xs) (let (g fn (closure lam k)) (call lib/map g xs @2)))"""
    )
    assert "(call-closure lam g (seq.nth s i) @2)" in body(source, "inline", "dead")


def test_functions_called_once_are_opened_but_not_into_the_top_level():
    big = "(vector " + "(num.inc a @1) " * 20 + ")"
    once = f"(function g (params a) {big}) {exported('f', 1)} (function f (params x) (call g x @2))"
    assert "call g" not in body(once, "inline")
    twice = f"{once} (function h (params x) (call g x @2))"
    assert body(twice, "inline") == "(call g x @2)"


def test_a_local_recursive_function_is_lifted():
    source = """(function lam (params i) (captures n) (self (h fn))
                  (if (eq i n) 0 (num.inc (call-closure lam h (num.inc i @2) @3) @4)))
                (function f (params n) (let (h fn (closure lam n)) (call-closure lam h 0 @1)))"""
    assert body(source, "lift") == "(call lam 0 n @1)"
    assert function(source, "lam", "lift") == text("""
        (function lam (params i n)
          (if (eq i n) 0 (num.inc (call lam (num.inc i @2) n @3) @4)))""")


def test_a_group_is_lifted_together():
    source = """(function a (params i) (captures b n) (self (me fn))
                  (if (eq i n) 1 (call-value b i !tail @1)))
                (function b (params i) (captures a) (self (me fn)) (call-value a (num.inc i @2) !tail @3))
                (function f (params n)
                  (letrec (x fn (closure a y n)) (y fn (closure b x)) (call-value x 0 @4)))"""
    assert body(source, "lift") == "(call a 0 n @4)"
    assert "(call b i n !tail @1)" in function(source, "a", "lift")
    assert function(source, "b", "lift") == text("""
        (function b (params i n)
          (call a (num.inc i @2) n !tail @3))""")


def test_escaping_functions_stay():
    for use in ("(vector h)", "(call-value h 1 2 @1)", "(call-value n h @1)"):
        source = f"""(function lam (params i) (captures n) (num.add i n @2))
                     (function f (params n) (let (h fn (closure lam n)) (do (call-value h 1 @1) {use})))"""
        m = after(source, "lift")
        assert m.functions["lam"].captures, use
