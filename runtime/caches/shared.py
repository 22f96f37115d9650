"""Caches that a team shares, on Redis (`rtfsc[redis]`)."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from runtime.caches.circuit import Circuit
from runtime.caches.protocol import ABSENT, UNAVAILABLE, CacheStats, Hit, Miss

K = TypeVar("K")

PASSWORD = "RTFSC_REDIS_PASSWORD"
"""The environment variable with the password, for addresses without one."""
TIMEOUT_S = 0.25
"""For one answer. What takes longer is a miss, and Redis is left alone for a while."""
MOST_BYTES = 4 << 20
_PREFIX = re.compile(r"[\w.-]{1,64}")
_SETTINGS = ("prefix", "timeout_ms")
_BATCH = 1_000


class BadAddress(ValueError):
    """What is no address of a Redis."""


class Redis:
    """A connection pool, made at the first use. ``address``:
    ``redis[s]://[USER:PASSWORD@]HOST:PORT/NUMBER?prefix=…&timeout_ms=…``; ``prefix``: of all keys.

    Raises `BadAddress`."""

    def __init__(self, address: str, environ: Mapping[str, str] = os.environ) -> None:
        parts = _parts(address)
        query = dict(parse_qsl(parts.query))
        unknown = sorted(set(query) - set(_SETTINGS))
        if unknown:
            raise BadAddress(f"unknown setting {', '.join(unknown)}; there are {', '.join(_SETTINGS)}")
        self.prefix = query.get("prefix", "rtfsc")
        if not _PREFIX.fullmatch(self.prefix):
            raise BadAddress(f"a prefix is of letters, digits, '.', '_' and '-', not {self.prefix!r:.80}")
        self._timeout = _timeout(query.get("timeout_ms"))
        self._url = urlunsplit(parts._replace(query=""))
        self._password = None if parts.password is not None else environ.get(PASSWORD)
        host = f"{parts.hostname}:{parts.port or 6379}"
        self.name = urlunsplit((parts.scheme, host, parts.path, "", ""))
        self.local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        self._lock = threading.Lock()
        self._client: Any = None
        self.circuit = Circuit()

    def ask(self, command: Callable[[Any], Any]) -> Any:
        """What the command gives. Raises `redis.RedisError`; `Unanswered` without asking while Redis is left
        alone."""
        if not self.circuit.admits():
            raise Unanswered
        try:
            answer = command(self._connected())
        except Exception as error:
            if _answered(error):  # it will not do this, but it is there
                self.circuit.failures += 1
                self.circuit.worked()
            else:
                self.circuit.failed()
            raise
        self.circuit.worked()
        return answer

    def keys(self, start: str) -> Iterator[bytes]:
        """The keys that begin so, in no order. Raises `redis.RedisError`."""
        yield from self.ask(lambda client: list(client.scan_iter(match=f"{start}*", count=_BATCH)))

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Any:
        client = self._client
        if client is not None:
            return client
        with self._lock:
            if self._client is None:
                self._client = self._opened()
            return self._client

    def _opened(self) -> Any:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ImportError("caches on Redis need the package redis: pip install 'rtfsc[redis]'") from None
        # A connection that the server has closed meanwhile is replaced; nothing is waited for twice.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        options = {"socket_timeout": self._timeout, "socket_connect_timeout": self._timeout, "retry": retry}
        if self._password is not None:
            options["password"] = self._password
        return redis.Redis.from_url(self._url, **options)


class Unanswered(Exception):
    """Redis did not answer a moment ago, and is left alone."""


class RedisCache(Generic[K]):
    """A `Cache` on Redis. ``kind``: which cache of the prefix it is; ``ttl`` in seconds (None: for ever);
    ``name_of``: the text that stands for a key, by default itself; ``encode`` and ``decode``: values as
    bytes, None for bytes that are no value of this key. Which entry gives way when its memory is full is
    Redis's own ``maxmemory-policy``. Close it with its `Redis`.
    """

    def __init__(
        self,
        redis: Redis,
        kind: str,
        ttl: float | None,
        encode: Callable[[Any, str], bytes],
        decode: Callable[[bytes, str], Any],
        name_of: Callable[[K], str] = str,
    ) -> None:
        self.redis, self.circuit, self.name, self.local = redis, redis.circuit, redis.name, redis.local
        self._start = f"{redis.prefix}:{kind}:"
        self._ttl, self._encode, self._decode, self._name_of = ttl, encode, decode, name_of
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("hits", "misses", "puts", "invalidations"), 0)

    def get(self, key: K) -> Hit | Miss:
        found = self.peek(key)
        self._count("hits" if found else "misses")
        return found

    def peek(self, key: K) -> Hit | Miss:
        name = self._name_of(key)
        try:
            data = self.redis.ask(lambda client: client.get(self._start + name))
        except Exception:  # of the client, or the client is not installed
            return UNAVAILABLE
        value = None if data is None else self._decode(data, name)
        return ABSENT if value is None else Hit(value)

    def put(self, key: K, value: Any, ttl: float | None = None) -> None:
        name, lives = self._name_of(key), self._ttl if ttl is None else ttl
        data = self._encode(value, name)
        if len(data) > MOST_BYTES:
            return
        expires = None if lives is None else max(int(lives * 1000), 1)
        self._quietly(lambda client: client.set(self._start + name, data, px=expires))
        self._count("puts")

    def invalidate(self, key: K) -> bool:
        name = self._name_of(key)
        removed = self._quietly(lambda client: client.delete(self._start + name))
        self._count("invalidations" if removed else "")
        return bool(removed)

    def clear(self, start: str = "") -> None:
        """Raises what the client raises: whoever clears must know."""
        names = list(self.redis.keys(self._start + start))
        for at in range(0, len(names), _BATCH):
            batch = names[at : at + _BATCH]
            removed = int(self.redis.ask(partial(_delete, names=batch)))
            with self._lock:
                self._counts["invalidations"] += removed

    def stats(self) -> CacheStats:
        """``size``: counted now, 0 where Redis does not answer; ``capacity`` 0: Redis's own."""
        counts, size = self._counts, 0
        with suppress(Exception):
            size = sum(1 for _ in self.redis.keys(self._start))
        return CacheStats(
            counts["hits"], counts["misses"], counts["puts"], counts["invalidations"], 0, 0, size, 0
        )

    def close(self) -> None:
        self.redis.close()

    def _quietly(self, command: Callable[[Any], Any]) -> Any:
        try:
            return self.redis.ask(command)
        except Exception:
            return None

    def _count(self, what: str) -> None:
        if what:
            with self._lock:
                self._counts[what] += 1


def _delete(client: Any, names: list[bytes]) -> Any:
    return client.delete(*names)


def _answered(error: Exception) -> bool:
    """Whether Redis itself said no, for example because its memory is full."""
    return type(error).__name__ in ("ResponseError", "OutOfMemoryError", "ReadOnlyError", "NoPermissionError")


def _parts(address: str) -> Any:
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("redis", "rediss") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        valid = False
    if not valid:
        raise BadAddress("an address of Redis is redis://HOST:PORT/NUMBER")
    if parts.path.strip("/") and not parts.path.strip("/").isdigit():
        raise BadAddress("the databases of Redis have numbers: redis://HOST:PORT/0")
    return parts


def _timeout(text: str | None) -> float:
    if text is None:
        return TIMEOUT_S
    if not text.isdigit() or not 1 <= int(text) <= 60_000:
        raise BadAddress(f"timeout_ms is a number of milliseconds from 1 to 60000, not {text!r:.40}")
    return int(text) / 1000
