"""Merging modules, and files that bring their own runtime library."""

from __future__ import annotations

import pytest
import wasmtime

from backend_wasm.assemble import assemble
from backend_wasm.imports import read_imports
from backend_wasm.merge.merge import merge
from backend_wasm.sections import MalformedModule, read_interface, read_sites
from backend_wasm.standalone import HOST, PREFIX, standalone
from rtfsc.driver import compile_text
from rtfsc.options import CompileOptions
from runtime.wasm.engine import validate

PROGRAM = """(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(defn pairs [m] (into {} (map (fn [[k v]] [v k]) m)))
(def greeting "hello")
(fib 10)"""


def exports_of(wasm: bytes, **imports: wasmtime.Func) -> tuple[wasmtime.Store, dict[str, object]]:
    config = wasmtime.Config()
    config.wasm_tail_call = True
    store = wasmtime.Store(wasmtime.Engine(config))
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), [])
    return store, dict(instance.exports(store).items())


def keep(module: str, name: str) -> str | None:
    return name


def test_imports_find_exports_of_other_modules() -> None:
    lib = """(module (type (func)) (type $f (func (param i32) (result i32)))
      (global $g (export "g") (mut i32) (i32.const 5)) (memory (export "m") 1) (table (export "t") 2 funcref)
      (func (param f64) unreachable)
      (func $twice (export "twice") (type $f) local.get 0 i32.const 2 i32.mul)
      (elem (i32.const 1) $twice) (data (i32.const 8) "\\07"))"""
    user = """(module (type $f (func (param i32) (result i32)))
      (import "lib" "twice" (func $twice (type $f))) (import "lib" "g" (global $g (mut i32)))
      (import "lib" "m" (memory 1)) (import "lib" "t" (table $t 0 funcref))
      (import "env" "h" (func $h (type $f)))
      (data $d "\\09") (elem $e func $own)
      (func $own (type $f) local.get 0 i32.const 1 i32.add)
      (func (export "run") (param i32) (result i32)
        (memory.init $d (i32.const 9) (i32.const 0) (i32.const 1)) data.drop $d
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))
        (global.set $g (i32.add (global.get $g) (i32.load8_u (i32.const 8))))
        (global.set $g (i32.add (global.get $g) (i32.load8_u (i32.const 9))))
        (block (result i32) (loop (result i32) (call $twice (local.get 0))))
        (call_indirect (type $f) (i32.const 1))
        (call_indirect (type $f) (i32.const 0))
        (i32.add (global.get $g))
        return_call $h))"""
    merged = merge({"lib": assemble(lib), "user": assemble(user)}, lambda m, n: n if m == "user" else None)
    validate(merged)
    assert [(i.module, i.name) for i in read_imports(merged)] == [("env", "h")]
    config = wasmtime.Config()
    config.wasm_tail_call = True
    store = wasmtime.Store(wasmtime.Engine(config))
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [wasmtime.ValType.i32()])
    host = wasmtime.Func(store, kind, lambda n: n + 1000)
    run = wasmtime.Instance(store, wasmtime.Module(store.engine, merged), [host]).exports(store)["run"]
    assert run(store, 10) == ((10 * 2) * 2 + 1) + (5 + 7 + 9) + 1000  # type: ignore[operator]


def test_what_nobody_reaches_is_left_out() -> None:
    lib = """(module (func (export "a") call $b) (func $b) (func $c call $d) (func $d)
      (func (export "e") call $c))"""
    whole, part = (
        merge({"l": assemble(lib)}, keep),
        merge({"l": assemble(lib)}, lambda _, n: "a" if n == "a" else None),
    )
    assert len(part) < len(whole)
    assert part == merge({"l": assemble('(module (func (export "a") call 1) (func))')}, keep)


@pytest.mark.parametrize(
    ("lib", "user", "message"),
    [
        ("(module)", '(module (import "lib" "f" (func)) (export "x" (func 0)))', "lib exports no function f"),
        (
            '(module (func (export "f") (param i32)))',
            '(module (import "lib" "f" (func)) (export "x" (func 0)))',
            "lib.f is not of the type",
        ),
        ('(module (memory (export "a") 1))', '(module (memory (export "b") 1))', "do not share one memory"),
        ('(module (func (export "f")))', '(module (func (export "f")))', "two exports of the name f"),
        ("(module (func $f) (start $f))", "(module)", "section 8"),
    ],
)
def test_what_does_not_fit(lib: str, user: str, message: str) -> None:
    with pytest.raises(MalformedModule, match=message):
        merge({"lib": assemble(lib), "user": assemble(user)}, keep)


def test_modules_that_import_each_other_without_end() -> None:
    half = '(module (import "{}" "f" (func)) (export "f" (func 0)))'
    with pytest.raises(MalformedModule, match="from each other"):
        merge(
            {"a": assemble(half.format("b")), "b": assemble(half.format("a"))},
            lambda m, n: n if m == "a" else None,
        )


def test_damaged_modules_are_refused() -> None:
    data = compile_text(PROGRAM).artifact
    refused = 0
    for at in range(8, 2500, 7):
        changed = bytearray(data)
        changed[at] ^= 0x41
        try:
            standalone(bytes(changed))
        except MalformedModule:
            refused += 1
    assert refused > 100
    for size in range(0, 2500, 13):
        with pytest.raises(MalformedModule):
            standalone(data[:size])


def test_a_standalone_file_runs_in_an_engine_that_knows_nothing_of_us() -> None:
    options = CompileOptions(standalone=True)
    data = compile_text(PROGRAM, options).artifact
    assert data == compile_text(PROGRAM, options).artifact
    assert read_imports(data) == []
    validate(data)
    store, exports = exports_of(data)
    assert exports["rtfs:start"](store) == 55 << 1 | 1  # type: ignore[operator]
    assert exports["fib#i"](store, 20) == [6765, 0]  # type: ignore[operator]
    assert {PREFIX + name for name in HOST} <= set(exports)
    store, exports = exports_of(data)
    exports["_initialize"](store)  # type: ignore[operator]
    assert exports["fib"](store, 41) == 6765 << 1 | 1  # type: ignore[operator]


def test_initialize_traps_where_the_top_level_raises() -> None:
    store, exports = exports_of(compile_text("(/ 1 0)", CompileOptions(standalone=True)).artifact)
    with pytest.raises(wasmtime.Trap):
        exports["_initialize"](store)  # type: ignore[operator]


def test_names_of_programs_do_not_meet_those_of_the_host() -> None:
    program = "(defn memory [] 1) (defn rt_init [] 2) (defn _initialize [] 3) (defn table [] 4)"
    data = compile_text(program, CompileOptions(standalone=True)).artifact
    store, exports = exports_of(data)
    exports["rtfs:start"](store)  # type: ignore[operator]
    assert [exports[n](store) >> 1 for n in ("memory", "rt_init", "_initialize", "table")] == [1, 2, 3, 4]  # type: ignore[operator]


def test_sections_say_what_the_file_is() -> None:
    module = compile_text(PROGRAM).artifact
    alone = standalone(module)
    assert read_interface(alone) == {**read_interface(module), "standalone": True}
    assert read_sites(alone) == read_sites(module)
    with pytest.raises(MalformedModule):
        standalone(b"\0asm\1\0\0\0")
