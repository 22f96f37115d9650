"""Tickets, and the one protocol of the places that keep them.

A ticket is ``queued``, ``running``, then ``done``, ``failed`` or ``cancelled``, which it stays. A worker has
a *lease* on a ticket that it runs. One that stops to renew its lease is taken for dead, and another one runs
the ticket again. Each lease has a *fence*, a number that is higher than all before it: a place takes the
result of the highest one alone, and once. So a worker that only seemed dead does no harm, and a ticket has
one result, whoever died when. What a ticket's program does outside may happen twice, if a worker dies after
it: capabilities that must not be called twice need a key of their own, for which the ticket's id is there.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

QUEUED, RUNNING, DONE, FAILED, CANCELLED = STATES = ("queued", "running", "done", "failed", "cancelled")
ENDED: Final = (DONE, FAILED, CANCELLED)
MOST_ATTEMPTS: Final = 5
"""How many workers may die of one ticket before it has failed."""
MOST_BYTES: Final = 16 << 20
"""Of a job or a result."""
UNREACHABLE: Final = "does it run there? --tickets, else RTFSC_TICKETS, says where the tickets are"
"""A hint."""
LOST: Final = b'{"error":"WorkerLost","message":"the workers that ran it died"}'
"""The result of a ticket that too many workers died of."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """``label``: for people; ``job``: what to do; ``result``: of one that is done or failed. Times are in
    milliseconds since 1970. ``attempts``: how many leases there were; ``fence``: that of the last one."""

    id: str
    state: str
    label: str
    job: bytes
    submitted_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    attempts: int = 0
    fence: int = 0
    worker: str = ""
    lease_ms: int = 0
    result: bytes | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def leased(self, worker: str, now_ms: int, seconds: float) -> Ticket:
        """As the worker gets it, until ``lease_ms``, which is not part of it."""
        return replace(
            self, state=RUNNING, started_ms=now_ms, attempts=self.attempts + 1, fence=self.fence + 1,
            worker=worker, lease_ms=now_ms + int(seconds * 1000),
        )  # fmt: skip

    def closed(self, state: str, result: bytes | None, now_ms: int) -> Ticket:
        return replace(self, state=state, result=result, ended_ms=now_ms)


class TicketError(Exception):
    """What can go wrong with tickets."""

    code = "TK000"
    exit_code = 5

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class UnknownTicket(TicketError):
    """There is no ticket of this id."""

    code = "TK001"
    exit_code = 2


class StaleLease(TicketError):
    """The ticket was cancelled, has a result, or another worker has it by now: what this one did is void."""

    code = "TK002"


class TicketsUnavailable(TicketError):
    """The place that keeps the tickets cannot be reached, or does not take what it was given."""

    code = "TK003"


class Foreign(TicketsUnavailable):
    """What is kept under a ticket's name is no ticket."""


class TooLarge(TicketError):
    """More bytes than the place takes."""

    code = "TK005"


class Tickets(Protocol):
    """Every method raises `TicketsUnavailable`, and `TooLarge` for what it is given; what was returned from
    is there whatever happens then. From several threads and processes."""

    def submit(self, job: bytes, *, label: str = "", key: str | None = None) -> str:
        """The id of a new ticket. With a ``key``: of the one that was submitted with it before, if there is
        one, so that whoever does not know whether it got through may submit again."""

    def get(self, id: str) -> Ticket:
        """Raises `UnknownTicket`."""

    def find(self, states: Iterable[str] = STATES, most: int = 100) -> list[Ticket]:
        """The newest first."""

    def cancel(self, id: str) -> Ticket:
        """The ticket as it is then: cancelled, unless it had ended before. Raises `UnknownTicket`."""

    def lease(self, worker: str, seconds: float) -> Ticket | None:
        """The oldest one that waits, or whose worker let its lease run out; None if there is none."""

    def extend(self, ticket: Ticket, seconds: float) -> None:
        """Raises `StaleLease`."""

    def finish(self, ticket: Ticket, state: str, result: bytes) -> None:
        """The result, once. Raises `StaleLease`; then it was not taken."""

    def forget(self, before_ms: int) -> int:
        """Takes away tickets that ended before then; returns how many."""

    def close(self) -> None: ...


def new_id(key: str | None) -> str:
    """32 hex digits, that of a key always the same. New ones are in the order of time."""
    if key is not None:
        return hashlib.sha256(b"ticket\0" + key.encode()).hexdigest()[:32]
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def check_size(what: str, data: bytes, most: int = MOST_BYTES) -> None:
    if len(data) > most:
        raise TooLarge(
            f"{what}: {len(data)} bytes, the limit is {most}",
            hint="publish the program and name it, or hand over a smaller part at a time",
        )


def lost_too_often(ticket: Ticket, now_ms: int) -> bool:
    """Whether its lease ran out for the last time."""
    return ticket.state == RUNNING and ticket.lease_ms <= now_ms and ticket.attempts >= MOST_ATTEMPTS
