"""Which tickets an address means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runtime.tickets.ticket import Tickets, TicketsUnavailable

ADDRESS = "RTFSC_TICKETS"
"""The environment variable with the address that is used where none is given."""


def open_tickets(
    address: str | os.PathLike[str] | None, default: Path, *, offline: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Tickets:  # fmt: skip
    """``address``: a file, ``redis[s]://…`` or ``nats://…``; None for what the environment says, else the
    file ``default``. Nothing is opened before it is used. Raises `TicketsUnavailable`."""
    given = os.fspath(address) if address is not None else environ.get(ADDRESS) or os.fspath(default)
    scheme, found, _ = given.partition("://")
    if not found:
        from runtime.tickets.sqlite import SqliteTickets

        return SqliteTickets(Path(given))
    if scheme not in ("redis", "rediss", "nats") or not _is_address(given):
        shown = f"{scheme}://{given.removeprefix(f'{scheme}://').rpartition('@')[2]}"  # without a password
        raise TicketsUnavailable(
            f"no place for tickets: {shown}",
            hint="a file, redis://HOST:PORT/NUMBER?prefix=NAME or nats://HOST:PORT?prefix=NAME",
        )
    if offline:
        raise TicketsUnavailable("offline: no tickets of a team", hint="without --offline")
    if scheme == "nats":
        from runtime.tickets.nats import NatsTickets

        return NatsTickets(given, environ)
    from runtime.tickets.redis import RedisTickets

    return RedisTickets(given, environ)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is none, or an address in brackets
        return False
