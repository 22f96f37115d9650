"""Memory of long calls, of many calls, of nested ones and of functions that Python holds, on both engines."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import rtfsc
from rtfsc import HostFunction, Limits
from runtime.module import Module

ENGINES = pytest.mark.parametrize("engine", ["wasm", "evaluator"])
PROGRAM = """
(defn tree [d] (if (= d 0) nil [(tree (dec d)) (tree (dec d))]))
(defn leaves [t] (if (nil? t) 1 (+ (leaves (first t)) (leaves (nth t 1)))))
(defn texts [n] (loop [i 0 out []] (if (< i n) (recur (inc i) (conj out (str "text number " i))) out)))
(defn churn [n live]
  (let [kept (texts live)]
    (loop [i 0 total 0]
      (if (< i n) (recur (inc i) (+ total (leaves (tree 8)))) [total (count kept) (nth kept (dec live))]))))
(defn mapped [n]
  (loop [i 0 m {}] (if (< i n) (recur (inc i) (assoc m (str "k" (mod i 500)) [i (str i)])) m)))
(defn names [n] (loop [i 0 last nil] (if (< i n) (recur (inc i) (keyword (str "name-" i))) last)))
(defn caught [n]
  (loop [i 0 total 0]
    (if (< i n)
      (recur (inc i) (+ total (try (throw {:message (str i) :data {:i i}}) (catch e 1))))
      total)))
(defn deep [n] (if (= n 0) [] (let [rest (deep (dec n))] (conj rest (str n)))))
(defn adder [n] (let [xs (texts n)] (fn [i] (nth xs i))))
(defn call-it [f x] (let [before (str "before " x) got (f x)] [before got (str "after " x)]))
(defn eat [] (loop [out []] (recur (conj out (str "x" (count out))))))
(defn floats [n] (loop [i 0 x 0.5] (if (< i n) (recur (inc i) (/ (+ x i) 1.5)) x)))
"""


def make(engine: str, **limits: Any) -> Module:
    return rtfsc.compile(PROGRAM, engine=engine, limits=Limits(**limits))


@ENGINES
def test_a_call_makes_much_garbage_within_a_small_limit(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    assert module.churn(10_000, 10_000) == [2_560_000, 10_000, "text number 9999"]  # some 400 MB


@ENGINES
@pytest.mark.parametrize(
    ("name", "n", "expected"),
    [("names", 300_000, rtfsc.Keyword("name-299999")), ("caught", 100_000, 100_000)],
)
def test_names_and_errors_are_garbage_too(engine: str, name: str, n: int, expected: object) -> None:
    assert make(engine, memory_bytes=16 << 20)[name](n) == expected


@ENGINES
def test_maps_and_floats_survive(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    assert module.mapped(200_000)["k499"] == [199_999, "199999"]
    expected = 0.5
    for i in range(500_000):
        expected = (expected + i) / 1.5
    assert module.floats(500_000) == expected


@ENGINES
def test_frames_of_a_deep_recursion_keep_their_values(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    for _ in range(20):
        assert module.deep(3000) == [str(n) for n in range(1, 3001)]


@ENGINES
def test_the_top_level_is_collected_as_well(engine: str) -> None:
    source = f"{PROGRAM} (def kept (texts 1000)) (def total (first (churn 3000 10))) (nth kept 999)"
    runtime = rtfsc.Runtime(engine=engine, limits=Limits(memory_bytes=16 << 20))
    module = runtime.compile(source)
    assert (module.total, module.kept[-1]) == (768_000, "text number 999")
    assert module.churn(3000, 10)[0] == 768_000 and module.kept[0] == "text number 0"


@ENGINES
def test_many_calls_need_no_more_than_a_few(engine: str) -> None:
    module = make(engine)
    use = []
    for rounds in (50, 2000):
        for i in range(rounds):
            assert len(module.texts(20)) == 20
            module.names(3)
            with module.adder(3) as handle:
                assert handle(i % 3) == f"text number {i % 3}"
        use.append(module.__rtfs_memory__)
    assert use[0] == use[1]


@ENGINES
def test_nested_calls_collect_what_the_outer_ones_do_not_need(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)

    def nest(depth: int) -> Any:
        if depth:
            return module["call-it"](HostFunction(nest), depth - 1)
        return module.churn(4000, 100)[0]

    expected: Any = 1_024_000
    for depth in range(4):
        expected = [f"before {depth}", expected, f"after {depth}"]
    assert nest(4) == expected


@ENGINES
def test_functions_that_python_holds_keep_what_they_need(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    handles: list[Callable[[int], str]] = [module.adder(10 + i) for i in range(50)]
    assert module.churn(4000, 10)[0] == 1_024_000
    for i, handle in enumerate(handles):
        assert handle(i + 9) == f"text number {i + 9}"
    assert module["call-it"](handles[7], 3) == ["before 3", "text number 3", "after 3"]
    assert module.__rtfs_memory__ < 4 << 20


@ENGINES
def test_a_function_lets_go_by_close_by_with_and_by_itself(engine: str) -> None:
    module = make(engine)
    module.texts(1)
    empty = module.__rtfs_memory__
    held = module.adder(50_000)
    assert module.__rtfs_memory__ > empty + 2_000_000
    other = module.adder(5)
    held.close()
    with pytest.raises(rtfsc.InstanceClosed):
        held(1)
    assert other(4) == "text number 4"
    assert module.texts(1) == ["text number 0"]
    module.names(2)
    assert module.__rtfs_memory__ < empty + 500_000
    with other:
        assert other(0) == "text number 0"
    held = module.adder(50_000)
    del held, other
    gc.collect()
    module.texts(1)
    assert module.__rtfs_memory__ == empty


@ENGINES
def test_the_memory_limit_is_an_error_and_the_next_call_is_as_ever(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    handle = module.adder(10)
    for _ in range(3):
        with pytest.raises(rtfsc.MemoryLimitExceeded, match="Memory limit of 16777216 bytes exceeded"):
            module.eat()
        assert module.churn(2000, 10)[0] == 512_000
        assert handle(9) == "text number 9"


@ENGINES
def test_nearly_all_of_the_memory_can_be_alive(engine: str) -> None:
    module = make(engine, memory_bytes=16 << 20)
    kept = module.adder(180_000)  # some 10 MB: what is copied aside would not fit
    assert module.churn(2000, 10)[0] == 512_000
    assert kept(179_999) == "text number 179999"


@ENGINES
def test_collecting_all_the_time_changes_nothing(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTFSC_GC", "stress")
    module = make(engine)
    assert module.churn(3, 40) == [768, 40, "text number 39"]
    assert module.deep(200) == [str(n) for n in range(1, 201)]
    assert module.mapped(600)["k99"] == [599, "599"]
    handle = module.adder(5)
    assert module["call-it"](handle, 2) == ["before 2", "text number 2", "after 2"]
    assert module["call-it"](HostFunction(lambda x: module.texts(x)), 3)[1][2] == "text number 2"
