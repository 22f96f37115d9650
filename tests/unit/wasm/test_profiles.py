"""Profiles: names, lines and stacks of what a run did; the table of machine code that lines come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rtfsc.driver import Compilation, compile_text
from rtfsc.options import CompileOptions
from rtfsc.profiling import Profile, read_profile
from runtime.wasm.engine import engine
from runtime.wasm.executor import WasmExecutor
from runtime.wasm.native_map import UnknownFormat, native_map

SOURCE = """(defn spin [n]
  (loop [i 0 s 0]
    (if (< i n)
      (recur (+ i 1)
             (mod (+ s (* i 7)) 1009))
      s)))
(defn texts [n]
  (loop [i 0 m {}]
    (if (< i n)
      (recur (+ i 1)
             (assoc m (str (mod i 100)) i))
      (count m))))
(defn main [n]
  [(spin (* 20 n))
   (texts n)])"""


def profiled(source: str, call: str, argument: int, level: int = 2) -> Profile:
    compilation = compile_text(source, CompileOptions(level=level))
    with WasmExecutor().instantiate(compilation.artifact) as instance:
        function = instance.function(call)
        with instance.profiled() as taken:
            function(argument)
    return read_profile(taken[0], compilation, 0.5, {"": compilation.source})


def until(complete: Callable[[Profile], bool], *call: Any, **options: Any) -> Profile:
    """A profile with what every run passes through; a busy machine may leave a run too few samples for it."""
    for _ in range(20):
        profile = profiled(*call, **options)
        if complete(profile):
            break
    return profile


def boundary(stack: Sequence[str]) -> bool:
    """A sample that fell into the conversion of an argument or a result: the runtime library alone."""
    return len(stack) == 1 and stack[0].startswith("[")


@pytest.mark.parametrize("level", [0, 2])
def test_functions_and_lines(level: int) -> None:
    def complete(profile: Profile) -> bool:
        names = {name for name, _, _ in profile.functions()}
        lines = {(name, line) for name, _, line in profile.lines}
        return (
            {"main", "spin", "texts"} <= names and ("texts", 11) in lines and any(n[0] == "[" for n in names)
        )

    profile = until(complete, SOURCE, "main", 400_000, level)
    shares = {name: (own, total) for name, own, total in profile.functions()}
    assert {"main", "spin", "texts"} <= set(shares)
    outside = sum(weight for stack, weight in profile.stacks.items() if boundary(stack))
    assert shares["main"][1] + outside == pytest.approx(profile.total)
    assert sum(own for own, _ in shares.values()) == pytest.approx(profile.total)
    assert any(name.startswith("[") for name in shares), "operations of the runtime library"
    lines = {(name, line) for name, _, line in profile.lines}
    assert ("texts", 11) in lines
    assert {name for name, line in lines} <= {"main", "spin", "texts"}
    assert {line for name, line in lines if name == "spin"} <= {3, 4, 5}


def test_folded_stacks() -> None:
    def complete(profile: Profile) -> bool:
        return any(line.startswith("main;texts;[") for line in profile.folded().splitlines())

    profile = until(complete, SOURCE, "main", 300_000, level=0)
    assert complete(profile)
    for line in profile.folded().splitlines():
        stack, weight = line.rsplit(" ", 1)
        assert stack.split(";")[0] == "main" or boundary(stack.split(";"))
        assert int(weight) >= 0


def test_functions_of_the_library_are_marked() -> None:
    source = "(defn f [n] (count (sort-by (fn [x] (mod (* x 7919) 1009)) (range n))))"
    functions = compile_text(source, CompileOptions(level=0)).code_map.functions
    library = {f"[{function.name}]" for function in functions if function.library}

    def complete(profile: Profile) -> bool:
        names = {name for name, _, _ in profile.functions()}
        return "f" in names and bool(names & library)

    assert complete(until(complete, source, "f", 150_000, level=0))


def test_nothing_to_see() -> None:
    for _ in range(20):  # where the machine is busy, a sample may fall even into this
        profile = profiled("(defn f [n] n)", "f", 1)
        if not profile.samples:
            break
    assert (profile.samples, profile.functions(), profile.folded()) == (0, [], "")


def native(source: str) -> tuple[Compilation, bytes]:
    compilation = compile_text(source)
    return compilation, engine().compile(compilation.artifact).native()


def test_the_table_of_machine_code_knows_every_function() -> None:
    compilation, code = native(SOURCE)
    table = native_map(code)
    assert table.offsets == sorted(table.offsets)
    found = {compilation.code_map.find(byte)[0].name for byte in table.bytes if byte >= 0}
    assert {"main", "spin", "texts"} <= found
    size = len(compilation.artifact)
    assert all(-1 <= byte < size for byte in table.bytes)
    assert table.byte(-1) == -1


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:200], lambda b: b.replace(b"addrmap", b"addrmop")]
)
def test_another_format_is_refused(damage) -> None:
    with pytest.raises(UnknownFormat):
        native_map(damage(native(SOURCE)[1]))


def test_a_table_that_was_changed_is_refused() -> None:
    code = native(SOURCE)[1]
    refused = 0
    count = len(native_map(code).offsets).to_bytes(4, "little")
    for i in range(len(code)):
        if code[i : i + 4] == count:
            changed = code[:i] + bytes([count[0] ^ 1]) + code[i + 1 :]
            try:
                native_map(changed)
            except UnknownFormat:
                refused += 1
    assert refused
