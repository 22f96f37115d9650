"""What observing costs: per call of a stored function, per event that nobody listens to, per command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.timing import Stopwatch, WallClock, interleaved, milliseconds, nanoseconds, table

if TYPE_CHECKING:
    from runtime.obs.events import Subscriber

CALLS, ROUNDS, COMMANDS = 20_000, 7, 7


def observability() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join([_calls(Path(folder)), _idle(), _commands(Path(folder))])


def _calls(folder: Path) -> str:
    """The same exported function under every kind of subscriber."""
    import rtfsc
    from runtime.obs.events import Bus
    from runtime.obs.logs import Log
    from runtime.obs.statistics import Statistics
    from runtime.obs.tally import Tally

    statistics = Statistics(folder / "statistics.sqlite")
    with open(os.devnull, "w") as nowhere:
        subscribers: dict[str, Subscriber | None] = {
            "nobody": None,
            "metrics": Tally(),
            "log, level info": Log(nowhere, "json", "info"),
            "log, every call, JSON": Log(nowhere, "json", "debug"),
            "log, every call, human": Log(nowhere, "human", "debug"),
            "statistics": statistics,
        }
        spans = _spans()
        if spans is not None:
            subscribers["OpenTelemetry spans, dropped"] = spans
        contenders: dict[str, Callable[[], object]] = {}
        for name, subscriber in subscribers.items():
            bus = Bus()
            if subscriber is not None:
                bus.subscribe(subscriber)
            function = rtfsc.Runtime(emit=bus).compile("(defn add1 [n] (+ n 1))").add1
            contenders[name] = lambda function=function: _repeat(function, CALLS)
        times = interleaved(contenders, ROUNDS, Stopwatch)
    statistics.close()
    alone = times["nobody"]
    rows = [
        [name, nanoseconds(seconds / CALLS), nanoseconds((seconds - alone) / CALLS), f"{seconds / alone:.1f}"]
        for name, seconds in times.items()
    ]
    return table("A call from Python that is observed", ["by", "time a call", "added", "times as long"], rows)


def _idle() -> str:
    """Inside of the runtime: an event that nobody wants."""
    from runtime.obs.events import Bus, span, tell

    bus = Bus()

    def told(emit: Bus | None) -> None:
        for _ in range(CALLS):
            tell(emit, "cache.miss", layer="L2")

    def spanned() -> None:
        for _ in range(CALLS):
            with span(bus, "call.done", function="f"):
                pass

    contenders: dict[str, Callable[[], object]] = {
        "tell without a bus": lambda: told(None),
        "tell, nobody listens": lambda: told(bus),
        "span, nobody listens": spanned,
    }
    times = interleaved(contenders, ROUNDS, Stopwatch)
    rows = [[name, nanoseconds(seconds / CALLS)] for name, seconds in times.items()]
    return table("An event without a listener", ["what", "time"], rows)


def _commands(folder: Path) -> str:
    """``rtfsc run`` of a program that a store has, with statistics and without."""
    program = folder / "twice.rtfs"
    program.write_text('(defn twice "Doubles a number." [n : Int] : Int (* 2 n))')
    home = {**os.environ, "RTFSC_HOME": str(folder / "home"), "RTFSC_CACHE_DIR": str(folder / "cache")}

    def rtfsc(*arguments: str, statistics: bool) -> None:
        environment = home if statistics else {**home, "RTFSC_STATISTICS": "0"}
        command = [sys.executable, "-m", "rtfsc", *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True, cwd=folder)

    rtfsc("init", "--home", statistics=False)
    rtfsc("publish", str(program), "--inputs", "3", statistics=False)
    contenders: dict[str, Callable[[], object]] = {
        name: lambda on=on: rtfsc("run", str(program), "twice", "21", statistics=on)  # type: ignore[misc]
        for name, on in (("without statistics", False), ("with statistics", True))
    }
    times = interleaved(contenders, COMMANDS, WallClock)
    rows = [[name, milliseconds(seconds)] for name, seconds in times.items()]
    return table("rtfsc run of a stored program", ["", "time"], rows)


def _spans() -> Subscriber | None:
    try:
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return None
    from runtime.obs.otel import Spans

    return Spans(TracerProvider().get_tracer("benchmark"))


def _repeat(function: Callable[[int], object], count: int) -> None:
    for i in range(count):
        function(i)
