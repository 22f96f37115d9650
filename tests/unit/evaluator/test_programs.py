"""Programs in the IR's text form, run by the machine."""

import math
import threading
from typing import Any

import pytest

from rtfsc.ir.text import parse
from runtime.evaluator.executor import Instance, IrExecutor
from runtime.values import (
    ArithmeticOverflow,
    ArityError,
    DivisionByZero,
    ErrorValue,
    HostFunction,
    Keyword,
    Limits,
    List,
    RtfsError,
    RtfsTypeError,
    StackOverflow,
    UndefinedSymbol,
)
from runtime.values.errors import InstanceClosed


def load(text: str, **limits: Any) -> Instance:
    return IrExecutor().instantiate_module(parse(f'(module "m" {text})'), limits=Limits(**limits))


def value(body: str, functions: str = "") -> Any:
    with load(f"{functions} (function $init (params) {body})") as instance:
        return instance.run()


def printed(body: str, functions: str = "") -> str:
    with load(f"{functions} (function $init (params) {body})") as instance:
        return instance.run_printed()


EXPORT_F = '(export "f" (func f) (params "x") (types ":any") (result ":any"))'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("nil", None),
        ("true", True),
        ('"text"', "text"),
        ("4611686018427387904", 2**62),
        ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5),
        ('(kw "a")', Keyword("a")),
        ("(int.add 1 2)", 3),
        ("(int.sub 1 2000000000000)", 1 - 2000000000000),
        ("(int.mod -7 3)", -1),
        ("(int.mod -9223372036854775808 -1)", 0),
        ("(int.mul 3037000500 3)", 9111001500),
        ("(float.add 1.5 2.0)", 3.5),
        ("(int.to-float 3)", 3.0),
        ("(float.to-int 3.9)", 3),
        ("(num.add 4611686018427387903 1)", 2**62),
        ("(num.mul 3037000500 3037000499)", 3037000500 * 3037000499),
        ("(num.add 1 1.5)", 2.5),
        ("(int.div 7 2)", 3.5),
        ("(int.div 8 2)", 4),
        ("(is 1 [num])", True),
        ('(is "a" [num|nil])', False),
        ("(not nil)", True),
        ("(bool.eq true false)", False),
        ("(vector 1 2 3)", [1, 2, 3]),
        ("(list 1 (vector))", List([1, []])),
        ('(map (kw "a") 1 "b" 2)', {Keyword("a"): 1, "b": 2}),
        ("(seq.length (vector 1 2 3))", 3),
        ("(count \"añ\")", 2),
        ("(let (x 5) (y (num.add x 1)) (vector x y))", [5, 6]),
        ("(do 1 2 3)", 3),
        ("(if (lt 1 2) 10 20)", 10),
        ("(if (if (int.lt 1 2) (int.lt 3 2) true) 10 20)", 20),
        ("(if (bool.not (truthy nil)) 10 20)", 10),
        ("(if (float.lt 1.0 1.0) 10 20)", 20),
        ("(if (float.ne 1.0 1.0) 10 20)", 20),
        ("(if (empty (vector)) 10 20)", 10),
        ("(loop l ((i int) 0) ((s int) 0) (if (int.lt i 10) (recur l (int.add i 1) (int.add s i)) s))", 45),
        (
            "(loop l (a 1) (b 2) ((n int) 3) (if (int.gt n 0) (recur l b a (int.sub n 1)) (list a b)))",
            List([2, 1]),
        ),
    ],
)  # fmt: skip
def test_values(body: str, expected: Any) -> None:
    got = value(body)
    assert got == expected
    assert type(got) is type(expected)


def test_every_instruction_of_comparison() -> None:
    expectations = {"lt": "TFF", "le": "TTF", "gt": "FFT", "ge": "FTT", "eq": "FTF", "ne": "TFT"}
    for name, expected in expectations.items():
        for kind, one, two in (("int.", "1", "2"), ("float.", "1.0", "2.0"), ("", "1", "2.5")):
            got = ""
            for a, b in ((one, two), (one, one), (two, one)):
                e = f"({kind}{name} {a} {b})"
                assert value(e) == value(f"(if {e} true false)") != value(f"(if (bool.not {e}) true false)")
                got += "T" if value(e) else "F"
            assert got == expected, (kind, name)


def test_nan_compares_as_ieee_says() -> None:
    nan = "(float.sub (float.mul 1e308 10.0) (float.mul 1e308 10.0))"
    for name in ("lt", "le", "gt", "ge", "eq"):
        assert value(f"(if (float.{name} {nan} 1.0) 1 2)") == 2
    assert value(f"(if (float.ne {nan} 1.0) 1 2)") == 1
    assert math.isnan(value(nan))


def test_printed_form() -> None:
    assert printed('(vector 1 "a" nil 2.0)') == '[1 "a" nil 2.0]'


def test_calls_and_recursion() -> None:
    fact = """(function fact (params (n int)) (result int)
                (if (int.lt n 2) 1 (int.mul n (call fact ^int (int.sub n 1)))))"""
    assert value("(call fact ^int 20)", fact) == math.factorial(20)
    with pytest.raises(ArithmeticOverflow) as caught:
        value("(call fact ^int 21)", fact)
    assert caught.value.data[Keyword("operation")] == "*"


def test_a_million_tail_calls() -> None:
    even = """(function ev (params n) (if (eq n 0) true (call od (num.dec n) !tail)))
              (function od (params n) (if (eq n 0) false (call ev (num.dec n) !tail)))"""
    assert value("(call ev 1000000)", even) is True


def test_tail_calls_of_values() -> None:
    down = """(function down (params f n) (if (eq n 0) (kw "done") (call-value f f (num.dec n) !tail)))"""
    assert value("(call-value (closure down) (closure down) 300000)", down) == Keyword("done")
    down = """(function down (params f n)
                (if (eq n 0) (kw "done") (apply f (vector f (num.dec n)) !tail)))"""
    assert value("(call down (closure down) 100000)", down) == Keyword("done")


def test_closures_capture() -> None:
    adder = "(function add (params y) (captures x) (num.add x y))"
    assert value("(let (f (let (x 5) (closure add x))) (call-value f 3))", adder) == 8
    typed = "(function add (params y) (captures (x int)) (num.add x y))"
    assert value("(call-value (closure add 5) 3)", typed) == 8


def test_local_functions_see_each_other_and_themselves() -> None:
    functions = """(function ev (params n) (captures od) (if (eq n 0) true (call-value od (num.dec n))))
                   (function od (params n) (captures ev) (if (eq n 0) false (call-value ev (num.dec n))))
                   (function self (params n) (captures k) (self me)
                     (if (eq n 0) k (call-value me (num.dec n))))"""
    assert value("(letrec (ev (closure ev od)) (od (closure od ev)) (call-value ev 11))", functions) is False
    assert value("(call-value (closure self 9) 100)", functions) == 9


def test_rest_parameters_and_apply() -> None:
    rest = "(function f (params a more) (rest) (vector a more))"
    assert value("(call-value (closure f) 1 2 3)", rest) == [1, List([2, 3])]
    assert value("(call-value (closure f) 1)", rest) == [1, List()]
    assert value("(apply (closure f) (vector 1 2))", rest) == [1, List([2])]
    with pytest.raises(ArityError, match="expected at least 1, got 0"):
        value("(call-value (closure f))", rest)


def test_apply_to_many_arguments() -> None:
    rest = "(function f (params more) (rest) (count more))"
    assert value("(apply (closure f) (range1 100000))", rest) == 100000


def test_keywords_are_functions() -> None:
    assert value('(call-value (kw "a") (map (kw "a") 1))') == 1
    assert value('(call-value (kw "b") (map (kw "a") 1) 2)') == 2
    with pytest.raises(RtfsTypeError, match="Not callable"):
        value("(call-value 3 4)")
    with pytest.raises(ArityError):
        value('(call-value (kw "b"))')


def test_unboxed_functions_work_as_values() -> None:
    typed = """(function f (params (x int) (y float) (b bool)) (result float)
                 (if b (float.mul (int.to-float x) y) y))"""
    assert value("(call-value (closure f) 2 1.5 true)", typed) == 3.0


def test_globals() -> None:
    with load("""(global k int) (global late any) (export "k" (params) (types) (result ":any"))
                 (export "f" (func f) (params) (types) (result ":any")) (site 1 3 7 "f" 0)
                 (function f (params) (vector (global k ^int) (global late !checked @1)))
                 (function $init (params) (do (set-global k 42) (set-global late "x")))""") as instance:
        assert instance.function("f")() == [42, "x"]
        assert instance.value("k") == 42
        with pytest.raises(KeyError):
            instance.value("f")
    with pytest.raises(UndefinedSymbol) as caught:
        value("(do (global late !checked @1))", '(global late any) (site 1 3 7 "f" 0)')
    assert (caught.value.span, caught.value.message) == ((3, 7), "Undefined symbol: late")


def test_errors_take_the_site_of_the_nearest_call_that_has_one() -> None:
    sites = '(site 1 10 20 "f" 0) (site 2 30 40 "f" 0)'
    library = "(function lib (params x) (library) (num.add x nil))"
    user = "(function user (params x) (do (call lib x @1) nil))"
    with pytest.raises(RtfsTypeError) as caught:
        value("(do (call user 1 @2) 1)", f"{sites} {library} {user}")
    assert (caught.value.span, caught.value.site) == ((10, 20), 1)


TRY = "(try {} (e) (vector (err.type e) (err.message e)))"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("(int.mod 1 0)", ["division-by-zero", "Division by zero"]),
        ("(int.add 9223372036854775807 1)", ["arithmetic-overflow", "Integer overflow in +"]),
        ("(int.neg -9223372036854775808)", ["arithmetic-overflow", "Integer overflow in -"]),
        ("(int.abs -9223372036854775808)", ["arithmetic-overflow", "Integer overflow in abs"]),
        ('(check "a" [int])', ["type-validation-error", None]),
        ("(call f)", ["match-error", None]),
        ("(call-value (closure f))", ["match-error", None]),
        ("(call-value 1)", ["not-callable", None]),
        ('(if (lt 1 "a") 1 2)', ["type-error", None]),
        ('(throw "boom")', [None, None]),
    ],
)
def test_errors_are_caught(body: str, expected: list[str | None]) -> None:
    got = value(TRY.format(body), "(function f (params) (raise.match 1))")
    assert expected[0] is None or got[0] == Keyword(expected[0])
    assert expected[1] is None or got[1] == expected[1]


def test_try_nests_and_values_pass() -> None:
    assert value("(try 1 (e) 2)") == 1
    assert value('(try (try (throw "a") (e) (throw "b")) (f) (err.message f))') == "b"
    assert value('(do (try (throw "a") (e) 1) (try (int.mod 1 0) (e) 2))') == 2
    loop = """(loop l ((i int) 0) ((n int) 0)
                (if (int.lt i 100)
                    (let (d int (try (raise.match i) (e) 1)) (recur l (int.add i 1) (int.add n d)))
                    n))"""
    assert value(loop) == 100


def test_errors_come_out_as_values() -> None:
    error = value('(err.new "m" 1)')
    assert isinstance(error, ErrorValue)
    assert error.message == "m"


DEEP = "(function deep (params n) (num.add 1 (call deep n)))"


def test_stack_overflow_is_an_error_and_can_be_caught() -> None:
    with pytest.raises(StackOverflow):
        value("(call deep 1)", DEEP)
    assert value("(try (call deep 1) (e) (err.message e))", DEEP) == "Stack overflow"
    twice = "(vector (try (call deep 1) (e) 1) (try (call deep 1) (e) 2))"
    assert value(twice, DEEP) == [1, 2]


def test_deep_recursion_within_the_budget() -> None:
    count = "(function count (params n) (if (eq n 0) 0 (num.inc (call count (num.dec n)))))"
    assert value("(call count 15000)", count) == 15000


# --- the boundary -------------------------------------------------------------------------------


def test_arguments_and_results_cross() -> None:
    with load(f"{EXPORT_F} (function f (params x) x) (function $init (params) nil)") as instance:
        f = instance.function("f")
        for x in (None, True, False, 1, -(2**63), 1.5, "añ", [1, "a", [2.5]], {"a": {Keyword("k"): List()}}):
            assert f(x) == x
            assert type(f(x)) is type(x)
        with pytest.raises(OverflowError, match="argument 0"):
            f(2**63)
        with pytest.raises(TypeError, match=r"argument 0\[1\]: no RTFS value for set"):
            f([1, set()])


def test_variants_take_what_fits() -> None:
    with load("""(export "f" (func f) (params "x" "y") (types ":any" ":any") (result ":any")
                   (variant fi int any) (variant ff float float))
                 (function f (params x y) "boxed")
                 (function fi (params (x int) y) (vector "int" x y))
                 (function ff (params (x float) (y float)) (result float) (float.add x y))
                 (function $init (params) nil)""") as instance:
        f = instance.function("f")
        assert f(1, "a") == ["int", 1, "a"]
        assert f(1.5, 2.0) == 3.5
        assert f(True, 1) == "boxed"
        assert f(1.5, 1) == "boxed"


def test_wrong_number_of_arguments_from_python() -> None:
    with load(f"{EXPORT_F} (function f (params x) x) (function $init (params) nil)") as instance:
        with pytest.raises(ArityError, match="Arity mismatch in f: expected 1, got 2"):
            instance.function("f")(1, 2)
        with pytest.raises(KeyError):
            instance.function("g")


def test_rest_parameters_from_python() -> None:
    with load("""(export "f" (func f) (params "a" "more") (types ":any" ":any") (rest) (result ":any"))
                 (function f (params a more) (rest) (vector a more))
                 (function $init (params) nil)""") as instance:
        f = instance.function("f")
        assert f(1, 2, "x") == [1, List([2, "x"])]
        assert f(*range(100)) == [0, List(range(1, 100))]
        assert f(1) == [1, List()]
        with pytest.raises(ArityError):
            f()


def test_record_parameters_take_string_keys() -> None:
    with load("""(export "f" (func f) (params "x") (types "[:map [:a :int]]") (result ":any"))
                 (function f (params x) (get x (kw "a"))) (function $init (params) nil)""") as instance:
        assert instance.function("f")({"a": 7, "b": 8}) == 7


def test_functions_come_out_as_handles() -> None:
    with load(f"""{EXPORT_F} (function add (params y) (captures x) (num.add x y))
                  (function f (params x) (if (is x [fn]) (call-value x 1) (closure add x)))
                  (function $init (params) nil)""") as instance:
        f = instance.function("f")
        with f(10) as add:
            assert add(5) == 15
            assert f(add) == 11
            for i in range(100):
                f([i] * 100)
            assert add(7) == 17
            with pytest.raises(ArityError):
                add()
        with pytest.raises(InstanceClosed):
            add(1)


def test_granted_functions_are_called_and_call_back() -> None:
    with load(f"""{EXPORT_F} (function f (params x) (num.add 1 (call-value x 20 (vector 1))))
                  (function $init (params) nil)""") as instance:
        f = instance.function("f")
        assert f(HostFunction(lambda a, b: a + b[0])) == 22
        seen = []

        def again(a: int, b: list[int]) -> int:
            seen.append((a, b))
            return f(HostFunction(lambda a, b: 5)) if len(seen) == 1 else 0

        assert f(HostFunction(again)) == 7
        assert seen == [(20, [1])]
        with pytest.raises(TypeError, match="has to be granted"):
            f(len)


def test_exceptions_of_granted_functions_pass_through() -> None:
    with load(f"""{EXPORT_F} (function f (params x) (try (call-value x) (e) "caught"))
                  (function $init (params) nil)""") as instance:
        f = instance.function("f")

        def fail() -> None:
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            f(HostFunction(fail))
        assert f(HostFunction(lambda: 3)) == 3
        with pytest.raises(TypeError, match="value: no RTFS value for set"):
            f(HostFunction(lambda: {1}))


def test_the_top_level_runs_once_and_its_error_stays() -> None:
    with load("(function $init (params) (vector 1 2))") as instance:
        assert instance.run() == [1, 2]
        assert instance.run() == [1, 2]
        assert instance.run_printed() == "[1 2]"
    with load(f"{EXPORT_F} (function f (params x) x) (function $init (params) (int.mod 1 0))") as instance:
        for _ in range(2):
            with pytest.raises(DivisionByZero):
                instance.run()
        with pytest.raises(DivisionByZero):
            instance.function("f")


def test_instances_survive_errors_and_do_not_grow() -> None:
    with load(f"""{EXPORT_F} (function f (params x) (str (count x) (num.add (count x) x)))
                  (function $init (params) nil)""", memory_bytes=4 << 20) as instance:  # fmt: skip
        f = instance.function("f")
        for _ in range(300):
            with pytest.raises(RtfsTypeError):
                f(["abc"] * 1000)


def test_closed_instances_refuse() -> None:
    instance = load(f"{EXPORT_F} (function f (params x) x) (function $init (params) nil)")
    f = instance.function("f")
    instance.close()
    instance.close()
    with pytest.raises(InstanceClosed):
        f(1)


def test_another_thread_waits() -> None:
    with load("""(export "f" (func f) (params "n") (types ":any") (result ":any"))
                 (function f (params (n int))
                   (loop l ((i int) 0) (if (int.lt i n) (recur l (int.add i 1)) i)))
                 (function $init (params) nil)""") as instance:
        f = instance.function("f")
        results: list[Any] = []
        threads = [threading.Thread(target=lambda: results.append(f(3_000_000))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [3_000_000] * 3


def test_two_instances_are_apart() -> None:
    text = f"{EXPORT_F} (function f (params x) (call-value x)) (function $init (params) nil)"
    with load(text) as one, load(text) as two:
        inner = two.function("f")
        assert one.function("f")(HostFunction(lambda: [inner(HostFunction(lambda: "deep"))])) == ["deep"]


def test_serialised_ir_runs() -> None:
    from rtfsc.ir.backend import IrBackend

    module = parse('(module "m" (function $init (params) (num.add 1 2)))')
    with IrExecutor().instantiate(IrBackend().compile(module), limits=Limits()) as instance:
        assert instance.run() == 3


def test_many_constants_and_wide_frames() -> None:
    body = "(vector " + " ".join(f'(str "{i}" {i}.5)' for i in range(200)) + ")"
    assert value(body)[199] == "199199.5"


def test_error_is_of_the_family() -> None:
    with pytest.raises(RtfsError) as caught:
        value('(raise.kind "JsonError" "bad" nil)')
    assert (caught.value.kind, caught.value.code, caught.value.message) == ("JsonError", "R019", "bad")
