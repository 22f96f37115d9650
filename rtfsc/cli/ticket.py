"""``rtfsc ticket``: work that is left for others, or for later."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import Any

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    UsageError,
    add_allow,
    add_audit,
    add_engine,
    add_handling,
    add_level,
    add_limits,
    add_path,
    add_store,
    audit_of,
    granted,
    handling_of,
    limits_of,
    positive,
    print_json,
    read_source,
)
from rtfsc.cli.delegating import add_delegation, delegation_of, environment_of
from rtfsc.cli.failures import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, help: str, *, json: bool = True) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help)
        action.add_argument(
            "--tickets",
            metavar="PLACE",
            help="a file, redis://HOST:PORT/0 or nats://HOST:PORT (default: RTFSC_TICKETS, else a file in the"
            " user's home)",
        )
        if json:
            action.add_argument("--json", action="store_true", help="as JSON")
        return action

    submit = add("submit", "leave a call; prints the id of its ticket")
    submit.add_argument(
        "module", help="a source file ('-': standard input), or with --stored the name of a module"
    )
    submit.add_argument("function", nargs="?", help="an exported function; without one the program itself")
    submit.add_argument("arguments", nargs="*", default=[], help="its arguments, each as RTFS text")
    submit.add_argument("--stored", action="store_true", help="a module of the worker's store, by name")
    submit.add_argument("--key", help="the same ticket for all who submit with this key")
    submit.add_argument("--label", default="", help="what 'ticket ls' shows")
    add_path(submit)
    for name, help in (
        ("poll", "how a ticket stands"),
        ("wait", "the value of a ticket, when it is there"),
        ("cancel", "cancel a ticket that has not ended"),
    ):
        action = add(name, help)
        action.add_argument("ticket", help="its id")
        if name == "wait":
            action.add_argument("--timeout", type=positive, metavar="S", help="seconds; default: for ever")
    listing = add("ls", "tickets, the newest first")
    listing.add_argument(
        "--state", action="append", choices=["queued", "running", "done", "failed", "cancelled"]
    )
    listing.add_argument("--most", type=positive, default=100, metavar="N", help="default 100")
    work = add("work", "run tickets, until Ctrl-C", json=False)
    work.add_argument("--drain", action="store_true", help="only those that wait now")
    work.add_argument("--most", type=positive, metavar="N", help="only so many")
    work.add_argument(
        "--lease",
        type=positive,
        default=30,
        metavar="S",
        help="seconds until a dead worker is replaced",
    )
    work.add_argument("--stored-only", action="store_true", help="refuse tickets that bring a program")
    for options in (
        add_engine,
        add_level,
        add_limits,
        add_path,
        add_allow,
        add_handling,
        add_audit,
        add_store,
        add_delegation,
    ):
        options(work)


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    if options.action == "work":
        return _work(options)
    with Runtime(path=getattr(options, "path", ())) as runtime, runtime.tickets(options.tickets) as office:
        return _ACTIONS[options.action](office, options)


def _submit(office: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.run import read_arguments

    arguments = read_arguments(options.arguments)
    given = {"key": options.key, "label": options.label}
    if options.stored:
        id = office.submit(None, options.function, arguments, stored=options.module, **given)
    else:
        source = read_source(options.module)
        warnings = office.warnings(source)
        if warnings:
            show(warnings, source, options.output_format)
        id = office.submit(source, options.function, arguments, **given)
    if options.json:
        print_json({"ticket": id})
    else:
        print(id)
    return OK


def _poll(office: Any, options: argparse.Namespace) -> int:
    ticket = office.get(options.ticket)
    if options.json:
        print_json(_facts(ticket))
    else:
        print(ticket.state)
    return OK


def _wait(office: Any, options: argparse.Namespace) -> int:
    from runtime.printing import printed
    from runtime.ticketing import Cancelled, taken
    from runtime.tickets.worker import wait

    try:
        ticket = wait(office.place, options.ticket, options.timeout)
        if options.json:
            print_json(_facts(ticket))
            return OK if ticket.state == "done" else PROGRAM_ERROR
        print(printed(taken(ticket)))
    except (TimeoutError, Cancelled) as error:
        print(f"rtfsc: {error}", file=sys.stderr)
        return PROGRAM_ERROR
    return OK


def _cancel(office: Any, options: argparse.Namespace) -> int:
    done = office.cancel(options.ticket)
    if options.json:
        print_json(_facts(office.get(options.ticket)))
    else:
        print("cancelled" if done else f"it had ended before: {office.get(options.ticket).state}")
    return OK if done else PROGRAM_ERROR


def _ls(office: Any, options: argparse.Namespace) -> int:
    from runtime.tickets.ticket import STATES

    found = office.find(options.state or STATES, options.most)
    if options.json:
        print_json([_facts(ticket) for ticket in found])
        return OK
    if not found:
        print("no tickets")
    for ticket in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ticket.submitted_ms // 1000))
        tries = f"  attempt {ticket.attempts}" if ticket.attempts > 1 else ""
        print(f"{ticket.id}  {when}  {ticket.state:<9}  {ticket.label}{tries}")
    return OK


def _facts(ticket: Any) -> dict[str, Any]:
    from runtime.printing import printed
    from runtime.tickets.job import Outcome

    found: dict[str, Any] = {
        "ticket": ticket.id, "state": ticket.state, "label": ticket.label, "attempts": ticket.attempts,
        "worker": ticket.worker or None, "submitted_ms": ticket.submitted_ms,
        "started_ms": ticket.started_ms, "ended_ms": ticket.ended_ms,
    }  # fmt: skip
    if ticket.result is not None:
        outcome = Outcome.decode(ticket.result)
        if outcome.error is None:
            found["value"] = printed(outcome.value)
        else:
            found |= {"error": outcome.error.kind, "message": outcome.error.message}
    return found


_ACTIONS = {"submit": _submit, "poll": _poll, "wait": _wait, "cancel": _cancel, "ls": _ls}


def _work(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    if options.stored_only and options.engine != "wasm":
        raise UsageError("stored modules are WebAssembly: --stored-only does not go with the evaluator")

    with (
        delegation_of(options) as delegating,
        Runtime(
            store=options.store or True,
            limits=limits_of(options),
            engine=options.engine,
            level=options.level,
            path=options.path,
            grant=granted(options),
            audit=audit_of(options),
            handling=handling_of(options),
            delegation=delegating,
            environment=environment_of(options),
        ) as runtime,
        runtime.tickets(options.tickets) as office,
    ):
        worker = office.worker(lease_s=options.lease, stored_only=options.stored_only)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        try:
            worker.run(drain=options.drain, most=options.most)
        except KeyboardInterrupt:  # which is how a worker without an end is ended
            if options.drain or options.most:
                raise
        finally:
            print(f"{worker.done} ticket{'' if worker.done == 1 else 's'}", file=sys.stderr)
    return OK
