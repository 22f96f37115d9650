"""Standalone files in our own runtime: as any module, and refused where the memory is not what it must be."""

from __future__ import annotations

from typing import Any

import pytest

import rtfsc
from backend_wasm.sections import ACTION, INTERFACE, SITES, canonical_json, custom_section, read_sections
from rtfsc.driver import compile_text
from rtfsc.options import CompileOptions
from runtime.values import Limits
from runtime.wasm.engine import wat2wasm
from runtime.wasm.errors import ModuleRejected
from runtime.wasm.executor import WasmExecutor

PROGRAM = """(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(defn pairs [m] (into {} (map (fn [[k v]] [v k]) m)))
(defn adder [n] (fn [x] (+ x n)))
(defn deep [n] (+ 1 (deep n)))
(defn big [n] (loop [i 0 v []] (if (< i n) (recur (inc i) (conj v [i i])) (count v))))
(defn safe [] (try (call :no.such) (catch HostError e :denied)))
(def greeting "hello")"""


@pytest.fixture(scope="module")
def artifact() -> bytes:
    return compile_text(PROGRAM, CompileOptions(standalone=True)).artifact


def check(module: Any) -> None:
    assert module.fib(15) == 610
    assert module.pairs({rtfsc.Keyword("a"): "b"}) == {"b": rtfsc.Keyword("a")}
    with module.adder(3) as add:
        assert add(4) == 7
    assert module.greeting == "hello" and module.safe() == rtfsc.Keyword("denied")
    with pytest.raises(rtfsc.RtfsError, match="Stack overflow") as caught:
        module.deep(1)
    assert caught.value.span is not None
    with pytest.raises(rtfsc.RtfsError, match="Memory limit"):
        module.big(3_000_000)
    assert module.big(100) == 100


def test_runs_like_any_module(artifact: bytes) -> None:
    check(rtfsc.Runtime(limits=Limits(memory_bytes=32 << 20)).load(artifact))


def test_runs_through_wasmtime_py(artifact: bytes) -> None:
    from runtime.wasm.executor import read
    from runtime.wasm.slow import SlowInstance

    interface, spans = read(artifact)
    names = [function["name"] for function in interface["functions"]]
    instance = SlowInstance(b"", artifact, interface, Limits(), spans, names)
    assert instance.function("fib")(10) == 55
    assert instance.value("greeting") == "hello"


def test_fuel_and_deadline(artifact: bytes) -> None:
    with pytest.raises(rtfsc.RtfsError) as caught:
        rtfsc.Runtime(limits=Limits(fuel=100_000)).load(artifact).fib(30)
    assert caught.value.kind == "FuelExhausted"
    with pytest.raises(rtfsc.RtfsError) as caught:
        rtfsc.Runtime(limits=Limits(deadline_ms=300)).load(artifact).fib(90)
    assert caught.value.kind == "DeadlineExceeded"


GOOD = (
    '(memory (export "rtfs:memory") 2 10) (global (export "rtfs:__stack_pointer") (mut i32) (i32.const 4096))'
)
RT = """(func (export "rtfs:rt_init")) (func (export "rtfs:rt_reset")) (func (export "rtfs:rt_evacuate"))
(func (export "rtfs:rt_handle") (param i64) (result i32) i32.const 0)
(func (export "rtfs:rt_handle_value") (param i32) (result i64) i64.const 0)
(func (export "rtfs:rt_handle_close") (param i32))
(func (export "rtfs:rt_encode") (param i64) (result i64) i64.const 0)
(func (export "rtfs:rt_decode") (param i32) (result i64) i64.const 0)
(func (export "rtfs:rt_buffer") (param i32) (result i32) i32.const 0)
(func (export "$init") (param i64) (result i64) i64.const 0)"""


def file(text: str, artifact: bytes) -> bytes:
    sections = read_sections(artifact)
    interface = {"abi": [1, 0], "name": "x", "exports": [], "functions": [], "standalone": True}
    parts = {INTERFACE: canonical_json(interface), SITES: b"[]", ACTION: sections[ACTION]}
    return wat2wasm(f"(module {text})") + b"".join(custom_section(n, d) for n, d in parts.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one memory of its own"),
        ('(memory (export "rtfs:memory") 0)', "memory of the standalone module"),
        ('(memory (export "rtfs:memory") 1)', "memory of the standalone module"),
        ('(memory (export "rtfs:memory") i64 2)', "memory of the standalone module"),
        ('(memory (export "rtfs:memory") 2 4 shared)', "memory of the standalone module"),
        ("(memory 2)", "no export rtfs:memory"),
        ('(memory 2) (func (export "rtfs:memory"))', "rt exports no memory"),
        ('(memory (export "rtfs:memory") 2)', "no export rtfs:__stack_pointer"),
        (
            '(memory (export "rtfs:memory") 2) (global (export "rtfs:__stack_pointer") f64 (f64.const 0))',
            "__stack_pointer is not of",
        ),
        (GOOD, "no export rtfs:rt_init"),
        (GOOD + '(func (export "rtfs:rt_init") (param i32))', "rt_init is not of the type"),
        (GOOD + "(func $f) (start $f)", "must not start by itself"),
        (GOOD.replace("(memory", '(import "rtfs" "rt_init" (func)) (memory'), "imports rtfs.rt_init"),
        (GOOD.replace("(memory", '(import "wasi" "exit" (func)) (memory'), "imports wasi.exit"),
    ],
)
def test_files_that_lie_are_refused(artifact: bytes, executor: WasmExecutor, text: str, message: str) -> None:
    with pytest.raises(ModuleRejected, match=message):
        executor.instantiate(file(text, artifact))


def test_nonsense_from_a_library_of_its_own_never_harms(artifact: bytes, executor: WasmExecutor) -> None:
    instance = executor.instantiate(file(GOOD + RT, artifact))
    with pytest.raises(rtfsc.RtfsError, match="malformed heap pointer"):
        instance.run()
    looping = RT.replace('(func (export "rtfs:rt_init"))', '(func (export "rtfs:rt_init") (loop $l br $l))')
    with pytest.raises(rtfsc.RtfsError, match="Deadline"):
        executor.instantiate(file(GOOD + looping, artifact), limits=Limits(deadline_ms=300))
