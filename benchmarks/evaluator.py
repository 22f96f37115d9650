"""The evaluator against plain Python, and against Basilisp where ``scripts/bench --peers`` installed it."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.kernels import fib, loop_sum, tak
from benchmarks.timing import milliseconds, table

ROUNDS = 5
PEERS = Path(__file__).resolve().parent.parent / "build" / "peers"


def pipeline(n: int) -> int:
    return sum(x for x in [x * 2 for x in range(n)] if x % 3 == 0)


def assoc_keys(n: int) -> int:
    mapping = {}
    for i in range(n):
        mapping[i] = i * 2
    return len(mapping)


# Name → RTFS, Python, arguments, whether the bar against Python applies.
KERNELS: dict[str, tuple[str, Callable[..., int], tuple[int, ...], bool]] = {
    "fib": ("(defn run [n] (if (< n 2) n (+ (run (- n 1)) (run (- n 2)))))", fib, (25,), True),
    "tak": (
        "(defn run [x y z] (if (< y x) (run (run (- x 1) y z) (run (- y 1) z x) (run (- z 1) x y)) z))",
        tak, (18, 12, 6), True,
    ),
    "loop sum": (
        "(defn run [n] (loop [i 0 total 0] (if (< i n) (recur (inc i) (+ total i)) total)))",
        loop_sum, (1_000_000,), False,
    ),
    "map filter reduce": (
        "(defn run [n] (reduce + 0 (filter (fn [x] (= 0 (mod x 3))) (map (fn [x] (* x 2)) (range 0 n)))))",
        pipeline, (100_000,), False,
    ),
    "assoc": (
        "(defn run [n] (count (reduce (fn [m i] (assoc m i (* i 2))) {} (range 0 n))))",
        assoc_keys, (10_000,), False,
    ),
}  # fmt: skip


class Basilisp:
    """A Basilisp process that runs a kernel when asked, so that its runs are interleaved with ours."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("peers.lpy")
        command = [str(PEERS / "bin" / "basilisp"), "run", str(script)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, kernel: str) -> tuple[float, int]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(kernel + "\n")
        self.process.stdin.flush()
        seconds, result = self.process.stdout.readline().split()
        return float(seconds), int(result)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


def evaluator() -> str:
    """Kernels on the evaluator, in Python and in Basilisp, in turn; medians."""
    import rtfsc

    peer = Basilisp() if (PEERS / "bin" / "basilisp").exists() else None
    rows = []
    for name, (source, python, arguments, against_python) in KERNELS.items():
        run = rtfsc.compile(source, engine="evaluator").run
        times: dict[str, list[float]] = {"ours": [], "python": [], "basilisp": []}
        expected = python(*arguments)
        for _ in range(ROUNDS):
            times["ours"].append(_timed(run, arguments, expected))
            times["python"].append(_timed(python, arguments, expected))
            if peer:
                seconds, result = peer(name)
                assert result == expected, name
                times["basilisp"].append(seconds)
        ours, plain = statistics.median(times["ours"]), statistics.median(times["python"])
        other = statistics.median(times["basilisp"]) if peer else None
        bar = f"≤ 1.5: {'met' if ours <= 1.5 * plain else 'missed'}" if against_python else ""
        rows.append(
            [name, milliseconds(ours), f"{ours / plain:.2f}", bar,
             f"{other / ours:.0f}" if other else "not installed",
             ("met" if other > ours else "missed") if other else ""]
        )  # fmt: skip
    if peer:
        peer.close()
    columns = ["kernel", "evaluator", "of Python's time", "bar", "Basilisp: times as long", "bar: faster"]
    return table("Evaluator", columns, rows)


def _timed(run: Callable[..., int], arguments: tuple[int, ...], expected: int) -> float:
    start = time.perf_counter()
    result = run(*arguments)
    elapsed = time.perf_counter() - start
    assert result == expected
    return elapsed


def parsing() -> str:
    """Lines a minute through reading and lowering."""
    from benchmarks.sources import ordinary
    from benchmarks.timing import bar, interleaved
    from rtfsc.driver import compile_text

    small, large = ordinary(1_000), ordinary(10_000)
    times = interleaved(
        {"small": lambda: compile_text(small).unoptimised, "large": lambda: compile_text(large).unoptimised},
        5,
    )
    rate = small.count("\n") / times["small"] * 60
    growth = times["large"] / times["small"]
    rows = [
        ["1,000 lines", f"{rate:,.0f} lines a minute", f"≥ 40,000: {bar(rate, 40_000, at_least=True)}"],
        ["10,000 to 1,000 lines", f"{growth:.1f} times", f"≤ 12: {bar(growth, 12)}"],
    ]
    return table("Parse and lower ordinary code", ["what", "measured", "bar"], rows)


def install_peers() -> None:
    """An environment of the peers' own, below build/."""
    import sys

    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "basilisp>=0.4,<1"], check=True, env=dict(os.environ))


if __name__ == "__main__":
    install_peers()
