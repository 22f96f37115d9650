"""Each rule of the verifier, by the smallest module that breaks it."""

import pytest

from rtfsc.ir import types as T
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import INIT, Const, Function, Local, Module, Prim, Var, integer, nil
from rtfsc.ir.text import parse
from rtfsc.ir.verify import verify

HEAD = """(module "m" (global g any) (global n int) (site 1 0 1 "f" 0)
  (function $init (params) nil)
  (function id (params x) x)
  (function one (params (i int)) (result int) i)
  (function cap (params x) (captures k) (self me) (vector x k me))
"""

GOOD = [
    "(function f (params a) (if (truthy a) (call id a !tail @1) (call-value a 1 !tail @1)))",
    "(function f (params a) (loop L ((i int) 0) (b nil) (if (int.lt i 9) (recur L (int.add i 1 @1) a) b)))",
    "(function f (params a) (let (c fn (closure cap a)) (call-closure cap c 1)))",
    "(function f (params a) (letrec (c fn (closure cap d)) (d fn (closure cap c)) (call-closure cap c 1)))",
    "(function f (params a) (result int) (int.add (as [int] a) (call one 2 ^int) @1))",
    "(function f (params a) (try (throw a @1) (e) (call id e !tail)))",
    "(function f (params a) (do (global g) (global n ^int)))",
    "(function f (params a) (loop A (i 0) (loop B (j 1) (if true (recur A j) (if true (recur B i) a)))))",
]  # fmt: skip

BAD = {
    "takes 1 arguments": "(function f (params a) (call id))",
    "no function nope": "(function f (params a) (call nope a))",
    "no function $init": "(function f (params a) (call $init))",
    "needs its closure": "(function f (params a) (call cap a))",
    "not known to be one of": "(function f (params (a fn)) (call-closure cap a 1))",
    "captures 1 values": "(function f (params a) (closure cap))",
    "does not take any": "(function f (params a) (closure one))",
    "where int is needed": "(function f (params a) (int.add a 1 @1))",
    "where bool is needed": "(function f (params a) (if a 1 2))",
    "cannot stand for num": "(function f (params a) (num.add a 1 ^int @1))",
    "cannot stand for int": "(function f (params a) (call one 1))",
    "should be int": "(function f (params a) (as [int] a ^any))",
    "does not exist": "(function f (params a) (num.add a 1 @2))",
    "no operation": "(function f (params a) (frob a))",
    "takes 2 operands": "(function f (params a) (num.add a))",
    "immediate operand": "(function f (params a) (is a))",
    "outside $init": "(function f (params a) (set-global g a))",
    "no such global": "(function f (params a) (global h))",
    "tail position of loop": "(function f (params a) (loop L (i 0) (vector (recur L 1))))",
    "not in tail position": "(function f (params a) (loop L (i 0) (try (recur L 1) (e) 2)))",
    "has 1 variables": "(function f (params a) (loop L (i 0) (if true (recur L) 1)))",
    "type any where int": "(function f (params a) (loop L ((i int) 0) (if true (recur L a) 1)))",
    "not unique": "(function f (params a) (do (loop L (i 0) i) (loop L (i 0) i)))",
    "outside tail position": "(function f (params a) (vector (call id a !tail)))",
    "travels differently": "(function f (params a) (call one 1 ^int !tail))",
    "unboxed result": "(function f (params a) (result int) (call-value a !tail))",
    "is not int": "(function f (params a) (result int) a)",
    "does not hold both arms": "(function f (params a) (result any) (if ^int true 1 a))",
    "malformed constant": "(function f (params a) (const-map nil 1))",
    "more than 250": f"(function f (params a) (vector {'a ' * 251}))",
    "where any is needed": "(function f (params a) (vector (builder)))",
}


def module(function: str, tail: str = "") -> Module:
    return parse(HEAD + function + tail + ")")


@pytest.mark.parametrize("function", GOOD)
def test_good_functions_pass(function):
    verify(module(function))


@pytest.mark.parametrize("message", BAD)
def test_each_defect_is_named_with_its_function(message):
    m = module(BAD[message])
    with pytest.raises(IRError, match="in function f: ") as caught:
        verify(m)
    assert message in str(caught.value)


def test_a_local_outside_its_scope():
    v = Var("x")
    m = Module("m", {INIT: Function(INIT, [], Local(v))})
    with pytest.raises(IRError, match="not bound here"):
        verify(m)


def test_a_variable_bound_twice():
    v = Var("x")
    m = Module("m", {INIT: Function(INIT, [], nil()), "f": Function("f", [v, v], Local(v))})
    with pytest.raises(IRError, match="bound twice"):
        verify(m)


def test_a_local_with_another_type_than_its_variable():
    v = Var("x")
    body = Local(v)
    v.type = T.INT
    m = Module("m", {INIT: Function(INIT, [], nil()), "f": Function("f", [v], body)})
    with pytest.raises(IRError, match="should be int"):
        verify(m)


def test_integers_beyond_64_bits():
    m = Module("m", {INIT: Function(INIT, [], integer(1 << 63))})
    with pytest.raises(IRError, match="malformed constant"):
        verify(m)


def test_constants_of_the_wrong_python_type():
    for t, value in [(T.INT, True), (T.BOOL, 1), (T.STR, "\ud800"), (T.VEC, [1]), (T.FN, "f"), (T.NUM, 1)]:
        with pytest.raises(IRError):
            verify(Module("m", {INIT: Function(INIT, [], Const(t, value))}))


@pytest.mark.parametrize(
    "export",
    [
        '(export "h" (result ":any"))',
        '(export "f" (func h) (result ":any"))',
        '(export "cap" (func cap) (params "x") (types ":any") (result ":any"))',
        '(export "one" (func one) (params "x") (types ":any") (result ":any"))',
        '(export "id" (func id) (result ":any"))',
        '(export "id" (func id) (params "x") (types ":any") (result ":any") (variant one float))',
        '(export "id" (func id) (params "x") (types ":any") (result ":any") (variant nope int))',
    ],
)
def test_bad_exports(export):
    with pytest.raises(IRError, match="export"):
        verify(module("", export))


def test_a_good_variant():
    export = '(export "id" (func id) (params "x") (types ":any") (result ":any") (variant one int))'
    verify(module("", export))


def test_module_needs_init():
    with pytest.raises(IRError, match="init"):
        verify(Module("m", {}))


def test_deep_trees_verify():
    body = integer(0)
    for _ in range(9000):
        body = Prim("num.inc", [body], T.NUM)
    verify(Module("m", {INIT: Function(INIT, [], body)}))
