"""The ten kernels in one table: how many times as long RTFS takes as C and as other languages."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.ten.kernels import KERNELS, Kernel, text
from benchmarks.ten.native import Run, gcc_native, zig_to_wasm
from benchmarks.ten.peers import PEERS, Worker, start
from benchmarks.timing import Stopwatch, milliseconds, table

PATIENCE = 4.0
"""Seconds after which a peer's run is stopped; the rest of its runs of that kernel are not made."""
FEWEST, MOST, BUDGET = 5, 25, 0.5
"""Runs of each contender per kernel: the fewest; more, up to the most, while they take less than so many
seconds together, because short runs are the noisiest."""

OURS, TYPED, C, GCC = "rtfsc", "rtfsc, annotated", "C in wasmtime", "gcc -O2"
MUTABLE = {"python", "hy"}
"""Peers whose sort and dict change in place, with which `sort` and `assoc` are compared for information."""


@dataclass(slots=True)
class Times:
    """Seconds per run of one contender on one kernel. ``stopped``: a run took longer than `PATIENCE`."""

    seconds: list[float] = field(default_factory=list)
    stopped: bool = False

    @property
    def median(self) -> float:
        return PATIENCE if self.stopped else statistics.median(self.seconds)

    def wants_more(self) -> bool:
        """Whether it runs in the next round."""
        return not self.stopped and (len(self.seconds) < FEWEST or sum(self.seconds) < BUDGET)


Contender = Callable[[Kernel, tuple[int, ...]], tuple[float, int] | None]
Measured = dict[str, dict[str, Times]]
"""Kernel name → contender → times."""


def c() -> str:
    """The ten kernels against C in the same wasmtime and against gcc."""
    contenders, notes = _compiled()
    return _report("Ten kernels against C", contenders, [], notes)


def ten() -> str:
    """The ten kernels against C and against all peers, which are installed on first use."""
    contenders, notes = _compiled()
    workers, missing = start(PEERS)
    contenders |= {worker.peer.name: _peer(worker) for worker in workers}
    notes += missing + [f"{worker.peer.title}: {worker.version}" for worker in workers]
    try:
        return _report("Ten kernels", contenders, workers, notes)
    finally:
        for worker in workers:
            worker.close()


def _compiled() -> tuple[dict[str, Contender], list[str]]:
    contenders: dict[str, Contender] = {OURS: _rtfs(typed=False), TYPED: _rtfs(typed=True)}
    notes = []
    for name, make in ((C, zig_to_wasm), (GCC, gcc_native)):
        try:
            contenders[name] = _compiled_c(make())
        except (ImportError, OSError) as reason:
            notes.append(f"{name} is left out: {reason}")
    return contenders, notes


def _rtfs(typed: bool) -> Contender:
    import rtfsc

    runs = {kernel.name: rtfsc.compile(kernel.source(typed), engine="wasm").run for kernel in KERNELS}

    def contender(kernel: Kernel, arguments: tuple[int, ...]) -> tuple[float, int]:
        run = runs[kernel.name]
        values = (text(arguments[0]),) if kernel.name == "words" else arguments
        watch = Stopwatch()
        result = run(*values)
        return watch.seconds(), result

    return contender


def _compiled_c(runs: dict[str, Run]) -> Contender:
    def contender(kernel: Kernel, arguments: tuple[int, ...]) -> tuple[float, int]:
        call = runs[kernel.name](arguments)
        watch = Stopwatch()
        result = call()
        return watch.seconds(), result

    return contender


def _peer(worker: Worker) -> Contender:
    return lambda kernel, arguments: worker.run(kernel.name, arguments, PATIENCE)


def _measure(contenders: dict[str, Contender]) -> Measured:
    """Every round runs each contender once, in turn, after one round that warms up."""
    measured: Measured = {}
    for kernel in KERNELS:
        taking_part = [n for n in contenders if n != "immutables" or kernel.name == "assoc"]
        times = measured[kernel.name] = {name: Times() for name in taking_part}
        for number in range(MOST + 1):
            arguments = kernel.in_round(number)
            wanted = {name: contenders[name] for name in taking_part if times[name].wants_more()}
            answers = _round(kernel, arguments, wanted, times, warm=number > 0)
            if len(set(answers.values())) > 1:
                raise AssertionError(f"{kernel.name}: results differ: {answers}")
    return measured


def _round(
    kernel: Kernel,
    arguments: tuple[int, ...],
    contenders: dict[str, Contender],
    times: dict[str, Times],
    warm: bool,
) -> dict[str, int]:
    """The result of each."""
    answers = {}
    for name, contender in contenders.items():
        outcome = contender(kernel, arguments)
        if outcome is None:
            times[name].stopped = True
            continue
        answers[name] = outcome[1]
        if warm:
            times[name].seconds.append(outcome[0])
    return answers


def _report(title: str, contenders: dict[str, Contender], workers: list[Worker], notes: list[str]) -> str:
    measured = _measure(contenders)
    titles = {worker.peer.name: worker.peer.title for worker in workers}
    others = [name for name in contenders if name not in (OURS, TYPED)]
    columns = ["kernel", OURS, "annotated", *(titles.get(name, name) for name in others)]
    if C in others:
        columns.insert(3, "annotated against C")
    rows = [_row(kernel, measured[kernel.name], others) for kernel in KERNELS]
    rows.append(_means(measured, others))
    lead = (
        "How many times as long rtfsc takes, unannotated: below 1 it is ahead. "
        f"Medians of {FEWEST} to {MOST} interleaved runs; results are equal."
    )
    parts = table(title, columns, rows).split("\n", 2)
    bars = table("Bars", ["bar", "measured", ""], _bars(measured, titles))
    return "\n".join(
        [parts[0], "", lead, "", parts[2], *(f"* {note}" for note in notes), *([""] if notes else []), bars]
    )


def _row(kernel: Kernel, times: dict[str, Times], others: list[str]) -> list[str]:
    cells = [kernel.title, milliseconds(times[OURS].median), milliseconds(times[TYPED].median)]
    if C in others:
        cells.append(_ratio(times, TYPED, C))
    return cells + [_ratio(times, OURS, name) for name in others]


def _ratio(times: dict[str, Times], ours: str, other: str) -> str:
    if other not in times:
        return ""
    ratio = times[ours].median / times[other].median
    sign = "< " if times[other].stopped else ""
    return f"{sign}{ratio:.2f}" if ratio >= 0.1 else f"{sign}{ratio:.2g}"


def _mean(measured: Measured, ours: str, other: str) -> float | None:
    """Geometric mean over all kernels; None if the other did not run them all."""
    if any(other not in times for times in measured.values()):
        return None
    return statistics.geometric_mean(times[ours].median / times[other].median for times in measured.values())


def _means(measured: Measured, others: list[str]) -> list[str]:
    def cell(ours: str, other: str) -> str:
        mean = _mean(measured, ours, other)
        return "" if mean is None else f"{mean:.2f}" if mean >= 0.1 else f"{mean:.2g}"

    cells = ["geometric mean", "", ""]
    if C in others:
        cells.append(cell(TYPED, C))
    return cells + [cell(OURS, name) for name in others]


def _bars(measured: Measured, titles: dict[str, str]) -> list[list[str]]:
    return [*_bars_of_c(measured), *_bars_of_peers(measured, titles)]


def _bars_of_c(measured: Measured) -> list[list[str]]:
    rows = []
    for label, numeric, limit in (
        ("fib, tak, loop, mandelbrot", True, 1.3),
        ("each of the others", False, 3.0),
    ):
        ratios = {
            kernel.name: times[OURS].median / times[C].median
            for kernel in KERNELS
            if kernel.numeric == numeric and C in (times := measured[kernel.name])
        }
        if ratios:
            short = [f"{name} {ratio:.2f}" for name, ratio in ratios.items() if ratio > limit]
            rows.append([f"{label}: ≤ {limit} of C", f"at most {max(ratios.values()):.2f}", _met(short)])
    for name, limit in ((C, 2.0), (GCC, 3.0)):
        mean = _mean(measured, OURS, name)
        if mean is not None:
            rows.append(
                [f"geometric mean ≤ {limit} of {name}", f"{mean:.2f}", "met" if mean <= limit else "short"]
            )
    return rows


def _bars_of_peers(measured: Measured, titles: dict[str, str]) -> list[list[str]]:
    rows = []
    for name, title in titles.items():
        ran = {kernel: times for kernel, times in measured.items() if name in times}
        behind = [kernel for kernel, times in ran.items() if times[OURS].median >= times[name].median]
        ahead = f"{len(ran) - len(behind)} of {len(ran)}"
        if name in ("luajit", "node"):
            rows.append([f"ahead of {title} on 5 or more", ahead, _met([] if len(behind) <= 5 else behind)])
            continue
        excused = {"sort", "assoc"} if name in MUTABLE else set()
        what = "all but sort and assoc (in place)" if excused else "all"
        rows.append([f"ahead of {title} on {what}", ahead, _met([k for k in behind if k not in excused])])
    return rows


def _met(short: list[str]) -> str:
    return f"short: {', '.join(short)}" if short else "met"
