"""Timing that survives a noisy machine: contenders in turn, medians, ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


class Stopwatch:
    """Runs from when it is made. Takes the smaller of wall-clock and processor time: other work on the
    machine stretches the one, helper threads of an engine the other."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.thread_time()

    def seconds(self) -> float:
        """Since it was made."""
        processor = time.thread_time() - self._processor
        return min(time.perf_counter() - self._wall, processor)


class WallClock:
    """Runs from when it is made. For what other processes do."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self._start


def interleaved(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int = 7,
    stopwatch: type[Stopwatch | WallClock] = WallClock,
) -> dict[str, float]:
    """Median seconds per contender. Every round runs each once, in turn, after one round that warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for round in range(rounds + 1):
        for name, run in contenders.items():
            watch = stopwatch()
            run()
            elapsed = watch.seconds()
            if round:
                times[name].append(elapsed)
    return {name: statistics.median(values) for name, values in times.items()}


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table under a heading."""
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([f"## {title}", "", line(columns), rule, *map(line, rows), ""])


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} µs"


def nanoseconds(seconds: float) -> str:
    return f"{seconds * 1e9:.0f} ns"


def bar(measured: float, limit: float, at_least: bool = False) -> str:
    met = measured >= limit if at_least else measured <= limit
    return "met" if met else "missed"
