"""Whole modules: constants, odd names, size and depth, determinism, generated ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from ir_generator import modules
from wasm_machine import Failure, Machine, compile_text, engine, evaluate, module

from backend_wasm.backend import Wasm32Backend
from backend_wasm.sections import read_interface
from rtfsc.ir.nodes import INIT, Function, Let, Local, Module, Prim, Var, integer, nil
from rtfsc.ir.parser import parse_module
from rtfsc.ir.types import INT


@pytest.mark.parametrize(
    "text,printed",
    [
        ("nil", "nil"), ("true", "true"), ("false", "false"), ("0", "0"), ("-1", "-1"),
        (str((1 << 62) - 1), str((1 << 62) - 1)), (str(1 << 62), str(1 << 62)),
        (str(-(1 << 63)), str(-(1 << 63))), (str((1 << 63) - 1), str((1 << 63) - 1)),
        ("0.1", "0.1"), ('(float "inf")', "##Inf"), ('(float "nan")', "##NaN"), ('(float "-0.0")', "-0.0"),
        ('"h\\u00e9 \\u65e5\\u672c \\ud83d\\ude00"', '"hé 日本 😀"'), ('""', '""'), ('(kw "a/b")', ":a/b"),
        ("(const-vec)", "[]"), ("(const-vec 1 2 3)", "[1 2 3]"),
        ("(const-vec 1 nil (const-vec 2))", "[1 nil [2]]"), ("(const-list 1 true)", "(1 true)"),
        ('(const-map (kw "b") 1 "a" (const-vec 1.5))', '{:b 1 "a" [1.5]}'),
        ('(const-map 1 (const-map (kw "x") false))', "{1 {:x false}}"),
    ],
)  # fmt: skip
def test_constants(text: str, printed: str) -> None:
    assert evaluate(text) == printed
    assert evaluate(f"(vector {text} {text})") == f"[{printed} {printed}]"


def test_equal_constants_of_different_kinds_stay_apart() -> None:
    assert evaluate("(vector 1 1.0 true (const-vec 1) (const-vec 1.0) (const-vec true) 0.0 -0.0)") == (
        "[1 1.0 true [1] [1.0] [true] 0.0 -0.0]"
    )


def test_a_constant_is_stored_once() -> None:
    once = compile_text(module('(vector "a long text that is here" 1)'))
    twice = compile_text(module('(vector "a long text that is here" "a long text that is here")'))
    assert twice.count(b"a long text") == once.count(b"a long text") == 1


def test_variadic_ops_with_many_arguments() -> None:
    body = "(vector " + " ".join(f"(vector {i})" for i in range(200)) + ")"
    assert evaluate(body) == "[" + " ".join(f"[{i}]" for i in range(200)) + "]"


@pytest.mark.parametrize("name", ["a b", "größe", "->x", ":t1", '"', "f;g", "$init2", ""])
def test_odd_names(name: str) -> None:
    quoted = "|" + name.replace('"', '\\"') + "|"
    text = name.replace('"', '\\"')
    machine = Machine(
        module("nil", f"(global {quoted} any)",
               f'(export "{text}" (func {quoted}) (params "x") (types ":any") (result ":any"))',
               f"(function {quoted} (params {quoted}) (let ({quoted} (vector {quoted})) {quoted}))")
    )  # fmt: skip
    exported = f":{name}" if name.startswith("$") else name  # names of our own begin with $
    assert machine.ints(exported, 3) == "[3]"


def test_more_than_a_thousand_locals() -> None:
    lets = " ".join(f"(x{i} int (int.add {f'x{i - 1}' if i else '0'} 1 @1))" for i in range(3000))
    assert evaluate(f"(let {lets} x2999)") == "3000"


def test_deep_nesting() -> None:
    """Deeper than Python's usual recursion limit, in operands and in bodies."""
    body = Local(x := Var("x", INT))
    for _ in range(5000):
        body = Prim("int.add", [body, integer(1)], INT, 0)
    f = Function(INIT, [], Let(x, integer(0), body), INT)
    binary = Wasm32Backend().compile(Module("m", {INIT: f}))
    wasmtime.Module.validate(engine(), binary)
    conditions = "nil"
    for i in range(3000):
        conditions = f"(if (eq x {i}) {i} {conditions})"
    assert evaluate("(call f 2999)", f"(function f (params x) {conditions})") == "2999"


def test_the_same_bytes_in_another_process() -> None:
    text = module('(vector (kw "a") (kw "b") "c" (closure f) (closure g))', "(function f (params) nil)",
                  "(function g (params x) (str x (is x [int|str])))")  # fmt: skip
    code = (
        "import sys; from rtfsc.ir.parser import parse_module\n"
        "from backend_wasm.backend import Wasm32Backend\n"
        "print(Wasm32Backend().compile(parse_module(sys.argv[1]), action={'b': 1, 'a': [2]}).hex())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code, text], check=True, capture_output=True, text=True,
                       env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    mine = Wasm32Backend().compile(parse_module(text), action={"a": [2], "b": 1}).hex()
    assert outputs == {mine + "\n"}


def test_the_fingerprint_is_a_digest() -> None:
    digest = Wasm32Backend().fingerprint()
    assert len(digest) == 64 and digest == Wasm32Backend(names=True).fingerprint()


def test_pure_modules_import_rt_alone() -> None:
    binary = compile_text(module("(vector (closure f))", "(function f (params x) x)"))
    assert {i.module for i in wasmtime.Module(engine(), binary).imports} == {"rtfs"}


def test_functions_of_the_interface_are_those_that_are_values() -> None:
    binary = compile_text(module("(call f (closure g))", "(function f (params x) x)",
                                 '(function g (params) (display "G") (origin "def" 2) nil)'))  # fmt: skip
    assert read_interface(binary)["functions"] == [{"name": "G", "origin": ["def", 2]}]


def test_an_error_of_the_top_level() -> None:
    failure = evaluate('(raise.undefined "nowhere" @3)')
    assert failure == Failure("UndefinedSymbol", 3, "Undefined symbol: nowhere")


def test_an_empty_module() -> None:
    assert Machine('(module "empty" (function $init (params) nil))').value == "nil"
    assert len(Wasm32Backend().compile(Module("m", {INIT: Function(INIT, [], nil())}))) < 700


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(modules())
def test_generated_modules_are_valid(module: Module) -> None:
    wasmtime.Module.validate(engine(), Wasm32Backend().compile(module))
