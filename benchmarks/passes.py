"""What each pass buys: a kernel with the whole pipeline and with one pass taken out of it.

A row per kernel in `ROWS`: the pass, what it is to show, a program whose function ``run`` is called, and
arguments that vary from run to run. Both versions run in WebAssembly, interleaved; the best of several runs
counts, in processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any, Final, NamedTuple

from benchmarks import kernels
from benchmarks.timing import milliseconds, table

ROUNDS: Final = 15


class Row(NamedTuple):
    """``without``: the pass, every occurrence of which is left out of the pipeline."""

    without: str
    kernel: str
    rtfs: str
    arguments: tuple[tuple[Any, ...], ...]


_FIB = "(defn run [n] (if (< n 2) n (+ (run (- n 1)) (run (- n 2)))))"
_TAK = """(defn run [x y z]
  (if (< y x) (run (run (- x 1) y z) (run (- y 1) z x) (run (- z 1) x y)) z))"""
_MEAN = "(defn run [n] (loop [i 0 x 0.5] (if (< i n) (recur (inc i) (* 0.5 (+ x (float i)))) x)))"
_MAP = "(defn run [n] (count (map (fn [x] (* x 3)) (range 0 n))))"
_PIPE = "(defn run [n] (reduce + 0 (filter (fn [x] (= 0 (mod x 3))) (map (fn [x] (* x 2)) (range 0 n)))))"
_COUNTS = """(defn run [n]
  (count (loop [i 0 m {}] (if (< i n) (recur (inc i) (assoc m (mod (* i 7919) 100003) i)) m))))"""
_PAIR = """(defn run [n] (first
  (loop [i 0 p [0 1]] (if (< i n) (let [[a b] p] (recur (inc i) [b (mod (+ a b) 1000007)])) p))))"""
_SORT = """(defn run [n]
  (first (sort (fn [a b] (< a b)) (map (fn [i] (mod (* i 7919) 10007)) (range 0 n)))))"""
_MATRIX = """(defn rows [n] (map (fn [i] (map (fn [j] (mod (+ i j) 7)) (range 0 n))) (range 0 n)))
  (defn cell [a b i j n] (loop [k 0 t 0]
    (if (< k n) (recur (inc k) (+ t (* (nth (nth a i) k) (nth (nth b k) j)))) t)))
  (defn run [n] (let [a (rows n)]
    (reduce + 0 (map (fn [i] (reduce + 0 (map (fn [j] (cell a a i j n)) (range 0 n)))) (range 0 n)))))"""
_STEP = """(defn step [i n total] (if (< i n) (step (inc i) n (+ total i)) total))
  (defn run [n] (step 0 n 0))"""
_POINTS = """(defn run [n]
  (loop [y 0 t 0]
    (if (< y 1000)
      (recur (inc y)
             (loop [x 0 t t]
               (if (< x 1000) (recur (inc x) (if (< (+ (* x x) (* y y)) n) (inc t) t)) t)))
      t)))"""
_COLLATZ = next(kernel for kernel in kernels.KERNELS if kernel.name == "collatz")
_TWELVE = [f'"word {i}"' for i in range(12)]
_WORDS = f"""(def words [{" ".join(_TWELVE)}])
  (defn code [word] (match word {" ".join(f"{word} {i}" for i, word in enumerate(_TWELVE))} _ -1))
  (defn run [n] (loop [i 0 t 0] (if (< i n) (recur (inc i) (+ t (code (nth words (mod i 12))))) t)))"""
_BLUR = """(defn row [m y n]
    (loop [x 1 t 0]
      (if (< x (- n 1))
        (recur (inc x)
               (+ t (max (nth (nth m y) (- x 1)) (nth (nth m y) x) (nth (nth m y) (+ x 1)))))
        t)))
  (defn run [n]
    (let [m (map (fn [y] (map (fn [x] (mod (* x y) 97)) (range 0 n))) (range 0 n))]
      (loop [y 0 t 0] (if (< y n) (recur (inc y) (+ t (row m y n))) t))))"""
_RULES = """(defn price [item]
    (if (> (get item :count) 10)
      (* (get item :price) (- (get item :count) 1))
      (+ (* (get item :price) (get item :count)) (get item :fee))))
  (defn run [n]
    (loop [i 0 t 0]
      (if (< i n) (recur (inc i) (+ t (price {:count (mod i 20) :price 3 :fee 1}))) t)))"""

ROWS: tuple[Row, ...] = (
    Row("tail", "self tail call", _STEP, ((1_000_000,), (999_999,), (1_000_001,))),
    Row("inline", "map", _MAP, ((100_000,), (100_001,), (99_999,))),
    Row("inline", "sort with a comparator", _SORT, ((10_000,), (10_001,), (9_999,))),
    Row("specialise", "nested vectors of ints", _MATRIX, ((40,), (41,), (39,))),
    Row("counting", "map, filter, reduce over a range", _PIPE, ((100_000,), (100_001,), (99_999,))),
    Row("fuse", "map, filter, reduce over a range", _PIPE, ((100_000,), (100_001,), (99_999,))),
    Row("owned", "assoc in a loop", _COUNTS, ((20_000,), (20_001,), (19_999,))),
    Row("scalars", "a pair in a loop", _PAIR, ((100_000,), (100_001,), (99_999,))),
    Row("specialise", "fib", _FIB, ((24,), (25,), (23,))),
    Row("specialise", "floats in a loop", _MEAN, ((1_000_000,), (999_999,), (1_000_001,))),
    Row("cases", "match of twelve words", _WORDS, ((100_000,), (100_001,), (99_999,))),
    Row("common", "neighbours in a matrix", _BLUR, ((300,), (301,), (299,))),
    Row("common", "fields of a map", _RULES, ((100_000,), (100_001,), (99_999,))),
    Row("peel", "tak", _TAK, ((18, 12, 6), (17, 12, 6), (18, 11, 6))),
    Row("ranges", "collatz", _COLLATZ.rtfs, _COLLATZ.arguments),
    Row("ranges", "points in a circle", _POINTS, ((1_000_000,), (999_999,), (1_000_001,))),
)


def compiled(text: str, without: str | None = None) -> Callable[..., Any]:
    """The function ``run`` of a program in WebAssembly, compiled at -O2 without a pass."""
    from rtfsc.driver import Compilation
    from rtfsc.passes import O2, load, run_passes
    from rtfsc.source import SourceFile
    from runtime.engine import Runtime

    compilation = Compilation(SourceFile("<benchmark>", text))
    if without is not None:
        load(without)  # refuses an unknown name
        names = [name for name in O2 if name != without]
        compilation.__dict__["ir"] = run_passes(compilation.unoptimised, names)
    run: Callable[..., Any] = Runtime()._compiled(compilation, "wasm").run
    return run


def _fastest(runs: Mapping[str, Callable[..., object]]) -> dict[str, float]:
    """Least processor time of the thread over the rounds, which run each in turn: what other load takes away
    is not of interest here."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.thread_time()
            run()
            times[name].append(time.thread_time() - start)
    return {name: min(values) for name, values in times.items()}


def passes() -> str:
    """The table, a line per row."""
    lines = []
    for row in ROWS:
        contenders = {"with": compiled(row.rtfs), "without": compiled(row.rtfs, row.without)}
        answers = [run(*row.arguments[0]) for run in contenders.values()]
        assert answers[0] == answers[1], (row.kernel, answers)
        turns = {name: cycle(row.arguments) for name in contenders}
        runs = {n: lambda r=r, turn=turns[n]: r(*next(turn)) for n, r in contenders.items()}
        times = _fastest(runs)
        lines.append(
            [row.without, row.kernel, milliseconds(times["without"]), milliseconds(times["with"]),
             f"{times['without'] / times['with']:.2f}"]
        )  # fmt: skip
    return table("What each pass buys", ["pass", "kernel", "without it", "with it", "ratio"], lines)
