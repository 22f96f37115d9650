"""Programs as tickets: what a worker does with them, and what comes back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfsc
from rtfsc import Keyword, Runtime, capability
from rtfsc.source import SourceFile
from runtime.chain.runs import records, runs
from runtime.ticketing import Cancelled, TicketOffice
from runtime.tickets.job import BadJob, Job, Outcome
from runtime.tickets.ticket import CANCELLED, DONE, FAILED, RUNNING, UnknownTicket
from runtime.tickets.worker import current

ENGINES = ["wasm", "evaluator"]
TWICE = "(defn twice [n] (* 2 n))"
THROWS = '(defn f [x] (throw {:type :my/error :message "no" :data {:x x}}))'


@pytest.fixture(params=ENGINES)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TicketOffice]:
    with Runtime(home=tmp_path, engine=request.param, limits=rtfsc.Limits(deadline_ms=60_000)) as runtime:
        found = runtime.tickets()
        yield found
        found.close()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_values_come_back_as_they_are(office: TicketOffice) -> None:
    value = [1, 2.5, "ü", Keyword("k"), {"a": [None, True]}, rtfsc.List([1])]
    id = office.submit("(defn same [x] x)", "same", [value])
    whole = office.submit("(+ 1 2)")
    assert office.work() == 2
    assert office.result(id) == value and office.wait(whole, 60) == 3


def test_errors_come_back_as_they_are(office: TicketOffice) -> None:
    id = office.submit(THROWS, "f", [7])
    other = office.submit("(defn f [x] (/ 1 x))", "f", [0])
    office.work()
    with pytest.raises(rtfsc.RtfsError) as raised:
        office.result(id)
    assert office.get(id).state == FAILED
    with pytest.raises(rtfsc.RtfsError) as told:
        rtfsc.compile(THROWS).f(7)
    direct = told.value
    assert (raised.value.kind, raised.value.message, raised.value.data, raised.value.type) == (
        direct.kind, direct.message, direct.data, direct.type,
    )  # fmt: skip
    with pytest.raises(rtfsc.DivisionByZero):
        office.result(other)


def test_what_is_refused_when_it_is_submitted(office: TicketOffice) -> None:
    with pytest.raises(rtfsc.DiagnosticError):
        office.submit("(defn f [")
    with pytest.raises(BadJob, match="no function nope"):
        office.submit(TWICE, "nope")
    with pytest.raises(BadJob, match="function in it"):
        office.submit(TWICE, "twice", [rtfsc.HostFunction(abs)])
    with pytest.raises(BadJob, match="twice takes 1 argument, not 2"):
        office.submit(TWICE, "twice", [1, 2])
    with pytest.raises(BadJob, match="takes no arguments"):
        office.submit(TWICE, None, [1])
    with pytest.raises(BadJob, match="f takes 1 or more arguments, not 0"):
        office.submit("(defn f [a & more] a)", "f")
    with pytest.raises(BadJob, match="a program, or"):
        office.submit(TWICE, "twice", stored="x")
    assert office.find() == []


def test_what_fails_where_it_runs(office: TicketOffice) -> None:
    wrong = [b"", b"{}", b'{"form":2}', Job("f", (), stored="none").encode()]
    wrong += [Job("f", (), "(defn g [").encode(), Job("g", (), TWICE).encode()]
    wrong += [Job("twice", (1, 2, 3), TWICE).encode()]
    jobs = [office.place.submit(data) for data in wrong]
    functions = office.submit("(defn f [] (fn [x] x))", "f")
    good = office.submit(TWICE, "twice", [4])
    assert office.work() == 9
    for id in (*jobs, functions):
        with pytest.raises(rtfsc.RtfsError):
            office.result(id)
    assert office.result(good) == 8


def test_a_worker_has_its_own_grants(tmp_path: Path) -> None:
    source = '(defn home [] (call :ccos.system.get-env "HOME"))'
    with Runtime(home=tmp_path, grant=["ccos.system.get-env=HOME"]) as runtime:
        id = runtime.tickets().submit(source, "home")
    with Runtime(home=tmp_path) as runtime:
        office = runtime.tickets()
        office.work()
        with pytest.raises(rtfsc.RtfsError, match="Security violation"):
            office.result(id)


def test_waiting_has_an_end(office: TicketOffice) -> None:
    id = office.submit(TWICE, "twice", [4])
    with pytest.raises(TimeoutError, match="queued"):
        office.wait(id, 0.05)
    thread = in_thread(lambda: office.work())
    assert office.wait(id, 60) == 8
    thread.join(60)
    with pytest.raises(UnknownTicket):
        office.wait("0" * 32)


def test_a_running_ticket_is_cancelled(office: TicketOffice) -> None:
    spin = "(defn spin [] (loop [i 0] (if (< i 0) i (recur (+ 1 (rem i 1000))))))"
    id, after = office.submit(spin, "spin"), office.submit(TWICE, "twice", [4])
    worker = office.worker(lease_s=1)  # where nobody else may take it
    thread = in_thread(lambda: worker.run(drain=True))
    until(lambda: office.get(id).state == RUNNING)
    assert office.cancel(id)
    assert office.wait(after, 60) == 8  # the worker was stopped, and goes on
    thread.join(60)
    with pytest.raises(Cancelled):
        office.result(id)
    assert office.get(id).state == CANCELLED and not office.cancel(after)


def test_a_waiting_ticket_is_cancelled(office: TicketOffice) -> None:
    id = office.submit(TWICE, "twice", [4])
    assert office.cancel(id)
    assert office.work() == 0


def test_a_long_ticket_keeps_its_lease(tmp_path: Path) -> None:
    """Longer than that, with another worker that waits for it."""
    wait_for = threading.Event()

    @capability("my.wait")
    def waiting() -> str | None:
        wait_for.wait(60)
        return current.get()

    with Runtime(home=tmp_path, grant=[waiting]) as runtime:
        office = runtime.tickets()
        id = office.submit("(defn f [] (call :my.wait))", "f")
        now_ms = [1_000_000]
        office.place._clock_ms = lambda: now_ms[0]  # type: ignore[attr-defined]
        thread = in_thread(lambda: office.work(lease_s=0.3))
        until(lambda: office.get(id).state == RUNNING)
        for _ in range(5):
            now_ms[0] += 200
            until(lambda: office.get(id).lease_ms == now_ms[0] + 300)
            assert office.place.lease("other", 30) is None
        wait_for.set()
        assert office.wait(id, 60) == id  # capabilities know what they are called for
        thread.join(60)
        assert office.get(id).attempts == 1


def test_a_worker_that_is_interrupted_gives_its_ticket_back(tmp_path: Path) -> None:
    @capability("my.interrupt")
    def interrupt() -> None:
        raise KeyboardInterrupt

    source = "(defn f [] (call :my.interrupt))"
    with Runtime(home=tmp_path, grant=[interrupt]) as runtime:
        office = runtime.tickets()
        id = office.submit(source, "f")
        with pytest.raises(KeyboardInterrupt):
            office.work()
    fine = capability("my.interrupt")(lambda: 5)
    with Runtime(home=tmp_path, grant=[fine]) as runtime:
        office = runtime.tickets()
        assert office.work() == 1 and office.result(id) == 5


def test_stored_modules(tmp_path: Path) -> None:
    with Runtime.init(home=tmp_path, store=tmp_path / "store") as runtime:
        runtime.publish(SourceFile("twice.rtfs", TWICE), name="twice", inputs=2)
        office = runtime.tickets()
        stored = office.submit(None, "twice", [4], stored="twice")
        brought = office.submit(TWICE, "twice", [4])
        assert office.work(stored_only=True) == 2
        assert office.result(stored) == 8
        with pytest.raises(rtfsc.RtfsError, match="stored modules only"):
            office.result(brought)


def test_tickets_on_record(tmp_path: Path) -> None:
    with Runtime.init(home=tmp_path, store=False, audit=True) as runtime:
        office = runtime.tickets()
        id = office.submit(TWICE, "twice", [4])
        office.work()
    assert {run.intent for run in runs(records(runtime.paths.chain))} == {f"ticket {id}"}


def test_a_result_that_is_too_large_fails(tmp_path: Path) -> None:
    with Runtime(home=tmp_path) as runtime:
        office = runtime.tickets()
        id = office.submit('(defn f [n] (reduce (fn [s i] (str s s)) "x" (range n)))', "f", [25])
        assert office.work() == 1
        with pytest.raises(rtfsc.OutputLimitExceeded, match="limit"):
            office.result(id)


def test_outcomes_survive_their_encoding() -> None:
    assert Outcome.decode(Outcome([1, "x"]).encode()).take() == [1, "x"]
    assert Outcome([1]).state == DONE
    for data in (b"", b"[]", b"{}", b'{"value":"!"}', b'{"value":"AAAA"}'):
        with pytest.raises(BadJob):
            Outcome.decode(data)


def _job(**changes: Any) -> bytes:
    return json.dumps({**json.loads(Job(source="(+ 1 2)").encode()), **changes}).encode()


@pytest.mark.parametrize(
    "job",
    [
        b"[" * 100_000, b'{"form":' + b"[" * 100_000, b"null", b"[]", b"\xff", b"{}",
        _job(function=["f"]), _job(function={}), _job(function=3), _job(source=3), _job(file=3),
        _job(file=None), _job(source=None), _job(stored="x"), _job(source=None, stored=["x"]),
        _job(arguments=3), _job(arguments="AAAA"), _job(arguments="////" * 100),
    ],
)  # fmt: skip
def test_jobs_that_are_none_fail_and_harm_no_worker(tmp_path: Path, job: bytes) -> None:
    """Whoever may write to the place could end one worker after the other with them."""
    with Runtime(home=tmp_path, engine="evaluator") as runtime, runtime.tickets() as office:
        id, after = office.place.submit(job), office.submit(TWICE, "twice", [2])
        assert office.work() == 2
        assert office.get(id).state == FAILED and office.result(after) == 4
        with pytest.raises(rtfsc.RtfsError, match="cannot be run"):
            office.result(id)


def test_a_fault_of_ours_ends_the_ticket_and_not_the_worker(
    office: TicketOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("ours")

    id = office.submit(TWICE, "twice", [2])
    monkeypatch.setattr(office, "_value", broken)
    assert office.work() == 1
    with pytest.raises(rtfsc.RtfsError, match="ZeroDivisionError: ours"):
        office.result(id)
