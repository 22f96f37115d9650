"""What every place that keeps tickets has to do, over all of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.tickets.opening import open_tickets
from runtime.tickets.sqlite import SqliteTickets
from runtime.tickets.ticket import (
    CANCELLED,
    DONE,
    FAILED,
    LOST,
    MOST_ATTEMPTS,
    QUEUED,
    RUNNING,
    StaleLease,
    Ticket,
    Tickets,
    TicketsUnavailable,
    TooLarge,
    UnknownTicket,
)

PLACES = ["sqlite", "redis", "nats"]


@pytest.fixture(params=PLACES)
def address(request: pytest.FixtureRequest, tmp_path: Path, unhurried: None) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "home" / "tickets.sqlite")
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def tickets(address: str) -> Iterator[Tickets]:
    found = open_tickets(address, Path("unused"))
    yield found
    found.close()


def lease(tickets: Tickets, worker: str = "w", seconds: float = 30) -> Ticket:
    """Waits for one: a queue may deliver a moment later."""
    end = time.monotonic() + 60
    while True:
        found = tickets.lease(worker, seconds)
        if found is not None:
            return found
        assert time.monotonic() < end
        time.sleep(0.02)


def test_from_submission_to_result(tickets: Tickets) -> None:
    id = tickets.submit(b"job \x00\xff", label="a label: ü")
    queued = tickets.get(id)
    assert (queued.state, queued.label, queued.job) == (QUEUED, "a label: ü", b"job \x00\xff")
    leased = lease(tickets, "worker one")
    assert (leased.id, leased.state, leased.worker, leased.attempts) == (id, RUNNING, "worker one", 1)
    assert leased.job == queued.job and tickets.get(id).state == RUNNING
    assert tickets.lease("other", 30) is None
    tickets.extend(leased, 60)
    assert tickets.get(id).lease_ms > leased.lease_ms
    tickets.finish(leased, DONE, b"value \x00")
    done = tickets.get(id)
    assert (done.state, done.result, done.ended) == (DONE, b"value \x00", True)
    assert done.submitted_ms <= (done.started_ms or 0) <= (done.ended_ms or 0)
    assert tickets.lease("w", 30) is None


def test_a_ticket_has_one_result(tickets: Tickets) -> None:
    id = tickets.submit(b"job")
    leased = lease(tickets)
    tickets.finish(leased, DONE, b"first")
    for again in (lambda: tickets.finish(leased, FAILED, b"second"), lambda: tickets.extend(leased, 30)):
        with pytest.raises(StaleLease):
            again()
    assert tickets.get(id).result == b"first"


def test_a_worker_that_lost_its_lease_is_not_believed(tickets: Tickets) -> None:
    id = tickets.submit(b"job")
    slow = lease(tickets, "slow", 0.05)
    time.sleep(0.1)
    fast = lease(tickets, "fast", 30)
    assert (fast.id, fast.attempts) == (id, 2) and fast.fence > slow.fence
    with pytest.raises(StaleLease):
        tickets.extend(slow, 30)
    with pytest.raises(StaleLease):
        tickets.finish(slow, DONE, b"of the slow one")
    tickets.finish(fast, DONE, b"of the fast one")
    assert tickets.get(id).result == b"of the fast one"


def test_a_late_worker_is_believed_while_nobody_else_has_it(tickets: Tickets) -> None:
    id = tickets.submit(b"job")
    late = lease(tickets, "late", 0.05)
    time.sleep(0.1)
    tickets.finish(late, DONE, b"late")
    assert tickets.get(id).result == b"late" and tickets.lease("w", 30) is None


def test_a_ticket_that_is_given_back_is_free_at_once(tickets: Tickets) -> None:
    """Also within the same millisecond."""
    tickets.submit(b"job")
    for attempt in range(MOST_ATTEMPTS - 1):
        leased = lease(tickets)
        assert leased.attempts == attempt + 1
        tickets.extend(leased, 0)


def test_a_lease_ends_when_its_time_is_over(tmp_path: Path) -> None:
    now = [1000]
    tickets = SqliteTickets(tmp_path / "t.sqlite", clock_ms=lambda: now[0])
    tickets.submit(b"job")
    assert lease(tickets, seconds=0.5).lease_ms == 1500
    now[0] = 1499
    assert tickets.lease("w", 30) is None
    now[0] = 1500
    assert lease(tickets, seconds=0).attempts == 2
    assert lease(tickets, seconds=0).attempts == 3
    tickets.close()


def test_several_threads_are_the_first(nats_url: str, unhurried: None) -> None:
    """One connection is made, and none is left behind."""
    place = open_tickets(nats_url, Path("unused"))
    made: list[object] = []
    connect = place._connect  # type: ignore[attr-defined]

    async def counted() -> None:
        made.append(None)
        await connect()

    place._connect = counted  # type: ignore[attr-defined]
    threads = [threading.Thread(target=place.submit, args=(b"job",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 1 and len(place.find()) == 8
    place.close()


def test_a_ticket_that_kills_its_workers_fails(tickets: Tickets) -> None:
    id = tickets.submit(b"job")
    for attempt in range(MOST_ATTEMPTS):
        assert lease(tickets, seconds=0.03).attempts == attempt + 1
        time.sleep(0.05)
    end = time.monotonic() + 60
    while tickets.get(id).state == RUNNING and time.monotonic() < end:
        assert tickets.lease("w", 30) is None
    assert (tickets.get(id).state, tickets.get(id).result) == (FAILED, LOST)


def test_what_is_cancelled_stays_so(tickets: Tickets) -> None:
    waiting, running, ended = (tickets.submit(b"%d" % i) for i in range(3))
    assert tickets.cancel(waiting).state == CANCELLED
    leased = {ticket.id: ticket for ticket in (lease(tickets), lease(tickets))}
    assert set(leased) == {running, ended}
    tickets.finish(leased[ended], DONE, b"x")
    assert tickets.cancel(running).state == CANCELLED
    assert tickets.cancel(ended).state == DONE
    with pytest.raises(StaleLease):
        tickets.finish(leased[running], DONE, b"too late")
    assert tickets.cancel(running).result is None
    assert tickets.lease("w", 30) is None


def test_who_submits_again_with_the_same_key_gets_the_same_ticket(tickets: Tickets) -> None:
    first = tickets.submit(b"job", key="order 7")
    assert tickets.submit(b"job", key="order 7") == first != tickets.submit(b"job", key="order 8")
    for _ in range(2):
        tickets.finish(lease(tickets), DONE, b"x")
    assert tickets.submit(b"job", key="order 7") == first
    assert tickets.get(first).state == DONE and tickets.lease("w", 30) is None


def test_they_are_listed_newest_first(tickets: Tickets) -> None:
    assert tickets.find() == []
    ids = []
    for i in range(5):
        ids.append(tickets.submit(b"%d" % i))
        time.sleep(0.002)
    tickets.cancel(ids[1])
    assert [ticket.id for ticket in tickets.find()] == ids[::-1]
    assert [ticket.id for ticket in tickets.find([QUEUED], 2)] == [ids[4], ids[3]]
    assert [ticket.id for ticket in tickets.find([CANCELLED])] == [ids[1]]


def test_old_ones_are_forgotten(tickets: Tickets) -> None:
    ended, waiting = tickets.submit(b"a"), tickets.submit(b"b")
    tickets.cancel(ended)
    assert tickets.forget(0) == 0
    assert tickets.forget(int(time.time() * 1000) + 60_000) == 1
    assert [ticket.id for ticket in tickets.find()] == [waiting]
    with pytest.raises(UnknownTicket):
        tickets.get(ended)
    assert lease(tickets).id == waiting


def test_what_there_is_not(tickets: Tickets) -> None:
    for id in ("0" * 32, "no such", "", "a b*>"):
        with pytest.raises(UnknownTicket):
            tickets.get(id)
        with pytest.raises(UnknownTicket):
            tickets.cancel(id)


def test_what_is_too_large_is_refused(tickets: Tickets) -> None:
    with pytest.raises(TooLarge, match="limit"):
        tickets.submit(bytes((16 << 20) + 1))
    tickets.submit(bytes(200_000))
    leased = lease(tickets)
    with pytest.raises(TooLarge, match="limit"):
        tickets.finish(leased, DONE, bytes((16 << 20) + 1))
    tickets.finish(leased, DONE, bytes(200_000))


def test_many_workers_share_the_work(tickets: Tickets, address: str) -> None:
    """Of 60 tickets each is run once."""
    ids = [tickets.submit(b"%d" % i) for i in range(60)]
    ran: list[str] = []

    def work(name: str) -> None:
        own = open_tickets(address, Path("unused"))
        while tickets.find([QUEUED, RUNNING], 1):
            ticket = own.lease(name, 30)
            if ticket is not None:
                ran.append(ticket.id)
                own.finish(ticket, DONE, ticket.job)
        own.close()

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(ran) == Counter(ids)
    assert [tickets.get(id).result for id in ids] == [b"%d" % i for i in range(60)]


def test_two_that_finish_at_once(tickets: Tickets, address: str) -> None:
    """The slow one loses, in whatever order they come."""
    for _ in range(5):
        id = tickets.submit(b"job")
        slow = lease(tickets, "slow", 0.02)
        time.sleep(0.03)
        fast = lease(tickets, "fast", 30)
        other = open_tickets(address, Path("unused"))
        outcomes: dict[str, Any] = {}

        def finish(place: Tickets, ticket: Ticket, outcomes: dict[str, Any] = outcomes) -> None:
            try:
                place.finish(ticket, DONE, ticket.worker.encode())
                outcomes[ticket.worker] = "taken"
            except StaleLease:
                outcomes[ticket.worker] = "stale"

        threads = [threading.Thread(target=finish, args=pair) for pair in ((other, slow), (tickets, fast))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        other.close()
        assert outcomes == {"slow": "stale", "fast": "taken"} and tickets.get(id).result == b"fast"


def test_places_that_are_none(tmp_path: Path) -> None:
    none = ("ftp://x", "redis://", "nats://", "nats://h:99999", "redis://h:x", "nats://[::1", "redis://h/x")
    wrong = ("redis://127.0.0.1:1/0?prefix=a b", "redis://127.0.0.1/0?x=1", "nats://h?x=1")
    for address in (*none, *wrong):
        with pytest.raises(TicketsUnavailable):
            open_tickets(address, tmp_path / "t")
    with pytest.raises(TicketsUnavailable, match="offline"):
        open_tickets("redis://127.0.0.1:1/0", tmp_path / "t", offline=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a database" * 100)
    for path in ("folder", "text"):
        with pytest.raises(TicketsUnavailable):
            open_tickets(tmp_path / path, tmp_path / "t").submit(b"x")


def test_servers_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.tickets.nats.TIMEOUT_S", 0.5)
    for address in ("redis://127.0.0.1:1/0", "nats://127.0.0.1:1"):
        with pytest.raises(TicketsUnavailable):
            open_tickets(address, tmp_path / "t").submit(b"x")


@pytest.mark.usefixtures("unhurried")
def test_what_redis_has_thrown_away_stops_nobody(redis_url: str) -> None:
    """A Redis with a memory limit and another policy than ``noeviction``."""
    tickets = open_tickets(redis_url, Path("unused"))
    ids = []
    for i in range(3):
        ids.append(tickets.submit(b"%d" % i))
        time.sleep(0.002)
    queued, running, kept = ids
    client = tickets._client  # type: ignore[attr-defined]

    def lose(id: str) -> None:
        [key] = [key for key in client.keys("*") if id.encode() in key]
        client.delete(key)

    lose(queued)
    leased = lease(tickets, seconds=0.01)
    assert leased.id == running
    lose(running)
    time.sleep(0.05)
    assert lease(tickets).id == kept
    assert tickets.lease("w", 30) is None and [ticket.id for ticket in tickets.find()] == [kept]
    with pytest.raises(StaleLease):
        tickets.finish(leased, DONE, b"x")
    tickets.close()


@pytest.mark.usefixtures("unhurried")
def test_what_is_no_ticket_stops_no_worker(nats_url: str) -> None:
    tickets = open_tickets(nats_url, Path("unused"))
    good = tickets.submit(b"good")
    strange = "0" * 32
    for data in (b"strange", b"{}", b"[]", b"\xff"):
        tickets._ask(tickets._js.publish(f"{tickets._stream}.{strange}", data))  # type: ignore[attr-defined]
    tickets._ask(tickets._kv.put(strange, b"strange"))  # type: ignore[attr-defined]
    assert lease(tickets).id == good
    assert [ticket.id for ticket in tickets.find()] == [good]
    with pytest.raises(TicketsUnavailable, match="under a ticket's name"):
        tickets.get(strange)
    for _ in range(20):
        assert tickets.lease("w", 30) is None
    tickets.close()
