"""Tickets on NATS JetStream (`rtfsc[nats]`), for a team.

Two streams: a key-value bucket has what is known of each ticket, and each change compares its revision, so
that of two one wins; a work queue has a message per ticket, which is what wakes a worker. The message carries
the job and is published first: whoever dies between the two leaves a ticket, not half of one. A message that
comes twice finds a ticket that is taken or has ended. Leases are by the clocks of the workers, which a team
keeps within a second or so; a wrong one costs an attempt, never a second result.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import threading
import time
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from runtime.tickets.ticket import (
    CANCELLED,
    FAILED,
    LOST,
    QUEUED,
    RUNNING,
    STATES,
    UNREACHABLE,
    Foreign,
    StaleLease,
    Ticket,
    TicketsUnavailable,
    UnknownTicket,
    check_size,
    lost_too_often,
    new_id,
)

T = TypeVar("T")
PASSWORD = "RTFSC_NATS_TOKEN"
"""The environment variable with the token, for addresses without a user."""
TIMEOUT_S = 5.0
MOST_BYTES = 350_000
"""Of a job or a result: both are in one message, and a server takes a megabyte by default."""
_ACK_WAIT_S = 1.0
_BATCH = 500
_PREFIX = re.compile(r"[\w-]{1,64}")
_ID = re.compile(r"[0-9a-f]{32}")


class NatsTickets:
    """``address``: ``nats://[USER:PASSWORD@]HOST:PORT?prefix=…``. The connection lives in a thread of its
    own, from the first use until `close`."""

    def __init__(self, address: str, environ: Mapping[str, str] = os.environ) -> None:
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        prefix = query.pop("prefix", "rtfsc")
        if query or not _PREFIX.fullmatch(prefix):
            raise TicketsUnavailable(
                f"no address of tickets: nats://{parts.hostname}", hint="nats://HOST:PORT?prefix=NAME"
            )
        try:
            import nats  # noqa: F401
        except ImportError:
            raise TicketsUnavailable(
                "tickets on NATS need the package nats-py", hint="pip install 'rtfsc[nats]'"
            ) from None
        self._url = urlunsplit(parts._replace(query="", path=""))
        self._token = None if parts.username else environ.get(PASSWORD)
        self._name = f"{parts.hostname}:{parts.port or 4222}"
        self._bucket, self._stream = f"{prefix}-tickets", f"{prefix}-work"
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._owner = 0
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._messages: dict[tuple[str, int], Any] = {}

    def submit(self, job: bytes, *, label: str = "", key: str | None = None) -> str:
        check_size("job", job, MOST_BYTES)
        ticket = Ticket(new_id(key), QUEUED, label, job, _now())
        self._ask(self._submit(ticket))
        return ticket.id

    def get(self, id: str) -> Ticket:
        found = self._ask(self._read(id))
        if found is None:
            raise UnknownTicket(f"no ticket {id}")
        return found[0]

    def find(self, states: Iterable[str] = STATES, most: int = 100) -> list[Ticket]:
        wanted = frozenset(states)
        found = [ticket for ticket in self._ask(self._every()) if ticket.state in wanted]
        return sorted(found, key=lambda t: (t.submitted_ms, t.id), reverse=True)[:most]

    def cancel(self, id: str) -> Ticket:
        return self._ask(self._cancel(id))

    def lease(self, worker: str, seconds: float) -> Ticket | None:
        return self._ask(self._lease(worker, seconds))

    def extend(self, ticket: Ticket, seconds: float) -> None:
        self._ask(self._extend(ticket, seconds))

    def finish(self, ticket: Ticket, state: str, result: bytes) -> None:
        check_size("result", result, MOST_BYTES)
        self._ask(self._finish(ticket, state, result))

    def forget(self, before_ms: int) -> int:
        return self._ask(self._forget(before_ms))

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None or self._owner != os.getpid():
                return
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # whatever the server is at: nothing is asked of it any more
                asyncio.run_coroutine_threadsafe(client.close(), loop).result(TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        assert self._thread is not None
        self._thread.join(TIMEOUT_S)
        if not self._thread.is_alive():
            loop.close()

    # -- the thread with the connection

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        import nats.errors

        async def bounded() -> T:
            try:
                async with self._connecting:  # several threads may be the first
                    if self._client is None:
                        await self._connect()
            except BaseException:
                work.close()
                raise
            return await work

        future = asyncio.run_coroutine_threadsafe(bounded(), self._running())
        try:
            return future.result(TIMEOUT_S * 6)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            said, hint = _told(error)
            raise TicketsUnavailable(f"tickets on nats://{self._name}: {said}", hint=hint) from error
        finally:
            future.cancel()  # nobody waits for it any more

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._owner != os.getpid():
                self._loop, self._owner, self._client = asyncio.new_event_loop(), os.getpid(), None
                self._messages, self._connecting = {}, asyncio.Lock()
                self._thread = threading.Thread(target=self._loop.run_forever, name="rtfsc-nats", daemon=True)
                self._thread.start()
            return self._loop

    async def _connect(self) -> None:
        import nats

        said: list[Exception] = []

        async def quiet(error: Exception) -> None:
            """What a call cannot do it says itself; while it connects, nobody else says why it does not."""
            said[:] = [error]

        options: dict[str, Any] = {"token": self._token} if self._token else {}
        connecting = nats.connect(
            self._url, connect_timeout=TIMEOUT_S, max_reconnect_attempts=-1, reconnect_time_wait=0.1,
            error_cb=quiet, **options,
        )  # fmt: skip
        try:
            client = await asyncio.wait_for(connecting, TIMEOUT_S)
        except TimeoutError:
            raise (said or [TimeoutError()])[0] from None
        try:
            await self._open(client)
        except BaseException:
            with suppress(Exception):
                await client.close()
            raise
        self._client = client

    async def _open(self, client: Any) -> None:
        """The bucket and the queue, which are made where there are none."""
        from nats.js.api import (
            AckPolicy,
            ConsumerConfig,
            KeyValueConfig,
            RetentionPolicy,
            StorageType,
            StreamConfig,
        )
        from nats.js.errors import APIError, BadRequestError

        js = client.jetstream(timeout=TIMEOUT_S)
        try:
            self._kv = await js.create_key_value(
                KeyValueConfig(self._bucket, history=1, storage=StorageType.FILE)
            )
        except (BadRequestError, APIError):
            self._kv = await js.key_value(self._bucket)
        await js.add_stream(
            StreamConfig(
                self._stream, subjects=[f"{self._stream}.>"], retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE, duplicate_window=120,
            )
        )  # fmt: skip
        self._queue = await js.pull_subscribe(
            f"{self._stream}.>", durable="workers",
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=_ACK_WAIT_S, max_deliver=-1,
                                  max_ack_pending=100_000),
        )  # fmt: skip
        self._js = js

    # -- what is asked

    async def _submit(self, ticket: Ticket) -> None:
        found = await self._read(ticket.id)
        if found is not None:
            if found[0].ended or found[0].state == RUNNING:
                return
            ticket = found[0]
        await self._js.publish(
            f"{self._stream}.{ticket.id}", _encode(ticket), headers={"Nats-Msg-Id": ticket.id}
        )
        if found is None:
            await self._create(ticket)

    async def _create(self, ticket: Ticket) -> bool:
        """False where the ticket is known already."""
        return await self._changed(self._kv.create(ticket.id, _encode(ticket)))

    async def _update(self, ticket: Ticket, revision: int) -> bool:
        """False where somebody else was faster."""
        return await self._changed(self._kv.update(ticket.id, _encode(ticket), last=revision))

    async def _changed(self, change: Awaitable[Any]) -> bool:
        from nats.js.errors import KeyWrongLastSequenceError

        try:
            await change
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _read(self, id: str) -> tuple[Ticket, int] | None:
        from nats.js.errors import KeyNotFoundError

        if not _ID.fullmatch(id):
            return None
        try:
            entry = await self._kv.get(id)
        except KeyNotFoundError:  # also of one that was forgotten
            return None
        return _decode(entry.value or b""), entry.revision or 0

    async def _every(self) -> list[Ticket]:
        """The last message of each key, in batches: to ask for one after the other takes too long, and a
        watch of the bucket may wait for ever where keys change meanwhile."""
        import nats.errors
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        reader = await self._js.pull_subscribe(
            f"$KV.{self._bucket}.>", stream=f"KV_{self._bucket}",
            config=ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, ack_policy=AckPolicy.NONE,
                                  inactive_threshold=30),
        )  # fmt: skip
        found: dict[str, Ticket] = {}
        try:
            left = (await reader.consumer_info()).num_pending or 0
            while left:
                try:
                    messages = await reader.fetch(_BATCH, timeout=1)
                except nats.errors.TimeoutError:  # what was left has been replaced, or the server is slow
                    left = (await reader.consumer_info()).num_pending or 0
                    continue
                for message in messages:
                    if "KV-Operation" in (message.headers or {}):  # it was forgotten
                        continue
                    with suppress(Foreign):
                        ticket = _decode(message.data)
                        found[ticket.id] = ticket
                left = messages[-1].metadata.num_pending or 0
        finally:
            await reader.unsubscribe()
        return list(found.values())

    async def _cancel(self, id: str) -> Ticket:
        while True:
            found = await self._read(id)
            if found is None:
                raise UnknownTicket(f"no ticket {id}")
            ticket, revision = found
            if ticket.ended:
                return ticket
            closed = ticket.closed(CANCELLED, None, _now())
            if await self._update(closed, revision):
                await self._unqueue(id)
                return closed

    async def _lease(self, worker: str, seconds: float) -> Ticket | None:
        import nats.errors

        while True:
            try:
                (message,) = await self._queue.fetch(1, timeout=0.25)
            except (TimeoutError, nats.errors.TimeoutError):
                if (await self._queue.consumer_info()).num_pending:
                    continue  # it is slow, not empty
                return None
            leased = await self._taken(message, worker, seconds)
            if leased is not None:
                self._messages[leased.id, leased.fence] = message
                return leased

    async def _taken(self, message: Any, worker: str, seconds: float) -> Ticket | None:
        """The ticket of the message, if this worker may have it."""
        try:
            sent = _decode(message.data)
            found = await self._read(sent.id)
        except Foreign:  # it would come again and again, to every worker
            await message.term()
            return None
        if found is None and not await self._create(sent):
            found = await self._read(sent.id)
        if found is None:
            found = await self._read(sent.id)
        if found is None:  # created and forgotten meanwhile
            await message.ack()
            return None
        ticket, revision = found
        now = _now()
        if lost_too_often(ticket, now) and await self._update(ticket.closed(FAILED, LOST, now), revision):
            await message.ack()
            return None
        if ticket.ended:
            await message.ack()
            return None
        if ticket.state == RUNNING and ticket.lease_ms > now:
            await message.nak(delay=(ticket.lease_ms - now) / 1000 + 0.01)
            return None
        leased = ticket.leased(worker, now, seconds)
        if await self._update(leased, revision):
            return leased
        await message.nak(delay=0.05)
        return None

    async def _held(self, ticket: Ticket) -> tuple[Ticket, int]:
        found = await self._read(ticket.id)
        if found is None or (found[0].state, found[0].fence) != (RUNNING, ticket.fence):
            self._messages.pop((ticket.id, ticket.fence), None)
            raise StaleLease(f"ticket {ticket.id} is no longer this worker's")
        return found

    async def _extend(self, ticket: Ticket, seconds: float) -> None:
        from dataclasses import replace

        given_back = seconds <= 0
        while True:
            current, revision = await self._held(ticket)
            message = self._messages.get((ticket.id, ticket.fence))
            if message is not None and not given_back:
                await message.in_progress()
            if await self._update(replace(current, lease_ms=_now() + int(seconds * 1000)), revision):
                break
        if message is not None and given_back:  # the next one need not wait until it is taken for lost
            del self._messages[ticket.id, ticket.fence]
            await message.nak()

    async def _finish(self, ticket: Ticket, state: str, result: bytes) -> None:
        while True:
            current, revision = await self._held(ticket)
            if await self._update(current.closed(state, result, _now()), revision):
                break
        message = self._messages.pop((ticket.id, ticket.fence), None)
        if message is not None:
            await message.ack()

    async def _unqueue(self, id: str) -> None:
        """Takes its message away, if it is still there."""
        from nats.js.errors import NotFoundError

        with suppress(NotFoundError):
            found = await self._js.get_last_msg(self._stream, f"{self._stream}.{id}")
            await self._js.delete_msg(self._stream, found.seq or 0)

    async def _forget(self, before_ms: int) -> int:
        gone = 0
        for ticket in await self._every():
            if ticket.ended and (ticket.ended_ms or 0) < before_ms:
                await self._unqueue(ticket.id)  # first: a message makes a ticket
                await self._kv.purge(ticket.id)
                gone += 1
        return gone


def _told(error: Exception) -> tuple[str, str]:
    """What is wrong with the server, and what may help."""
    from nats.js.errors import ServiceUnavailableError

    if isinstance(error, ServiceUnavailableError):
        return "the server has no JetStream", "start it with 'nats-server --jetstream'"
    if "authorization" in str(error).lower():
        return "the server refuses who asks", f"the token is taken from {PASSWORD}"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno), UNREACHABLE  # its own text has the address once more
    if isinstance(error, TimeoutError) or "timeout" in str(error):
        return f"no answer within {TIMEOUT_S:g} s", UNREACHABLE
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return said.removeprefix("nats: ").strip("'"), UNREACHABLE


def _now() -> int:
    return time.time_ns() // 1_000_000


def _encode(ticket: Ticket) -> bytes:
    fields = asdict(ticket)
    for name in ("job", "result"):
        if fields[name] is not None:
            fields[name] = base64.b64encode(fields[name]).decode()
    return json.dumps(fields, separators=(",", ":")).encode()


def _decode(data: bytes) -> Ticket:
    """Raises `Foreign`."""
    try:
        fields = json.loads(data)
        for name in ("job", "result"):
            if fields[name] is not None:
                fields[name] = base64.b64decode(fields[name])
        return Ticket(**fields)
    except (ValueError, KeyError, TypeError) as error:
        raise Foreign(f"what is there under a ticket's name is none: {error!r:.200}") from None
