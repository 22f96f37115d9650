"""Modules that were compiled separately, and such as only look like it, on both ways to wasmtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend_wasm.sections import (
    ACTION,
    INTERFACE,
    SITES,
    MalformedModule,
    canonical_json,
    custom_section,
    read_interface,
)
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile
from runtime.host.access import HostCallable
from runtime.linked import modules_of
from runtime.values import Limits, RtfsError
from runtime.values.interruption import stoppable
from runtime.wasm.engine import wat2wasm
from runtime.wasm.errors import ModuleRejected
from runtime.wasm.executor import Uncompiled, WasmExecutor
from runtime.wasm.linking import plan
from runtime.wasm.slow import SlowInstance

PROGRAM = """(module low (:exports [one fail]) (def one 1) (defn fail [x] (/ x 0)))
(module high (:exports [two call-it]) (import low) (def two (+ low/one 1)) (defn call-it [f x] (f x)))
(import low) (import high :as h)
(defn total [x] (+ x h/two))
(defn broken [x] (h/call-it low/fail x))
(defn many [a b c d e f g h i j k l m n o p q r] (h/call-it (fn [x] x) [a r]))
(total 40)"""


@pytest.fixture(scope="module")
def parts() -> tuple[bytes, dict[str, bytes]]:
    compilation = Compilation(SourceFile("<program>", PROGRAM), CompileOptions(separate=True))
    return compilation.artifact, modules_of(compilation)


def slow(main: bytes, modules: dict[str, bytes], host: HostCallable | None = None) -> SlowInstance:
    from runtime.wasm.executor import RT

    described = Uncompiled(main)
    planned = plan(described, modules, Uncompiled)
    libraries = [(name, library.artifact) for name, library in planned.libraries]
    return SlowInstance(
        RT.read_bytes(), main, described.interface, Limits(), planned.spans, planned.names, host, libraries,
        planned.library_names,
    )  # fmt: skip


@pytest.mark.parametrize("way", ["direct", "slow"])
def test_values_and_errors(parts: tuple[bytes, dict[str, bytes]], executor: WasmExecutor, way: str) -> None:
    main, modules = parts
    instance: Any = slow(main, modules) if way == "slow" else executor.instantiate(main, modules=modules)
    assert instance.run() == 42
    assert instance.function("total")(1) == 3
    with pytest.raises(RtfsError) as caught:
        instance.function("broken")(1)
    assert (caught.value.kind, caught.value.module) == ("DivisionByZero", "low")
    assert caught.value.span is not None and PROGRAM[slice(*caught.value.span)] == "(/ x 0)"
    assert instance.function("many")(*range(18)) == [0, 17]


def test_order_and_names(parts: tuple[bytes, dict[str, bytes]]) -> None:
    main, modules = parts
    assert read_interface(main)["modules"] == ["low", "high"]
    assert read_interface(modules["high"])["modules"] == ["low"]
    planned = plan(Uncompiled(main), modules, Uncompiled)
    starts = [names[-1] for names in (planned.names, *planned.library_names)]
    assert starts[0] == 0 and starts == sorted(starts) and len(planned.spans) > starts[-1]


def edited(data: bytes, **changes: Any) -> bytes:
    """A module with another interface."""
    interface = {**read_interface(data), **changes}
    from backend_wasm.sections import drop_section

    return drop_section(data, INTERFACE) + custom_section(INTERFACE, canonical_json(interface))


@pytest.mark.parametrize("name", ["../secret", "a/b", "a\\b", "x\0"])
def test_names_that_are_paths(parts: tuple[bytes, dict[str, bytes]], name: str) -> None:
    with pytest.raises(MalformedModule, match="no name"):
        read_interface(edited(parts[0], modules=[name]))


def test_interfaces_that_lie(parts: tuple[bytes, dict[str, bytes]], executor: WasmExecutor) -> None:
    main, modules = parts
    for changed, message in [
        (edited(main, modules=[]), "needs (low|high), which is not there"),
        (edited(main, modules=["high", "low"]), "needs low, which is not there"),
        (edited(main, separate=""), "needs (low|high), which is not there"),
        (edited(main, separate="other"), "neither program nor module"),
        (edited(main, modules="low"), "not a list"),
        (edited(main, modules=[1]), "must be texts"),
        (edited(main, modules=["low", "high", "more"]), "needs more"),
    ]:
        with pytest.raises(ModuleRejected, match=message):
            executor.instantiate(changed, modules=modules)
    with pytest.raises(ModuleRejected, match="not the module of this name"):
        executor.instantiate(main, modules={"low": modules["high"], "high": modules["high"]})
    with pytest.raises(ModuleRejected, match="not the module of this name"):
        executor.instantiate(main, modules={"low": main, "high": modules["high"]})


@pytest.mark.parametrize("way", ["direct", "slow"])
@pytest.mark.parametrize(
    ("library", "message"),
    [
        ('(func (export "f:1") (param i32))', "cannot be l|loaded"),
        ('(memory (export "f:1") 1)', "cannot be l|loaded"),
        ("", "has no f of the meaning"),
    ],
)
def test_links_of_another_type(executor: WasmExecutor, library: str, message: str, way: str) -> None:
    def module(text: str, **interface: Any) -> bytes:
        told = {"abi": [1, 0], "exports": [], "functions": [], **interface}
        sections = {INTERFACE: canonical_json(told), SITES: b"[]", ACTION: b"{}"}
        return wat2wasm(f"(module {text})") + b"".join(custom_section(n, d) for n, d in sections.items())

    init = '(func (export "$init") (param i64) (result i64) i64.const 0)'
    lib = module(library + init, name="lib", separate="module", modules=[])
    importing = '(import "rtfs/lib" "f:1" (func (result i64)))'
    main = module(importing + init, name="main", separate="program", modules=["lib"])
    with pytest.raises(ModuleRejected, match=message) as caught:
        slow(main, {"lib": lib}) if way == "slow" else executor.instantiate(main, modules={"lib": lib})
    assert caught.value.code == "W004"


def test_a_top_level_that_fails_in_a_module(executor: WasmExecutor, tmp_path: Path) -> None:
    text = "(module a (:exports [x]) (def x (/ 1 0))) (import a) a/x"
    compilation = Compilation(SourceFile("<program>", text), CompileOptions(separate=True))
    instance = executor.instantiate(compilation.artifact, modules=modules_of(compilation))
    for _ in range(2):
        with pytest.raises(RtfsError) as caught:
            instance.run()
        assert (caught.value.kind, caught.value.module) == ("DivisionByZero", "a")


@pytest.mark.parametrize("way", ["direct", "slow"])
@pytest.mark.parametrize("count", [0, 3, 20])
def test_functions_of_other_modules_are_applied(executor: WasmExecutor, way: str, count: int) -> None:
    """Also those of as many parameters as none of the program has (found by random programs)."""
    names = " ".join(f"p{i}" for i in range(count))
    source = f"""(module low (:exports [pick]) (defn pick [] (fn [{names}] [{names}])))
(import low)
(defn give [] (low/pick))
(apply (low/pick) [{" ".join(map(str, range(count)))}])"""
    compilation = Compilation(SourceFile("<program>", source), CompileOptions(separate=True))
    main, modules = compilation.artifact, modules_of(compilation)
    instance: Any = slow(main, modules) if way == "slow" else executor.instantiate(main, modules=modules)
    assert instance.run() == list(range(count))
    assert instance.function("give")()(*range(count)) == list(range(count))


@pytest.mark.parametrize("way", ["direct", "slow"])
def test_modules_before_the_one_that_was_stopped_are_not_evaluated_again(
    executor: WasmExecutor, way: str
) -> None:
    text = """(module low (:exports [a]) (def a (call :first)))
    (module high (:exports [b])
      (def n (call :second)) (def b (loop [i 0] (if (< i n) (recur (inc i)) [i "b"]))))
    (import low) (import high) [low/a high/b (call :third)]"""
    compilation = Compilation(SourceFile("<program>", text), CompileOptions(separate=True))
    asked: list[str] = []

    def host(operation: str, arguments: list[Any]) -> int:
        asked.append(arguments[0].name)
        if asked[-1] != "second" or asked.count("second") > 1:
            return 3
        running.stop(KeyError("enough"))
        return 10**15

    main, modules = compilation.artifact, modules_of(compilation)
    instance: Any = (
        slow(main, modules, host) if way == "slow" else executor.instantiate(main, modules=modules, host=host)
    )
    with stoppable() as running, pytest.raises(KeyError, match="enough"):
        instance.start()
    assert instance.run() == [3, [3, "b"], 3]
    assert asked == ["first", "second", "second", "third"]
