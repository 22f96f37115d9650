"""The kernels: the same algorithm in RTFS and in plain Python, with arguments that vary from run to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any


@dataclass(frozen=True, slots=True)
class Kernel:
    """``sizes`` are cycled through, so no run repeats the argument of the one before."""

    name: str
    rtfs: str
    python: Callable[..., Any]
    arguments: tuple[tuple[Any, ...], ...]

    def argument_cycle(self) -> Iterator[tuple[Any, ...]]:
        return cycle(self.arguments)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def tak(x, y, z):
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) if y < x else z


def loop_sum(n):
    total = i = 0
    while i < n:
        total += i
        i += 1
    return total


def collatz(limit):
    longest = 0
    for start in range(1, limit):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        longest = max(longest, steps)
    return longest


def vector_sum(n):
    return sum([x * 3 for x in range(n)])


def map_update(n):
    counts: dict[int, int] = {}
    for i in range(n):
        key = i * 7 % 1000
        counts[key] = counts.get(key, 0) + 1
    return len(counts)


def string_building(n):
    return len(",".join([f"item {i}" for i in range(n)]))


KERNELS = (
    Kernel(
        "fib",
        "(defn run [n] (if (< n 2) n (+ (run (- n 1)) (run (- n 2)))))",
        fib,
        ((24,), (25,), (23,)),
    ),
    Kernel(
        "tak",
        "(defn run [x y z] (if (< y x) (run (run (- x 1) y z) (run (- y 1) z x) (run (- z 1) x y)) z))",
        tak,
        ((18, 12, 6), (17, 12, 6), (18, 11, 6)),
    ),
    Kernel(
        "loop sum",
        "(defn run [n] (loop [i 0 total 0] (if (< i n) (recur (inc i) (+ total i)) total)))",
        loop_sum,
        ((1_000_000,), (999_999,), (1_000_001,)),
    ),
    Kernel(
        "collatz",
        """(defn steps [start]
             (loop [n start count 0]
               (cond (= n 1) count
                     (even? n) (recur (/ n 2) (inc count))
                     :else (recur (+ (* 3 n) 1) (inc count)))))
           (defn run [limit]
             (loop [start 1 longest 0]
               (if (< start limit) (recur (inc start) (max longest (steps start))) longest)))""",
        collatz,
        ((3000,), (3001,), (2999,)),
    ),
    Kernel(
        "vector sum",
        "(defn run [n] (reduce + 0 (map (fn [x] (* x 3)) (range 0 n))))",
        vector_sum,
        ((100_000,), (100_001,), (99_999,)),
    ),
    Kernel(
        "map update",
        """(defn run [n]
             (count (reduce (fn [counts i]
                              (update counts (mod (* i 7) 1000) (fn [c] (if (nil? c) 1 (inc c)))))
                            {}
                            (range 0 n))))""",
        map_update,
        ((20_000,), (20_001,), (19_999,)),
    ),
    Kernel(
        "string building",
        '(defn run [n] (count (join "," (map (fn [i] (str "item " i)) (range 0 n)))))',
        string_building,
        ((20_000,), (20_001,), (19_999,)),
    ),
)
