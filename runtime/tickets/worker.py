"""Runs tickets, one after the other, each under a lease that a thread renews."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace

from runtime.latch import Latch
from runtime.tickets.ticket import FAILED, StaleLease, Ticket, Tickets, TicketsUnavailable, TooLarge
from runtime.values.interruption import Stoppable, stoppable

LEASE_S = 30.0
_TOO_LARGE = b'{"error":"OutputLimit","message":"%s"}'
_PATIENCE_S = 5.0
_IDLE_S = (0.01, 0.5)
current: ContextVar[str | None] = ContextVar("rtfsc_ticket", default=None)
"""The id of the ticket that this thread runs: a key for capabilities that must not act twice."""

Perform = Callable[[Ticket], "tuple[str, bytes]"]
"""Gives the state and the result. What it raises gives the ticket back."""


class Worker:
    """``perform`` runs a ticket. ``told``: of each, with its result, by its state (``stale`` if that was not
    taken) and seconds. ``done``: how many it ran. A place that cannot be reached is asked again for as long
    as it takes."""

    def __init__(
        self,
        tickets: Tickets,
        perform: Perform,
        name: str,
        *,
        lease_s: float = LEASE_S,
        told: Callable[[Ticket, str, float], None] | None = None,
    ) -> None:
        self._tickets, self._perform, self.name, self._lease_s = tickets, perform, name, lease_s
        self._told = told
        self._ended = Latch()
        self.done = 0

    def stop(self) -> None:
        """After the ticket that runs now. May be called by the handler of a signal."""
        self._ended.set()

    def run(self, *, drain: bool = False, most: int | None = None) -> int:
        """Until it is stopped; ``drain``: until nothing waits; ``most``: so many. Returns how many it ran."""
        before, pause = self.done, _IDLE_S[0]
        while not self._ended.is_set() and (most is None or self.done - before < most):
            try:
                ticket = self._tickets.lease(self.name, self._lease_s)
            except TicketsUnavailable:
                if drain:
                    raise
                ticket = None
            if ticket is not None:
                self.take(ticket)
                pause = _IDLE_S[0]
                self.done += 1
            elif drain:
                break
            else:
                self._ended.wait(pause)
                pause = min(2 * pause, _IDLE_S[1])
        return self.done - before

    def take(self, ticket: Ticket) -> str:
        """Runs a ticket that is leased; the state that it came to, ``stale`` if it was not this worker's
        any more."""
        started, state = time.perf_counter(), "stale"
        finished = threading.Event()
        with stoppable() as running:
            renewing = threading.Thread(
                target=self._renew, args=(ticket, running, finished), name="rtfsc-lease", daemon=True
            )
            renewing.start()
            token = current.set(ticket.id)
            try:
                with suppress(StaleLease):
                    state, ticket = self._finish(ticket, *self._perform(ticket))
            except BaseException:
                with suppress(StaleLease, TicketsUnavailable):
                    self._tickets.extend(ticket, 0)
                raise
            finally:
                current.reset(token)
                finished.set()
        renewing.join()
        if self._told is not None:
            self._told(ticket, state, time.perf_counter() - started)
        return state

    def _finish(self, ticket: Ticket, state: str, result: bytes) -> tuple[str, Ticket]:
        """Again while the place is away, for as long as the lease may last. The state that was taken, and the
        ticket with its result."""
        end = time.monotonic() + max(self._lease_s, _PATIENCE_S)
        while True:
            try:
                self._tickets.finish(ticket, state, result)
                return state, replace(ticket, state=state, result=result)
            except TooLarge as error:
                state, result = FAILED, _TOO_LARGE % error.message.encode()
            except TicketsUnavailable:
                if time.monotonic() > end:  # somebody else runs it, or will
                    return "stale", ticket
                time.sleep(0.1)

    def _renew(self, ticket: Ticket, running: Stoppable, finished: threading.Event) -> None:
        while not finished.wait(self._lease_s / 3):
            try:
                self._tickets.extend(ticket, self._lease_s)
            except StaleLease as error:
                running.stop(error)
                return
            except TicketsUnavailable:
                continue  # the next time, or the lease runs out


def wait(tickets: Tickets, id: str, timeout: float | None = None) -> Ticket:
    """The ticket when it has ended. Raises `TimeoutError`, `UnknownTicket`, `TicketsUnavailable`."""
    end = None if timeout is None else time.monotonic() + timeout
    pause = 0.005
    while True:
        ticket = tickets.get(id)
        if ticket.ended:
            return ticket
        if end is not None and time.monotonic() >= end:
            raise TimeoutError(f"ticket {id} is {ticket.state} after {timeout:g} s")
        time.sleep(pause if end is None else max(0.0, min(pause, end - time.monotonic())))
        pause = min(1.5 * pause, 0.25)
