"""Fuzzes what runs modules: damaged modules, interfaces, buffers, and modules that damage their own memory.

Whatever is tried ends in a value, an error of the program or a refusal: never in another exception, a signal
or a hang. It runs in a child process; what kills it is reported with the number that makes it again.
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from watched import counter, run_watched  # noqa: E402

PATIENCE = 180
ENOUGH = 10
INTERESTING = [
    0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, 2**64, -(2**63), 1e308, "", "v", "i" * 40,
    None, True,
    [], {}, [[]], "$init", "#", "é\0",
]  # fmt: skip
PROGRAMS = [
    "(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 7)",
    '(defn f [x & r] (map (fn [y] (str x y)) r)) (f "a" 1 2.5 :k)',
    "(defn g [m : [:map [:a Int]]] (try (:a m) (catch Any e (getMessage e)))) [(g {:a 1}) (g {:a 2})]",
    '(defn h [] (re-seq "[a-z]+" "ab cd")) (defn k [f] (f 1 2)) [(h) (k +) (parse-json "[1,{}]")]',
    "(def v [1 2 3]) (defn s [x : Float] : Float (* x 2.0)) (reduce + 0 (sort > v))",
    "(defn c [n] (fn [x] [n x])) (defn l [n] (loop [i 0 a []] (if (< i n) (recur (inc i) [a i]) a))) (l 40)",
]


@cache
def artifacts() -> list[bytes]:
    """Modules of small programs, without and with passes."""
    from rtfsc.driver import compile_text
    from rtfsc.options import CompileOptions

    return [compile_text(text, CompileOptions(level=level)).artifact for text in PROGRAMS for level in (0, 2)]


@cache
def wasm() -> Any:
    """An executor that keeps nothing on disk."""
    from differential import Wasm

    return Wasm()


# What is tried: each takes a source of randomness and raises what must not be raised.


def changed_bytes(draw: random.Random) -> None:
    """Bytes of a module changed, cut, doubled or taken from another one, in any section."""
    run(damaged(draw, draw.choice(artifacts()), artifacts()))


def changed_code(draw: random.Random) -> None:
    """One or two bytes of the code: most of what is still valid runs."""
    from backend_wasm.sections import raw_sections

    module = bytearray(draw.choice(artifacts()))
    spans = [
        (body, end) for kind, _, body, end in raw_sections(bytes(module)) if kind in (1, 3, 6, 7, 9, 10, 11)
    ]
    for _ in range(draw.choice((1, 1, 2))):
        body, end = draw.choice(spans)
        module[draw.randrange(body, end)] = draw.choice((0, 1, 0x7F, 0x80, draw.randrange(256)))
    run(bytes(module))


def changed_section(draw: random.Random) -> None:
    """A custom section of JSON with values of other types and sizes."""
    from backend_wasm.sections import (
        ACTION,
        INTERFACE,
        SITES,
        canonical_json,
        custom_section,
        drop_section,
        read_sections,
    )

    module = draw.choice(artifacts())
    name = draw.choice((INTERFACE, INTERFACE, SITES, ACTION))
    value = json.loads(read_sections(module)[name])
    for _ in range(draw.randrange(1, 4)):
        value = changed_json(draw, value)
    run(drop_section(module, name) + custom_section(name, canonical_json(value)))


def changed_json(draw: random.Random, value: Any) -> Any:
    if draw.random() < 0.15 or not isinstance(value, list | dict) or not value:
        return draw.choice(INTERESTING)
    if isinstance(value, list):
        i = draw.randrange(len(value))
        if draw.random() < 0.2:
            return value[:i] + value[i + 1 :] if draw.random() < 0.5 else [*value, *value]
        return [*value[:i], changed_json(draw, value[i]), *value[i + 1 :]]
    key = draw.choice(sorted(value))
    if draw.random() < 0.1:
        return {k: v for k, v in value.items() if k != key}
    return {**value, key: changed_json(draw, value[key])}


def changed_buffer(draw: random.Random) -> None:
    """A buffer of a result, damaged, through the reader that trusts nothing."""
    from runtime.values import Keyword, List, Symbol
    from runtime.values.transit import decode_bytes, encode_bytes

    value = [
        1,
        2.5,
        "añ",
        [1, 2, 3],
        [0.5],
        Keyword("k"),
        Symbol("s"),
        List([None, True]),
        {"a": {1: "b"}},
        2**62,
    ]
    buffer = damaged(draw, encode_bytes(draw.sample(value, draw.randrange(1, len(value)))), [b"\0" * 8])
    try:
        decode_bytes(buffer, lambda number: number)
    except ValueError:
        return


def own_memory(draw: random.Random) -> None:
    """A module that writes at random into the memory that it shares with the runtime library, then gives
    results, errors and functions that are not what they say."""
    from runtime.values.limits import Limits

    instance = wasm().instantiate(scribbler(), limits=Limits(deadline_ms=2000, memory_bytes=16 << 20))
    with instance:
        instance.start()
        for _ in range(3):
            for name, arguments in (
                (
                    "scribble",
                    (
                        draw.getrandbits(62),
                        draw.choice((1, 3, 40, 2000)),
                        draw.choice((4096, 80000, 1 << 20)),
                    ),
                ),
                ("forge", (draw.choice((10, 4096 * 8, draw.randrange(1 << 20) & ~7, draw.getrandbits(62))),)),
                ("echo", (draw.choice(([1, "x"], {"a": 2.5}, "text", 2**62)),)),
                ("fail", ()),
                ("make", ()),
            ):
                call(lambda name=name, arguments=arguments: instance.function(name)(*arguments))


@cache
def scribbler() -> bytes:
    from wasm_samples import HEAD, artifact, export, interface

    body = """
  (global $base (mut i32) (i32.const 0))
  (elem declare func $code)
  (func $code (export "$code") (param i64 i64) (result i64) (local.get 1))
  (func (export "$init") (param i64) (result i64)
    (global.set $base (table.grow $table (ref.func $code) (i32.const 1))) (i64.const 85))
  (func (export "scribble#iii") (param $seed i64) (param $n i64) (param $end i64) (result i64)
    (loop $again
      (local.set $seed (i64.add (i64.mul (local.get $seed) (i64.const 6364136223846793005))
                                (i64.const 1442695040888963407)))
      (i64.store (i32.wrap_i64 (i64.rem_u (i64.shr_u (local.get $seed) (i64.const 20)) (local.get $end)))
        (i64.shr_u (local.get $seed) (i64.and (local.get $seed) (i64.const 63))))
      (local.set $n (i64.sub (local.get $n) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $n) (i64.const 0))))
    (local.get $seed))
  (func (export "scribble") (param i64 i64 i64) (result i64) (local.get 0))
  (func (export "forge#i") (param i64) (result i64) (local.get 0))
  (func (export "forge") (param i64) (result i64) (i64.shr_u (local.get 0) (i64.const 1)))
  (func (export "echo") (param i64) (result i64) (local.get 0))
  (func (export "fail") (result i64) (i64.const 10))
  (func (export "make") (result i64)
    (call $closure (i32.const 1) (global.get $base) (call $fninfo (i64.const 0) (i32.const 0)) (i32.const 0)))
  (func (export "$apply") (param i64 i64) (result i64) (local.get 1))
)"""
    exports = [export("scribble", ["a", "b", "c"], ("iii", "i", False)), export("forge", ["x"]),
               export("echo", ["x"]), export("fail", []), export("make", [])]  # fmt: skip
    return artifact(HEAD + body, interface(exports))


def damaged(draw: random.Random, data: bytes, others: list[bytes]) -> bytes:
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        at, end = sorted((draw.randrange(len(out) + 1), draw.randrange(len(out) + 1)))
        step = draw.randrange(7)
        if step < 3 and out:
            out[min(at, len(out) - 1)] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif step == 3:
            del out[at : min(end, at + draw.choice((1, 8, 64, 4096)))]
        elif step == 4:
            out[at:at] = out[at : min(end, at + draw.choice((1, 8, 64)))]
        elif step == 5:
            other = draw.choice(others)
            start = draw.randrange(len(other))
            out[at : at + 16] = other[start : start + draw.choice((1, 8, 16, 64))]
        elif draw.random() < 0.2:
            del out[at:]
    return bytes(out)


def run(module: bytes) -> None:
    """Loads the module, evaluates it, calls its exports; raises whatever is neither refusal nor error."""
    from runtime.values import HostFunction
    from runtime.values.limits import Limits
    from runtime.wasm.errors import ModuleRejected

    try:
        instance = wasm().instantiate(module, limits=Limits(deadline_ms=500, memory_bytes=32 << 20))
    except ModuleRejected:
        return
    with instance:
        call(instance.run_printed)
        call(instance.run)
        for export in instance.interface["exports"][:8]:
            if export["kind"] == "value":
                call(lambda name=export["name"]: instance.value(name))
                continue
            function = call(lambda name=export["name"]: instance.function(name))
            if function is not None:
                for value in (3, 2.5, "x", [1, 2], {"a": 1}, HostFunction(lambda *given: list(given))):
                    result = call(partial(function, *[value] * len(export["params"])))
                    if callable(result):
                        call(lambda f=result: f(1))


def call(make: Callable[[], Any]) -> Any:
    """None for what may be raised. TypeError and OverflowError: arguments that do not fit."""
    from runtime.values.errors import RtfsError
    from runtime.wasm.errors import InstanceClosed, ModuleRejected

    try:
        return make()
    except (RtfsError, ModuleRejected, InstanceClosed, TypeError, OverflowError):
        return None


TRIES = (changed_bytes, changed_code, changed_code, changed_section, changed_buffer, own_memory)


def attempts(seed: int, first: int) -> Iterator[tuple[int, Callable[[], None]]]:
    number = first
    while True:
        draw = random.Random(f"{seed}:{number}")
        yield number, lambda draw=draw, number=number: TRIES[number % len(TRIES)](draw)  # type: ignore[misc]
        number += 1


def _work(seed: int, end: float, limit: int, at: Any, faults: Any) -> None:
    for number, attempt in attempts(seed, at.value):
        at.value = number
        if number >= limit or time.monotonic() > end or faults.value >= ENOUGH:
            return
        try:
            attempt()
        except Exception:
            faults.value += 1
            what = TRIES[number % len(TRIES)].__name__
            print(f"{what} {seed}:{number}\n{traceback.format_exc(limit=-6)}", flush=True)


def fuzz(seed: int, seconds: float, limit: int = 1 << 62) -> tuple[int, int]:
    """Tries so long, or up to number ``limit``; (tries, faults), which are printed."""
    at, faults, end = counter(0), counter(0), time.monotonic() + seconds
    while at.value < limit and time.monotonic() < end and faults.value < ENOUGH:
        trouble = run_watched(_work, seed, end, limit, at, faults, at=at, patience=PATIENCE)
        if trouble:
            faults.value += 1
            print(f"{TRIES[at.value % len(TRIES)].__name__} {seed}:{at.value} {trouble}", flush=True)
            at.value += 1
    return at.value, faults.value
