"""What a record costs: a call with and without the chain, verifying it, and tickets per second."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.timing import Stopwatch, interleaved, microseconds, table

_CALLS = 2_000
_TICKETS = 200
_PROGRAM = """
(defn calls [n] (loop [i 0] (if (< i n) (do (call :bench.price "tea" i) (recur (+ i 1))) n)))
(defn nothing [n] n)
"""


def audit() -> str:
    """Figures of docs/audit.md."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        return _overhead(home, stack) + "\n" + _reading(home / "wasm-digests") + "\n" + _tickets(home)


def _overhead(home: Path, stack: ExitStack) -> str:
    """Per call of a capability that does nothing. A head waits for the disk, once for a thousand records."""
    from rtfsc import Runtime, capability
    from runtime.chain.audit import Audit

    price = capability("bench.price")(_price)
    kinds: dict[str, Any] = {
        "none": False, "digests": True, "each-signed": Audit(seal_every=1), "record": Audit(record=True),
    }  # fmt: skip
    runs: dict[str, Callable[[], object]] = {}
    counts: dict[str, int] = {}
    for engine in ("wasm", "evaluator"):
        for kind, given in kinds.items():
            name = f"{engine}-{kind}"
            runtime = stack.enter_context(
                Runtime.init(home=home / name, store=False, engine=engine, audit=given, grant=[price])
            )
            counts[name] = _CALLS // 20 if kind in ("each-signed", "record") else _CALLS
            calls = runtime.compile(_PROGRAM).calls
            runs[name] = lambda calls=calls, count=counts[name]: calls(count)
    times = interleaved(runs, 5)
    each = {name: seconds / counts[name] for name, seconds in times.items()}
    own = interleaved({name: run for name, run in runs.items() if name.startswith("wasm")}, 5, Stopwatch)
    own = {name: seconds / counts[name] for name, seconds in own.items()}
    rows = [
        [kind, *(microseconds(each[f"{engine}-{kind}"]) for engine in ("wasm", "evaluator")),
         microseconds(own[f"wasm-{kind}"] - own["wasm-none"])]
        for kind in kinds
    ]  # fmt: skip
    columns = ["record", "call, Wasm", "call, evaluator", "added to the processor's time (Wasm)"]
    return table("A call of a capability, by what is kept of it", columns, rows)


def _price(item: str, n: int) -> float:
    return 2.5 * n


def _reading(home: Path) -> str:
    from runtime.chain.runs import records, runs
    from runtime.chain.verify import verify
    from runtime.trust.keys import KeyRing

    keys = {info.public.key_id: info.public for info in KeyRing(home / "keys").list()}
    report = verify(home / "audit", keys)
    assert report.holds
    times = interleaved(
        {
            "verify": lambda: verify(home / "audit", keys),
            "read": lambda: runs(records(home / "audit")),
        },
        5,
    )
    rows = [[name, microseconds(seconds / report.records)] for name, seconds in times.items()]
    return table(f"Reading a chain of {report.records} records", ["what", "each"], rows)


def _tickets(home: Path) -> str:
    """Submitted, leased and finished by one process, and the wait for one that is run elsewhere."""
    rows = []
    for name, opened in (("SQLite", _sqlite), ("Redis", _redis), ("NATS JetStream", _nats)):
        try:
            with opened(home) as address:
                rows.append([name, *_figures(address)])
        except Exception as error:
            rows.append([name, f"not here: {error}", "", ""])
    return table("Tickets", ["place", "submitted / s", "leased and finished / s", "round trip"], rows)


def _figures(address: str) -> list[str]:
    import threading

    from runtime.tickets.opening import open_tickets
    from runtime.tickets.ticket import DONE
    from runtime.tickets.worker import Worker, wait

    place = open_tickets(address, Path("unused"))
    other = open_tickets(address, Path("unused"))
    for id in [place.submit(b"warm")]:
        ticket = place.lease("w", 30)
        assert ticket is not None and ticket.id == id
        place.finish(ticket, DONE, b"")
    start = time.perf_counter()
    for _ in range(_TICKETS):
        place.submit(b"job")
    submitted = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(_TICKETS):
        ticket = place.lease("w", 30)
        assert ticket is not None
        place.finish(ticket, DONE, b"value")
    worked = time.perf_counter() - start
    worker = Worker(other, lambda ticket: (DONE, ticket.job), "w")
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    trips = []
    for _ in range(20):
        start = time.perf_counter()
        wait(place, place.submit(b"job"), 20)
        trips.append(time.perf_counter() - start)
    worker.stop()
    thread.join(20)
    for opened in (place, other):
        with suppress(Exception):
            opened.close()
    trip = sorted(trips)[len(trips) // 2]
    return [f"{_TICKETS / submitted:.0f}", f"{_TICKETS / worked:.0f}", f"{trip * 1e3:.1f} ms"]


@contextmanager
def _sqlite(home: Path) -> Iterator[str]:
    yield str(home / "tickets.sqlite")


@contextmanager
def _redis(home: Path) -> Iterator[str]:
    from services.redis import Redis

    with _running(Redis) as url:
        yield f"{url}?prefix=bench"


@contextmanager
def _nats(home: Path) -> Iterator[str]:
    from services.nats import Nats

    with _running(Nats) as url:
        yield f"{url}?prefix=bench"


@contextmanager
def _running(kind: Any) -> Iterator[str]:
    import os

    server = kind()
    try:
        server.start()
        os.environ.update(server.settings())
        yield server.url
    finally:
        server.close()
        for name in server.settings():
            os.environ.pop(name, None)
