"""Calls, closures, tail calls, the stack budget, errors and their sites."""

from __future__ import annotations

import pytest
from wasm_machine import Failure, Machine, evaluate, module

from backend_wasm import layout as L

ADD = "(function add (params a b) (num.add a b @2))"
REST = '(function r (params a b more) (rest) (display "r") (vector a b more))'
ALL = "(function all (params xs) (rest) xs)"
TWO = '(function two (params a b) (display "two") (vector a b))'
LOOP = "(loop l ((i int) 0) (if (int.lt i 1) (recur l (int.add i 1)) {}))"


@pytest.fixture(params=["cold", "hot"])
def wrap(request: pytest.FixtureRequest) -> str:
    """The same expression once in plain code and once in a loop, where calls are emitted inline."""
    return "{}" if request.param == "cold" else LOOP


def test_a_static_closure_is_one_object() -> None:
    assert evaluate("(call id)", "(function id (params) (eq (closure add) (closure add)))", ADD) == "true"


def test_call_of_a_value(wrap: str) -> None:
    assert evaluate(wrap.format("(call-value (closure add) 1 2 @1)"), ADD) == "3"


def test_captures(wrap: str) -> None:
    parts = ["(function make (params x (n int) (f float) (b bool)) (closure inner x n f b))",
             "(function inner (params y) (captures x (n int) (f float) (b bool))"
             " (vector x (int.add n 1) f b y))"]  # fmt: skip
    body = f'(call-value (call make "x" 41 2.5 true) {wrap.format("nil")} @1)'
    assert evaluate(body, *parts) == '["x" 42 2.5 true nil]'


def test_closures_that_capture_each_other() -> None:
    parts = [
        "(function even (params n) (captures odd)"
        " (if (eq n 0) true (call-value odd (num.sub n 1 @1) @1 !tail)))",
        "(function odd (params n) (captures even)"
        " (if (eq n 0) false (call-value even (num.sub n 1 @1) @1 !tail)))",
    ]
    body = "(letrec (even fn (closure even odd)) (odd fn (closure odd even)) (call-value even 100001 @1))"
    assert evaluate(body, *parts) == "false"


def test_a_function_calls_itself_through_its_closure() -> None:
    parts = ["(function down (params n) (captures k) (self (me fn)) "
             "(if (eq n 0) k (call-closure down me (num.sub n 1 @1) @1 !tail)))"]  # fmt: skip
    assert evaluate('(call-value (closure down "end") 100000 @1)', *parts) == '"end"'


@pytest.mark.parametrize(
    "args,expected",
    [("1 2", "[1 2 ()]"), ("1 2 3", "[1 2 (3)]"), ("1 2 3 4 5 6 7 8 9", "[1 2 (3 4 5 6 7 8 9)]"),
     ("1", Failure("ArityMismatch", 1, "Arity mismatch in r: expected at least 2, got 1"))],
)  # fmt: skip
def test_variadic(wrap: str, args: str, expected: object) -> None:
    assert evaluate(wrap.format(f"(call-value (closure r) {args} @1)"), REST) == expected
    assert evaluate(wrap.format(f"(apply (closure r) (vector {args}) @1)"), REST) == expected
    assert evaluate("(call r 1 2 (list 3))", REST) == "[1 2 (3)]"


@pytest.mark.parametrize("callee", ["nil", "1", '"s"', "(const-vec 1)", "(const-map)", "true", "1.5"])
def test_what_cannot_be_called(wrap: str, callee: str) -> None:
    for call in (f"(call-value {callee} 1 @4)", f"(apply {callee} (const-vec 1) @4)"):
        failure = evaluate(wrap.format(call))
        assert isinstance(failure, Failure) and failure[:2] == ("NotCallable", 4)


@pytest.mark.parametrize("n", [0, 1, 3, 5, 9])
def test_wrong_number_of_arguments(wrap: str, n: int) -> None:
    expected = Failure("ArityMismatch", 4, f"Arity mismatch in two: expected 2, got {n}")
    args = "1 " * n
    assert evaluate(wrap.format(f"(call-value (closure two) {args} @4)"), TWO) == expected
    assert evaluate(wrap.format(f"(apply (closure two) (const-vec {args}) @4)"), TWO) == expected


def test_keywords_are_functions(wrap: str) -> None:
    m = '(const-map (kw "a") 1)'
    assert evaluate(wrap.format(f'(call-value (kw "a") {m} @1)')) == "1"
    assert evaluate(wrap.format(f'(call-value (kw "b") {m} 7 @1)')) == "7"
    assert evaluate(wrap.format(f'(apply (kw "a") (vector {m}) @1)')) == "1"
    failure = evaluate(wrap.format('(call-value (kw "a") 5 @3)'))
    assert isinstance(failure, Failure) and failure[:2] == ("TypeError", 3)
    failure = evaluate(wrap.format('(call-value (kw "a") @3)'))
    assert isinstance(failure, Failure) and failure[:2] == ("ArityMismatch", 3)


def test_apply_with_more_arguments_than_the_scratch_area_holds() -> None:
    assert evaluate("(count (apply (closure all) (range1 1000 @1) @1) @1)", ALL) == "1000"


@pytest.mark.parametrize("n", [8, 9, 250])
def test_calls_with_very_many_arguments(wrap: str, n: int) -> None:
    args = " ".join(f"(num.inc {i} @1)" for i in range(n))
    printed = "(" + " ".join(str(i + 1) for i in range(n)) + ")"
    assert evaluate(wrap.format(f"(call-value (closure all) {args} @2)"), ALL) == printed


def test_functions_of_the_host() -> None:
    """The host gets the handle and a list of arguments."""
    seen = []

    def host(handle: int, arguments: int) -> int:
        seen.append((handle, machine.show(arguments)))
        return arguments

    part = '(export "f" (func f) (params "g") (types ":any") (result ":any")) (function f (params g) {})'
    for call in ("(call-value g 1 nil @1)", "(apply g (const-vec 1 nil) @1)"):
        machine = Machine(module("nil", part.format(call)), host)
        assert machine.call("f", machine.rt["rt_hostfn"](machine.store, 77)) == "(1 nil)"
    assert seen == [(77, "(1 nil)")] * 2


def test_apply_export() -> None:
    """The host calls function values through ``$apply``."""
    export = '(export "make" (func make) (params "x") (types ":any") (result ":any"))'
    machine = Machine(module("nil", export, "(function make (params x) (closure inner x))",
                             "(function inner (params y) (captures x) (vector x y))"))  # fmt: skip
    closure = machine.raw("make", machine.string("x"))
    machine._scratch(0, machine.string("y"))
    arguments = machine.rt["rt_vector"](machine.store, L.STATE_SCRATCH, 1)
    assert machine.call("$apply", closure, arguments) == '["x" "y"]'
    none = machine.rt["rt_vector"](machine.store, L.STATE_SCRATCH, 0)
    failure = machine.call("$apply", closure, none)
    assert isinstance(failure, Failure) and failure.kind == "ArityMismatch"


MUTUAL = {
    "val": ("any", "(function even (params n) (if (eq n 0) true (call odd (num.sub n 1 @1) @1 !tail)))",
            "(function odd (params n) (if (eq n 0) false (call even (num.sub n 1 @1) @1 !tail)))"),
    "bool": ("bool", "(function even (params (n int)) (result bool)"
             " (if (int.eq n 0) true (call odd (int.sub n 1 @1) ^bool @1 !tail)))",
             "(function odd (params (n int)) (result bool)"
             " (if (int.eq n 0) false (call even (int.sub n 1 @1) ^bool @1 !tail)))"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MUTUAL)
def test_tail_calls_do_not_grow_the_stack(kind: str) -> None:
    result, *parts = MUTUAL[kind]
    assert evaluate(f"(call even 1000001 ^{result})", *parts) == "false"


def test_tail_calls_of_values_do_not_grow_the_stack() -> None:
    down = "(function down (params f n) (if (eq n 0) true {}))"
    call = down.format("(call-value f f (num.sub n 1 @1) @1 !tail)")
    assert evaluate("(call-value (closure down) (closure down) 1000000 @1)", call) == "true"
    call = down.format("(apply f (vector f (num.sub n 1 @1)) @1 !tail)")
    assert evaluate("(call-value (closure down) (closure down) 100000 @1)", call) == "true"


def test_a_tail_call_keeps_the_stack_budget() -> None:
    """Frames that end in tail calls give back what they took."""
    parts = ["(function f (params n)"
             " (if (eq n 0) 0 (let (x (call g n @1)) (call f (num.sub n 1 @1) @1 !tail))))",
             "(function g (params n) (if (eq n 0) 0 (num.add 1 (call f 0 @1) @1)))"]  # fmt: skip
    assert evaluate("(call f 100000 @1)", *parts) == "0"


def deep(n: int) -> str:
    return f"(call sum {n} @9)"


SUM = "(function sum (params n) (if (eq n 0) 0 (num.add n (call sum (num.sub n 1 @1) @2) @3)))"
SUM_INT = ("(function sum (params (n int)) (result int) (if (int.eq n 0) 0 "
           "(int.add n (call sum (int.sub n 1 @1) ^int @2) @3)))")  # fmt: skip


@pytest.mark.parametrize("function", [SUM, SUM_INT])
def test_stack_overflow_is_an_error_with_the_site_of_the_call(function: str) -> None:
    mark = "^int " if function is SUM_INT else ""
    assert evaluate(f"(call sum 8000 {mark}@9)", function) == str(8000 * 8001 // 2)
    failure = evaluate(f"(call sum 10000000 {mark}@9)", function)
    assert failure == Failure("StackOverflow", 2, "Stack overflow")


def test_stack_overflow_can_be_caught_and_the_budget_is_restored() -> None:
    body = f"(try {deep(10**7)} (e err) (vector (err.type e) {deep(8000)}))"
    assert evaluate(body, SUM) == "[:stack-overflow 32004000]"


def test_stack_overflow_through_values() -> None:
    parts = ["(function f (params g) (num.add 1 (call-value g g @5) @6))"]
    assert evaluate("(call f (closure f) @9)", *parts) == Failure("StackOverflow", 5, "Stack overflow")


def test_overflow_of_a_wide_frame_is_an_error_too() -> None:
    """Many values live over the call: the counter must strike before the engine's own limit."""
    names = [f"v{i}" for i in range(150)]
    lets = " ".join(f"({x} (num.add n {i} @1))" for i, x in enumerate(names))
    uses = " ".join(names)
    part = f"(function f (params n) (let {lets} (x (call f (num.add n 1 @1) @2)) (vector x {uses})))"
    assert evaluate("(call f 0 @9)", part) == Failure("StackOverflow", 2, "Stack overflow")


# --- try


def test_try_yields_the_body_or_the_handler() -> None:
    assert evaluate("(try 1 (e err) 2)") == "1"
    assert evaluate('(try (raise.generic "no" @1) (e err) (err.message e @1))') == '"Runtime error: no"'


def test_try_around_unboxed_code() -> None:
    body = "(int.mul 2 (try (int.add {} 1 @1) (e err) 7) @1)"
    assert evaluate(body.format(20)) == "42"
    assert evaluate(body.format((1 << 63) - 1)) == "14"


def test_errors_in_operands_leave_the_stack_clean() -> None:
    body = '(vector 1 (try (str 1 2 (num.add 1 (raise.generic "x" @1) @2)) (e err) 3) 4)'
    assert evaluate(body) == "[1 3 4]"


def test_nested_try() -> None:
    body = '(try (try (raise.generic "a" @1) (e err) (raise.generic "b" @2)) (e err) (err.message e @3))'
    assert evaluate(body) == '"Runtime error: b"'


def test_an_error_in_a_handler_leaves() -> None:
    failure = evaluate('(try (raise.generic "a" @1) (e err) (throw e @2))')
    assert failure == Failure("Generic", 1, "Runtime error: a")


def test_tail_call_in_a_handler() -> None:
    part = ('(function f (params n) (if (eq n 0) n '
            '(try (raise.generic "x" @1) (e err) (call f (num.sub n 1 @2) @3 !tail))))')  # fmt: skip
    assert evaluate("(call f 200000 @1)", part) == "0"


# --- sites


LIBRARY = "(function lib (params x) (library) (num.add x 1))"


def test_an_error_takes_the_first_site_on_its_way() -> None:
    assert evaluate('(call lib "s" @8)', LIBRARY) == evaluate('(num.add "s" 1 @8)')
    between = "(function between (params x) (call lib x))"
    failure = evaluate('(call between "s" @7)', LIBRARY, between)
    assert isinstance(failure, Failure) and failure.site == 7
    failure = evaluate('(call between "s" @7)', LIBRARY, "(function between (params x) (call lib x @2))")
    assert isinstance(failure, Failure) and failure.site == 2


# --- globals


def test_globals_of_every_representation() -> None:
    parts = ["(global a int)", "(global b float)", "(global c bool)", "(global d any)",
             *(f'(export "{x}" (result ":any"))' for x in "abcd"),
             "(function f (params)"
             " (vector (global a ^int) (global b ^float) (global c ^bool) (global d)))"]  # fmt: skip
    body = ("(do (set-global a 4611686018427387904) (set-global b 1.5) (set-global c true)"
            ' (set-global d "x") (call f))')  # fmt: skip
    machine = Machine(module(body, *parts))
    assert machine.value == '[4611686018427387904 1.5 true "x"]'
    assert [machine.call(f"={x}") for x in "abcd"] == ["4611686018427387904", "1.5", "true", '"x"']


def test_a_global_that_is_not_set_yet() -> None:
    parts = ["(global a int)", "(function f (params) (global a !checked ^int @4))"]
    assert evaluate("(do (set-global a 1) (call f))", *parts) == "1"
    failure = evaluate("(do (call f @1) (set-global a 1))", *parts)
    assert failure == Failure("UndefinedSymbol", 4, "Undefined symbol: a")


def test_variants_have_unboxed_parameters() -> None:
    parts = ['(export "f" (func f) (params "a" "b") (types ":any" ":any") (result ":any")'
             " (variant f.ib int bool))",
             "(function f (params a b) nil)",
             "(function f.ib (params (a int) (b bool)) (result float)"
             " (if b (int.to-float a) (int.to-float 0)))"]  # fmt: skip
    machine = Machine(module("nil", *parts))
    assert machine.raw("f#ib", 7, 1) == 7.0
    assert machine.call("f", 0, 0) == "nil"
