"""A runtime that leaves work for others, and does what others have left."""

from __future__ import annotations

import os
import platform
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rtfsc.signature import wrong_arity
from rtfsc.source import SourceFile
from runtime.auditing import purpose
from runtime.obs.events import tell
from runtime.tickets.job import BadCall, BadJob, Job, Outcome, failure
from runtime.tickets.ticket import CANCELLED, STATES, StaleLease, Ticket, Tickets
from runtime.tickets.worker import LEASE_S, Worker, wait
from runtime.values import LimitExceeded, RtfsError

if TYPE_CHECKING:
    from rtfsc.diagnostics import Diagnostic
    from rtfsc.driver import Compilation
    from runtime.engine import Runtime
    from runtime.module import Module

_KEPT = 64


class Cancelled(Exception):
    """The ticket was cancelled, so there is no result."""


class TicketOffice:
    """Tickets of one place, run by one runtime: with its grants and limits, which no ticket can change.

    >>> office = runtime.tickets()
    >>> ticket = office.submit("(defn twice [n] (* 2 n))", "twice", [21])
    >>> office.work(drain=True)
    1
    >>> office.result(ticket)
    42
    """

    def __init__(self, runtime: Runtime, place: Tickets) -> None:
        self._runtime, self.place = runtime, place
        self._compilations: OrderedDict[tuple[str, str], Compilation] = OrderedDict()

    # -- asking

    def submit(
        self,
        program: str | SourceFile | None,
        function: str | None = None,
        arguments: Sequence[Any] = (),
        *,
        stored: str | None = None,
        key: str | None = None,
        label: str = "",
    ) -> str:
        """The id of a ticket for ``function(*arguments)``, or without a function for the value of the
        program. ``stored``: name or digest of a stored module in place of a ``program``. ``key``: what was
        submitted with the same one before is the same ticket.

        Raises `DiagnosticError` for a program that is refused, `BadCall` for a function that it does not
        export, a wrong number of arguments and arguments with functions in them, `TicketError`.
        """
        if (program is None) == (stored is None):
            raise BadCall("a ticket is for a program, or for a stored module")
        if program is None:
            job = Job(function, tuple(arguments), stored=stored)
        else:
            source = program if isinstance(program, SourceFile) else SourceFile("<ticket>", program)
            self._confirm(source, function, len(arguments))
            job = Job(function, tuple(arguments), source.text, file=source.name)
        id = self.place.submit(job.encode(), label=label or _label(job), key=key)
        tell(self._runtime.emit, "ticket.submitted", ticket=id, function=function)
        return id

    def warnings(self, source: SourceFile) -> list[Diagnostic]:
        """What the compiler has to say of a program that it does not refuse. Raises `DiagnosticError`."""
        compilation = self._compilation(source)
        _ = compilation.ir  # which is where they are found
        return compilation.sink.diagnostics

    def get(self, id: str) -> Ticket:
        """How it stands. Raises `UnknownTicket`."""
        return self.place.get(id)

    def find(self, states: Iterable[str] = STATES, most: int = 100) -> list[Ticket]:
        """The newest first."""
        return self.place.find(states, most)

    def wait(self, id: str, timeout: float | None = None) -> Any:
        """The value, when there is one. Raises the error of the program, `Cancelled`, `TimeoutError`."""
        return taken(wait(self.place, id, timeout))

    def result(self, id: str) -> Any:
        """The value of a ticket that has ended; else like `wait`."""
        return self.wait(id, 0)

    def cancel(self, id: str) -> bool:
        """Whether it is cancelled now; False where it had ended. What runs is stopped within a third of the
        worker's lease, and its result is not taken."""
        ticket = self.place.cancel(id)
        if ticket.state == CANCELLED:
            tell(self._runtime.emit, "ticket.cancelled", ticket=id, function=ticket.label)
        return ticket.state == CANCELLED

    def close(self) -> None:
        self.place.close()

    def __enter__(self) -> TicketOffice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- working

    def worker(self, *, lease_s: float = LEASE_S, stored_only: bool = False, name: str = "") -> Worker:
        """``stored_only``: refuse tickets that bring a program, so that nothing runs that no trusted key has
        signed."""

        def perform(ticket: Ticket) -> tuple[str, bytes]:
            tell(self._runtime.emit, "ticket.started", ticket=ticket.id, function=ticket.label)
            outcome = self._outcome(ticket, stored_only)
            return outcome.state, outcome.encode()

        own = name or f"{platform.node()}/{os.getpid()}"
        return Worker(self.place, perform, own, lease_s=lease_s, told=self._tell)

    def work(self, *, drain: bool = True, lease_s: float = LEASE_S, stored_only: bool = False) -> int:
        """Runs tickets in this thread: all that wait, or without ``drain`` for ever. Returns how many."""
        return self.worker(lease_s=lease_s, stored_only=stored_only).run(drain=drain)

    def _outcome(self, ticket: Ticket, stored_only: bool) -> Outcome:
        from rtfsc.diagnostics import DiagnosticError
        from runtime.store.agreement import release
        from runtime.store.errors import StoreError
        from runtime.trust.errors import TrustError
        from runtime.wasm.errors import ModuleRejected

        try:
            job = Job.decode(ticket.job)
            if stored_only and job.source is not None:
                return failure("SecurityViolation", "this worker runs stored modules only")
            with purpose(f"ticket {ticket.id}"), closing(self._module(job)) as module:
                value = self._value(module, job)
                try:
                    outcome = Outcome(value)
                    outcome.encode()
                finally:
                    release(value)
                return outcome
        except RtfsError as error:
            return Outcome(None, error)
        except DiagnosticError as error:
            return failure("HostError", f"the program is refused: {error}")
        except (BadJob, TrustError, StoreError, ModuleRejected, OSError) as error:
            return failure("HostError", f"the ticket cannot be run: {error}")
        except StaleLease:  # how a ticket that was cancelled is stopped
            raise
        except Exception as error:  # a fault of ours: the ticket ends, not one worker after the other
            return failure("HostError", f"the ticket cannot be run: {type(error).__name__}: {error}")

    def _module(self, job: Job) -> Module:
        if job.stored is not None:
            entry = self._runtime.store.get(job.stored)
            if entry is None:
                raise BadJob(f"no stored module {job.stored}")
            exact = len(job.stored) >= 8 and entry.digest.startswith(job.stored)
            return self._runtime.get(entry, exact=exact)
        assert job.source is not None
        return self._runtime.instantiate(self._compilation(SourceFile(job.file, job.source)))

    def _value(self, module: Module, job: Job) -> Any:
        if job.function is None:
            return module.__rtfs_instance__.run()
        if job.function not in module or not callable(module[job.function]):
            raise BadJob(f"the module exports no function {job.function}")
        try:
            return module[job.function](*job.arguments)
        except (RtfsError, LimitExceeded):
            raise
        except TypeError as error:
            raise BadJob(str(error)) from None

    def _confirm(self, source: SourceFile, function: str | None, arguments: int) -> None:
        """Says now what the worker would say later."""
        exports = {e.name: e for e in self._compilation(source).ir.exports if e.func is not None}
        if function is None:
            if arguments:
                raise BadCall("the program itself takes no arguments")
            return
        if function not in exports:
            known = ", ".join(exports) or "none"
            raise BadCall(f"the program exports no function {function}", hint=f"functions: {known}")
        export = exports[function]
        wrong = wrong_arity(function, len(export.params), export.rest, arguments)
        if wrong is not None:
            raise BadCall(wrong)

    def _compilation(self, source: SourceFile) -> Compilation:
        """The last ones are kept: tickets come in swarms."""
        key = (source.name, source.text)
        found = self._compilations.get(key)
        if found is None:
            found = self._compilations[key] = self._runtime.compilation(source, self._runtime.engine)
            if len(self._compilations) > _KEPT:
                self._compilations.popitem(last=False)
        self._compilations.move_to_end(key)
        return found

    def _tell(self, ticket: Ticket, state: str, seconds: float) -> None:
        name = "ticket.done" if state == "done" else "ticket.failed"
        facts: dict[str, Any] = {"ticket": ticket.id, "function": ticket.label, "seconds": seconds}
        if state != "done":
            error = Outcome.decode(ticket.result).error if ticket.result is not None else None
            facts["error"] = error.kind if error is not None else state
        tell(self._runtime.emit, name, **facts)


def taken(ticket: Ticket) -> Any:
    """What came of a ticket that has ended: the value; raises the error, or `Cancelled`."""
    if ticket.state == CANCELLED:
        raise Cancelled(f"ticket {ticket.id} was cancelled")
    return Outcome.decode(ticket.result or b"").take()


def _label(job: Job) -> str:
    what = job.stored or os.path.basename(job.file)
    return f"{what} {job.function}" if job.function else what
