"""Calls from Python: what one costs, and what arguments and results cost on their way."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.ten.peers import CALL_PEERS, Worker, start
from benchmarks.timing import Stopwatch, bar, interleaved, microseconds, nanoseconds, table

CALLS, SLOW_CALLS, ROUNDS = 200_000, 2_000, 9


def calls() -> str:
    """A function that adds one, called from Python: through rtfsc, wasmtime-py and other engines."""
    import rtfsc

    ours = rtfsc.compile("(defn add1 [n] (+ n 1))").add1
    peer = _through_wasmtime_py()
    workers, missing = start(CALL_PEERS)
    contenders: dict[str, Callable[[], object]] = {
        "rtfsc": lambda: _repeat(ours, CALLS),
        "wasmtime-py": lambda: _repeat(peer, SLOW_CALLS),
        "Python": lambda: _repeat(_add1, CALLS),
    }
    others: dict[str, list[float]] = {worker.peer.title: [] for worker in workers}
    for worker in workers:
        contenders[worker.peer.title] = lambda worker=worker: others[worker.peer.title].append(_timed(worker))
    times = interleaved(contenders, ROUNDS, Stopwatch)
    for worker in workers:  # by their own clocks, without the round that warms up
        times[worker.peer.title] = sorted(others[worker.peer.title][1:])[ROUNDS // 2]
        worker.close()
    mine = times["rtfsc"] / CALLS
    rows = [["rtfsc", nanoseconds(mine), "1", ""]]
    slow = times["wasmtime-py"] / SLOW_CALLS
    rows.append(["wasmtime-py", nanoseconds(slow), f"{slow / mine:.0f}", _ahead(slow / mine, 150)])
    for worker in workers:
        theirs = times[worker.peer.title] / CALLS
        rows.append(
            [worker.peer.title, nanoseconds(theirs), f"{theirs / mine:.2f}", _ahead(theirs / mine, 1)]
        )
    python = times["Python"] / CALLS
    rows.append(["a Python function", nanoseconds(python), f"{python / mine:.2f}", ""])
    columns = ["through", "time a call", "times as long", "bar"]
    return "\n".join([table("A scalar call from Python", columns, rows), *missing])


def _ahead(ratio: float, limit: float) -> str:
    return f"≥ {limit}: {bar(ratio, limit, at_least=True)}"


def _through_wasmtime_py() -> Callable[[int], int]:
    import wasmtime

    config = wasmtime.Config()
    config.epoch_interruption = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_epoch_deadline(1 << 40)
    text = '(module (func (export "f") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1))))'
    function = wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)["f"]
    assert isinstance(function, wasmtime.Func)
    return lambda n: function(store, n)


def _repeat(function: Callable[[int], int], times: int) -> None:
    for n in range(times):
        function(n)


def _again(function: Callable[[object], object], value: object, times: int) -> None:
    for _ in range(times):
        function(value)


def _timed(worker: Worker) -> float:
    outcome = worker.run("call", (CALLS,), seconds=60)
    assert outcome and outcome[1] == CALLS + 1
    return outcome[0]


def _add1(n: int) -> int:
    return n + 1


def arguments() -> str:
    """Values that a function takes and returns as they are, in microseconds."""
    import rtfsc

    same = rtfsc.compile("(defn same [x] x)").same
    numbers = list(range(1_000))
    cases: list[tuple[str, object, int, float]] = [
        ("list of 1,000 integers", numbers, 100, 25),
        ("list of 1,000 floats", [n / 2 for n in numbers], 100, 0),
        ("list of 1,000 short texts", [f"item {n}" for n in numbers], 20, 0),
        ("dict of 1,000 entries", {f"key {n}": n for n in numbers}, 10, 0),
        ("text of 1 MB, ASCII", "a" * 1_000_000, 10, 1_000),
        ("text of 1 MB, half a million é", "é" * 500_000, 10, 1_000),
    ]
    rows = []
    for name, value, repeats, limit in cases:
        assert same(value) == value
        seconds = (
            interleaved({"": lambda v=value, n=repeats: [same(v) for _ in range(n)]}, ROUNDS, Stopwatch)[""]
            / repeats
        )
        verdict = f"≤ {limit:g} µs: {bar(seconds * 1e6, limit)}" if limit else ""
        rows.append([name, microseconds(seconds), verdict])
    return table("Arguments and results", ["in and out again", "time", "bar"], rows)
