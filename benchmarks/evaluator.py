"""The evaluator against plain Python and Basilisp, on kernels of `benchmarks.ten` made smaller."""

from __future__ import annotations

import statistics
import time

from benchmarks.ten.kernels import KERNELS
from benchmarks.ten.peers import PEERS, start
from benchmarks.timing import bar, interleaved, milliseconds, table

ROUNDS = 5
SIZES: dict[str, tuple[tuple[int, ...], bool]] = {
    "fib": ((25,), True),
    "tak": ((18, 12, 6), True),
    "loop": ((100_000,), False),
    "pipeline": ((100_000,), False),
    "assoc": ((10_000,), False),
}
"""Kernel → arguments, and whether the bar against Python applies."""


def evaluator() -> str:
    """Kernels on the evaluator, in Python and in Basilisp, in turn; medians."""
    import rtfsc

    workers, missing = start([peer for peer in PEERS if peer.name in ("python", "basilisp")])
    programs = {kernel.name: kernel.source(typed=False) for kernel in KERNELS}
    rows = []
    for name, (arguments, against_python) in SIZES.items():
        run = rtfsc.compile(programs[name], engine="evaluator").run
        times: dict[str, list[float]] = {"ours": []} | {worker.peer.name: [] for worker in workers}
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            expected = run(*arguments)
            times["ours"].append(time.perf_counter() - begin)
            for worker in workers:
                outcome = worker.run(name, arguments, seconds=60)
                assert outcome and outcome[1] == expected, (name, worker.peer.title, outcome, expected)
                times[worker.peer.name].append(outcome[0])
        medians = {who: statistics.median(seconds) for who, seconds in times.items()}
        rows.append([name, *_cells(medians, against_python)])
    for worker in workers:
        worker.close()
    columns = ["kernel", "evaluator", "of Python's time", "bar", "Basilisp: times as long", "bar: faster"]
    return "\n".join([table("Evaluator", columns, rows), *missing])


def _cells(medians: dict[str, float], against_python: bool) -> list[str]:
    ours, python, basilisp = (medians.get(who) for who in ("ours", "python", "basilisp"))
    assert ours
    cells = [milliseconds(ours), "not there", ""]
    if python:
        cells[1:] = [f"{ours / python:.2f}", f"≤ 1.5: {bar(ours / python, 1.5)}" if against_python else ""]
    return cells + ([f"{basilisp / ours:.0f}", bar(ours, basilisp)] if basilisp else ["not there", ""])


def parsing() -> str:
    """Lines a minute through reading and lowering."""
    from benchmarks.sources import ordinary
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
