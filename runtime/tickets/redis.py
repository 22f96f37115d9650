"""Tickets on Redis (`rtfsc[redis]`), for a team.

Each change is one script, which Redis runs as a whole, by its own clock. What survives a crash of Redis
itself is a matter of its settings: ``appendonly yes`` and ``appendfsync always`` lose nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from runtime.tickets.ticket import (
    CANCELLED,
    LOST,
    MOST_ATTEMPTS,
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
    new_id,
)

PASSWORD = "RTFSC_REDIS_PASSWORD"
"""The environment variable with the password, for addresses without one."""
TIMEOUT_S = 5.0
_PREFIX = re.compile(r"[\w.-]{1,64}")
_NUMBER = re.compile(r"/?\d*")
_BATCH = 200

# KEYS[1]: what all names begin with. Names: all, queued, running (by the end of the lease), ended.
_HEAD = """
local p, t = KEYS[1], redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(n) return string.format('%.0f', n) end
local function close(id, state, result)
  redis.call('HSET', p .. ':t:' .. id, 'state', state, 'ended_ms', text(now))
  if result then redis.call('HSET', p .. ':t:' .. id, 'result', result) end
  redis.call('ZREM', p .. ':queued', id)
  redis.call('ZREM', p .. ':running', id)
  redis.call('ZADD', p .. ':ended', text(now), id)
end
local function gone(id)  -- of a ticket that Redis has thrown away, for want of memory
  for _, name in ipairs({'queued', 'running', 'ended', 'all'}) do
    redis.call('ZREM', p .. ':' .. name, id)
  end
end
local function held(id, fence)
  local found = redis.call('HMGET', p .. ':t:' .. id, 'state', 'fence')
  return found[1] == 'running' and found[2] == fence
end
"""
_SCRIPTS = {
    "submit": """
local id, label, job = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', p .. ':t:' .. id) == 0 then
  redis.call('HSET', p .. ':t:' .. id, 'id', id, 'state', 'queued', 'label', label, 'job', job,
    'submitted_ms', text(now), 'attempts', '0', 'fence', '0', 'worker', '', 'lease_ms', '0')
  redis.call('ZADD', p .. ':queued', text(now), id)
  redis.call('ZADD', p .. ':all', text(now), id)
end
""",
    "cancel": """
local state = redis.call('HGET', p .. ':t:' .. ARGV[1], 'state')
if state == 'queued' or state == 'running' then close(ARGV[1], ARGV[2]) end
""",
    "lease": """
local worker, ms, most, lost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local id = nil
while not id do
  local late = redis.call('ZRANGEBYSCORE', p .. ':running', '-inf', text(now), 'LIMIT', 0, 1)
  if #late == 0 then break end
  local attempts = redis.call('HGET', p .. ':t:' .. late[1], 'attempts')
  if not attempts then
    gone(late[1])
  elseif tonumber(attempts) >= most then
    close(late[1], 'failed', lost)
  else
    id = late[1]
  end
end
while not id do
  local first = redis.call('ZPOPMIN', p .. ':queued')
  if #first == 0 then return nil end
  if redis.call('EXISTS', p .. ':t:' .. first[1]) == 1 then id = first[1] else gone(first[1]) end
end
local key = p .. ':t:' .. id
redis.call('HINCRBY', key, 'attempts', 1)
redis.call('HINCRBY', key, 'fence', 1)
redis.call('HSET', key, 'state', 'running', 'started_ms', text(now), 'worker', worker,
  'lease_ms', text(now + ms))
redis.call('ZADD', p .. ':running', text(now + ms), id)
return redis.call('HGETALL', key)
""",
    "extend": """
if not held(ARGV[1], ARGV[2]) then return 0 end
local till = text(now + tonumber(ARGV[3]))
redis.call('HSET', p .. ':t:' .. ARGV[1], 'lease_ms', till)
redis.call('ZADD', p .. ':running', till, ARGV[1])
return 1
""",
    "finish": """
if not held(ARGV[1], ARGV[2]) then return 0 end
close(ARGV[1], ARGV[3], ARGV[4])
return 1
""",
    "forget": """
local found = redis.call('ZRANGEBYSCORE', p .. ':ended', '-inf', '(' .. ARGV[1], 'LIMIT', 0, 1000)
for _, id in ipairs(found) do
  redis.call('DEL', p .. ':t:' .. id)
  redis.call('ZREM', p .. ':ended', id)
  redis.call('ZREM', p .. ':all', id)
end
return #found
""",
}


class RedisTickets:
    """``address``: ``redis[s]://[USER:PASSWORD@]HOST:PORT/NUMBER?prefix=…``; ``prefix``: of all keys."""

    def __init__(self, address: str, environ: Mapping[str, str] = os.environ) -> None:
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        prefix = query.pop("prefix", "rtfsc")
        if query or not _PREFIX.fullmatch(prefix) or not _NUMBER.fullmatch(parts.path):
            raise TicketsUnavailable(
                f"no address of tickets: {urlunsplit(parts._replace(netloc=parts.hostname or ''))}",
                hint="redis://HOST:PORT/NUMBER?prefix=NAME",
            )
        # Braces: where Redis is a cluster, all of it is on one node.
        self._prefix = f"{{{prefix}:tickets}}"
        self._name = f"{parts.hostname}:{parts.port or 6379}"
        try:
            import redis
            from redis.backoff import ExponentialBackoff
            from redis.retry import Retry
        except ImportError:
            raise TicketsUnavailable(
                "tickets on Redis need the package redis", hint="pip install 'rtfsc[redis]'"
            ) from None
        # A submission has its id before it is sent, and a lease that nobody hears of runs out.
        retry = Retry(ExponentialBackoff(cap=0.2, base=0.02), 4)
        options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
        if parts.password is None and environ.get(PASSWORD):
            options["password"] = environ[PASSWORD]
        self._errors = (redis.RedisError, OSError)
        try:
            self._client: Any = redis.Redis.from_url(
                urlunsplit(parts._replace(query="")), retry=retry, **options
            )
        except ValueError as error:
            raise TicketsUnavailable(f"no address of tickets: {error}") from None
        self._scripts = {name: self._client.register_script(_HEAD + text) for name, text in _SCRIPTS.items()}

    def submit(self, job: bytes, *, label: str = "", key: str | None = None) -> str:
        check_size("job", job)
        id = new_id(key)
        self._run("submit", id, label, job)
        return id

    def get(self, id: str) -> Ticket:
        found = self._asked(lambda: self._client.hgetall(self._key(id)))
        if not found:
            raise UnknownTicket(f"no ticket {id}")
        return _ticket(found)

    def find(self, states: Iterable[str] = STATES, most: int = 100) -> list[Ticket]:
        wanted, found = frozenset(states), []
        # Those that have not ended are few, those that have may be very many.
        if wanted <= {QUEUED, RUNNING}:
            ids = [id for state in wanted for id in self._asked(partial(self._names, state))]
            tickets = [_ticket(fields) for fields in self._asked(partial(self._all, ids)) if fields]
            tickets = [ticket for ticket in tickets if ticket.state in wanted]
            return sorted(tickets, key=lambda t: (t.submitted_ms, t.id), reverse=True)[:most]
        for start in range(0, 1_000_000, _BATCH):
            newest = partial(self._client.zrevrange, f"{self._prefix}:all", start, start + _BATCH - 1)
            ids = self._asked(newest)
            for fields in self._asked(partial(self._all, ids)):
                if fields and fields[b"state"].decode() in wanted:
                    found.append(_ticket(fields))
            if len(found) >= most or len(ids) < _BATCH:
                break
        return found[:most]

    def cancel(self, id: str) -> Ticket:
        self._run("cancel", id, CANCELLED)
        return self.get(id)

    def lease(self, worker: str, seconds: float) -> Ticket | None:
        found = self._run("lease", worker, int(seconds * 1000), MOST_ATTEMPTS, LOST)
        return _ticket(dict(zip(found[::2], found[1::2], strict=True))) if found else None

    def extend(self, ticket: Ticket, seconds: float) -> None:
        if not self._run("extend", ticket.id, ticket.fence, int(seconds * 1000)):
            raise StaleLease(f"ticket {ticket.id} is no longer this worker's")

    def finish(self, ticket: Ticket, state: str, result: bytes) -> None:
        check_size("result", result)
        if not self._run("finish", ticket.id, ticket.fence, state, result):
            raise StaleLease(f"ticket {ticket.id} is no longer this worker's: the result was not taken")

    def forget(self, before_ms: int) -> int:
        gone, some = 0, 1
        while some:
            some = int(self._run("forget", before_ms))
            gone += some
        return gone

    def close(self) -> None:
        self._client.close()

    def _key(self, id: str) -> str:
        return f"{self._prefix}:t:{id}"

    def _names(self, state: str) -> list[bytes]:
        found: list[bytes] = self._client.zrange(f"{self._prefix}:{state}", 0, -1)
        return found

    def _all(self, ids: list[bytes]) -> list[dict[bytes, bytes]]:
        pipeline = self._client.pipeline(transaction=False)
        for id in ids:
            pipeline.hgetall(self._key(id.decode()))
        found: list[dict[bytes, bytes]] = pipeline.execute()
        return found

    def _run(self, name: str, *arguments: Any) -> Any:
        return self._asked(lambda: self._scripts[name](keys=[self._prefix], args=arguments))

    def _asked(self, command: Callable[[], Any]) -> Any:
        try:
            return command()
        except self._errors as error:
            raise TicketsUnavailable(
                f"tickets on redis://{self._name}: {error}", hint=_hint(error)
            ) from error


def _hint(error: Exception) -> str:
    said = str(error).lower()
    if "authentication required" in said or "password" in said or "noauth" in said:
        return f"the password is taken from {PASSWORD}"
    return UNREACHABLE


def _ticket(found: dict[bytes, bytes]) -> Ticket:
    try:
        return _read(found)
    except (ValueError, KeyError) as error:
        raise Foreign(f"what is there under a ticket's name is none: {error!r:.200}") from None


def _read(found: dict[bytes, bytes]) -> Ticket:
    texts = {name.decode(): value for name, value in found.items()}

    def number(name: str) -> int | None:
        return int(texts[name]) if name in texts else None

    return Ticket(
        texts["id"].decode(), texts["state"].decode(), texts["label"].decode(), texts["job"],
        int(texts["submitted_ms"]), number("started_ms"), number("ended_ms"), int(texts["attempts"]),
        int(texts["fence"]), texts["worker"].decode(), int(texts["lease_ms"]), texts.get("result"),
    )  # fmt: skip
