"""Solving a task for the first time, with a model that answers at once; for the second time, from the store.

Times of real models are left out: they would hide our part, and each second of theirs is one that the
second call saves.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.timing import WallClock, milliseconds, table
from runtime.engine import Runtime
from runtime.providers.base import Health, OnText, Request, Response
from runtime.solving import Solution
from runtime.solving import solve as run

ROUNDS = 7
OTHERS = 100
"""Stored functions of the same interface, each for a task of its own."""
SIGNATURE = "(declare total [prices : [:vector :int] percent : Int] : Int)"
EXAMPLES = [(([100, 50], 10), 135), (([], 10), 0), (([10], 0), 10)]
PROGRAM = """\
(defn total [prices : [:vector :int] percent : Int] : Int
  (let [sum (reduce + 0 prices)] (- sum (quot (* sum percent) 100))))
"""
AGAIN = """\
import time, rtfsc
start = time.perf_counter()
runtime = rtfsc.Runtime(store={store!r}, home={home!r})
solution = rtfsc.solve({task!r}, {signature!r}, {examples!r}, runtime=runtime)
found = time.perf_counter()
assert solution([100, 50], 10) == 135 and not solution.generated
print(found - start)
"""


class Instant:
    """A model that knows the answer."""

    id, local, revision = "instant", True, "1"

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        return Response(PROGRAM, self.id, self.revision)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        return Health(True, "")

    def close(self) -> None:
        pass


def solve() -> str:
    """First call, second call, and the second call in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="rtfsc-bench-solve-") as folder:
        store, home = f"{folder}/store", f"{folder}/home"
        with Runtime.init(store=store, home=home) as runtime:
            for number in range(OTHERS):
                _solved(runtime, _task(f"above {number} dollars"))
            rows = _rows(runtime, Path(store), Path(home))
    return table(f"Solving a task ({OTHERS} functions of the same interface are stored)",
                 ["call", "time", "first / this"], rows)  # fmt: skip


def _rows(runtime: Runtime, store: Path, home: Path) -> list[list[str]]:
    numbers = count(OTHERS)
    times: dict[str, list[float]] = {}

    def timed(name: str, do: Callable[[], Any]) -> None:
        watch = WallClock()
        do()
        times.setdefault(name, []).append(watch.seconds())

    for _ in range(ROUNDS):
        task = _task(f"above {next(numbers)} dollars")
        timed("first: ask (0 s), check, certify, sign, publish", lambda task=task: _solved(runtime, task))
        timed("second, three examples", lambda task=task: _found(runtime, task, EXAMPLES))
        timed("second, no examples", lambda task=task: _found(runtime, task, []))
        times.setdefault("second, no examples, in a new process", []).append(_elsewhere(task, store, home))
    middle = {name: statistics.median(values) for name, values in times.items()}
    first = next(iter(middle.values()))
    return [[name, milliseconds(value), f"{first / value:.1f}"] for name, value in middle.items()]


def _task(condition: str) -> str:
    return f"The total of the prices {condition} after a discount in percent"


def _solved(runtime: Runtime, task: str) -> Solution:
    solution = run(task, SIGNATURE, EXAMPLES, model=Instant(), runtime=runtime)
    assert solution.generated and solution([100, 50], 10) == 135
    return solution


def _found(runtime: Runtime, task: str, examples: Any) -> None:
    solution = run(task, SIGNATURE, examples, runtime=runtime)
    assert not solution.generated


def _elsewhere(task: str, store: Path, home: Path) -> float:
    """Seconds from the first line to the function, without the start of Python."""
    code = AGAIN.format(task=task, signature=SIGNATURE, examples=[], store=str(store), home=str(home))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
