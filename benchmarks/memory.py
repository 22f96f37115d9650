"""Memory: a call with 10 GB of garbage, a million calls, what a collection costs, on either engine."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.timing import bar, table

_PROGRAM = """
(defn texts [n] (loop [i 0 out []] (if (< i n) (recur (inc i) (conj out (str "text " i))) out)))
(defn tree [d] (if (= d 0) nil [(tree (dec d)) (tree (dec d))]))
(defn churn [rounds live]
  (let [kept (texts live)]
    (loop [i 0 made 0]
      (if (< i rounds) (recur (inc i) (if (nil? (tree 12)) made (inc made)))
        [made (count kept) (nth kept 0)]))))
(defn small [n] (count (texts n)))
(defn adder [n] (let [xs (texts n)] (fn [i] (nth xs i))))
"""
_TREE = 2**12 * (24 + 24)
"""Bytes of `tree` 12: 4,095 vectors of two, each a header and a leaf (and a little)."""
_LIVE = 200_000
"""Texts that are some 10 MB with the vector that holds them."""
LIMIT = 64 << 20


def memory() -> str:
    """The bars of memory on both engines; garbage of 10 GB in Wasm, of 1 GB on the evaluator."""
    import rtfsc

    rows = []
    for engine, garbage, calls in (("wasm", 10 << 30, 1_000_000), ("evaluator", 1 << 30, 100_000)):
        module = rtfsc.compile(_PROGRAM, engine=engine, limits=rtfsc.Limits(memory_bytes=LIMIT))
        rounds = garbage // _TREE
        held = module.adder(_LIVE)
        live = module.__rtfs_memory__
        del held
        module.small(1)
        start = time.perf_counter()
        assert module.churn(rounds, _LIVE) == [rounds, _LIVE, "text 0"]
        seconds = time.perf_counter() - start
        rows.append(
            [engine, f"{garbage >> 30} GB of garbage, {live / 1e6:.0f} MB live, limit {LIMIT >> 20} MB",
             f"{seconds:.1f} s, {seconds * 1e9 / garbage:.2f} ns a byte", "ends: met"]
        )  # fmt: skip
        few, many, resident = _after_calls(module, calls)
        rows.append(
            [engine, f"in use after {calls:,} calls and after 1,000", f"{many:,} and {few:,} bytes",
             f"equal: {bar(many, few)}"]
        )  # fmt: skip
        rows.append([engine, f"resident, {calls:,} calls less 1,000", f"{resident / 1e6:+.1f} MB", ""])
    return table("Memory", ["engine", "what", "measured", "bar"], rows)


def _after_calls(module: Any, calls: int) -> tuple[int, int, int]:
    """Bytes in use after 1,000 calls and after all, and by how much the process grew between."""

    def work(n: int) -> int:
        for i in range(n):
            module.small(i & 7)
            if i % 100 == 0:
                with module.adder(5) as handle:
                    assert handle(4) == "text 4"
        used: int = module.__rtfs_memory__
        return used

    few, before = work(1000), _resident()
    many = work(calls - 1000)
    return few, many, _resident() - before


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
