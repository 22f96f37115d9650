"""JSON over HTTP to a server that has models: keys, limits, and failures as errors of providers."""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runtime.offline import offline
from runtime.once import once
from runtime.providers.errors import Garbled, Interrupted, Misconfigured, Refused, TimedOut, Unavailable
from runtime.providers.waiting import Late, within

if TYPE_CHECKING:
    import urllib3

MOST_BYTES = 16 << 20
"""Of an answer."""
_CONNECT_SECONDS = 10.0
_GRACE_S = 0.25
"""The socket itself is late first."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_JSON = re.compile(r"application/([\w.-]+\+)?(json|x-ndjson)|text/(event-stream|plain)", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+")


class Endpoint:
    """A server. ``url``: what paths are appended to. The key comes from the environment variable ``key_env``
    or the file ``key_file``, is read for each request, and is in no message. ``ca_file``: certificates that
    are trusted instead of the system's. Redirects are not followed: they could lead elsewhere, with the key.
    """

    def __init__(
        self,
        id: str,
        url: str,
        *,
        key_env: str | None = None,
        key_file: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise Misconfigured(id, f"not an http address: {_without_password(url)}")
        if parts.username or parts.password:
            raise Misconfigured(id, "the address holds a password", hint="use key_env or key_file")
        self.id, self.url = id, url.rstrip("/")
        self.local = parts.hostname in _LOCAL
        self._key_env, self._key_file, self._ca_file = key_env, key_file, ca_file

    # -- requests

    def get(self, path: str, timeout: float) -> tuple[int, Any]:
        """Status, and the JSON of the answer (None if it is none)."""
        with self.ask("GET", path, None, timeout) as reply:
            data = b"".join(reply.pieces())
        try:
            return reply.status, json.loads(data)
        except ValueError:
            return reply.status, None

    @contextmanager
    def ask(self, method: str, path: str, body: Any, timeout: float) -> Iterator[Reply]:
        """The reply as it comes, whatever its status. Raises a `ProviderError`, also for what fails while it
        is read inside of the block."""
        pool = self._pool  # says so where the package is missing
        import urllib3.exceptions as failures

        end = time.monotonic() + timeout
        try:
            headers, data = self._headers(), None if body is None else json.dumps(body).encode()

            def request() -> urllib3.BaseHTTPResponse:
                return pool.request(
                    method, self.url + path, headers=headers, preload_content=False, body=data,
                    decode_content=False, timeout=self._timeout(timeout),
                )  # fmt: skip

            # A server that sends a byte of its headers now and then is never late for the socket.
            answer = within(timeout + _GRACE_S, request)
            try:
                yield Reply(self, answer, end)
            finally:
                # A connection with the rest of an answer in it must not be used again.
                answer.close()
        except failures.SSLError as error:
            raise Misconfigured(
                self.id, f"the connection is not to be trusted ({_reason(error)})", hint="ca_file"
            ) from error
        except failures.NewConnectionError as error:  # a kind of its TimeoutError
            raise Unavailable(self.id, f"cannot be reached ({_reason(error)})") from error
        except (failures.TimeoutError, TimeoutError, Late) as error:
            raise TimedOut(self.id, f"no answer within {timeout:g} s") from error
        except failures.ProtocolError as error:
            raise Interrupted(self.id, f"the connection broke off ({_reason(error)})") from error
        except (failures.HTTPError, OSError) as error:
            raise Unavailable(self.id, f"cannot be reached ({_reason(error)})") from error

    def close(self) -> None:
        pool = self.__dict__.pop("_pool", None)
        if pool is not None:
            pool.clear()

    # -- what it needs

    @once
    def _pool(self) -> urllib3.PoolManager:
        if offline():
            raise Misconfigured(self.id, "needs a network, and this is offline")
        try:
            import urllib3
        except ImportError:
            raise Misconfigured(
                self.id, "needs the package urllib3", hint="pip install 'rtfsc[models]'"
            ) from None
        trusted = None
        if self._ca_file is not None:
            try:
                trusted = ssl.create_default_context(cafile=self._ca_file)
            except (OSError, ssl.SSLError) as error:
                raise Misconfigured(self.id, f"the certificates cannot be read: {error}") from None
        return urllib3.PoolManager(retries=False, maxsize=8, ssl_context=trusted)

    @staticmethod
    def _timeout(timeout: float) -> urllib3.Timeout:
        import urllib3

        return urllib3.Timeout(connect=min(_CONNECT_SECONDS, timeout), read=timeout)

    def _headers(self) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream, application/x-ndjson",
            "accept-encoding": "identity",
        }
        key = self.key()
        if key:
            headers["authorization"] = f"Bearer {key}"
        return headers

    def key(self) -> str | None:
        """Raises `Misconfigured`, without the key in the message."""
        where, key = "", None
        if self._key_env is not None:
            where, key = f"the environment variable {self._key_env}", os.environ.get(self._key_env, "")
            if not key:
                raise Misconfigured(self.id, f"{where} is not set")
        elif self._key_file is not None:
            where = f"the file {self._key_file}"
            try:
                key = Path(self._key_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
                raise Misconfigured(self.id, f"the key cannot be read from {where}: {reason}") from None
        if key is not None and not _KEY.fullmatch(key):
            raise Misconfigured(self.id, f"{where} holds no key: it must be one word of ASCII")
        return key


class Reply:
    """An answer that is on its way."""

    def __init__(self, endpoint: Endpoint, answer: urllib3.BaseHTTPResponse, end: float) -> None:
        self._endpoint, self._answer, self._end = endpoint, answer, end
        self.status = answer.status

    @property
    def type(self) -> str:
        """The content type without its parameters, "" if there is none."""
        return str(self._answer.headers.get("content-type") or "").partition(";")[0].strip().lower()

    def pieces(self) -> Iterator[bytes]:
        """Raises `Garbled` for too many of them, TimeoutError after the deadline."""
        size = 0
        self._wait_no_longer()
        while piece := self._answer.read1(65536):
            size += len(piece)
            if size > MOST_BYTES:
                raise Garbled(self._endpoint.id, f"an answer of more than {MOST_BYTES} bytes")
            yield piece
            self._wait_no_longer()

    def _wait_no_longer(self) -> None:
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        socket = _socket_of(self._answer)
        if socket is not None:
            socket.settimeout(remaining)

    def check(self) -> None:
        """Raises `Unavailable` or `Refused` by the status, `Garbled` for what is plainly no JSON."""
        if self.status != 200:
            raise self.failure(self.explanation())
        if self.type and not _JSON.fullmatch(self.type):
            raise Garbled(self._endpoint.id, f"not an answer of a model, but {self.type}")
        if self._answer.headers.get("content-encoding", "identity") != "identity":
            raise Garbled(self._endpoint.id, "a compressed answer, which was not asked for")

    def explanation(self) -> bytes:
        """The body of an unsuccessful answer as far as it comes: the status says enough without it, and
        servers break off where they do not want the rest of a request. Raises `Garbled` for too much."""
        import urllib3.exceptions as failures

        found: list[bytes] = []
        with suppress(failures.HTTPError, OSError):
            found.extend(self.pieces())
        return b"".join(found)

    def failure(self, data: bytes) -> Unavailable | Refused:
        """What the status and the text of an unsuccessful answer mean."""
        text = error_text(data.decode("utf-8", "replace"))
        key = self._endpoint.key()
        if key:  # some services repeat it
            text = text.replace(key, "…")
        message = f"HTTP {self.status}: {text}"
        if self.status in (408, 425, 429) or self.status >= 500:
            after = seconds_of(self._answer.headers.get("retry-after"), time.time())
            return Unavailable(self._endpoint.id, message, after=after)
        hint = "is the key right?" if self.status in (401, 403) else None
        return Refused(self._endpoint.id, message, hint=hint)


def _socket_of(answer: urllib3.BaseHTTPResponse) -> Any:
    """That of the connection, which lets go of it where the answer ends with it; then that of the reader."""
    socket = getattr(getattr(answer, "connection", None), "sock", None)
    if socket is not None:
        return socket
    reader = getattr(getattr(answer, "_fp", None), "fp", None)
    return getattr(getattr(reader, "raw", None), "_sock", None)


def error_text(text: str) -> str:
    """What a server says is wrong, on one short line."""
    try:
        error = json.loads(text)["error"]
        found = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        found = text
    return " ".join(str(found).split())[:300]


def seconds_of(header: str | None, now: float) -> float | None:
    """Of a Retry-After header: seconds, or a date."""
    if not header:
        return None
    try:
        found = float(header)
    except ValueError:
        try:
            found = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, found) if found < float("inf") else None


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", url)


def _reason(error: BaseException) -> str:
    """The innermost that is said, without names of Python's objects."""
    inner = getattr(error, "reason", None) or (error.args[-1] if len(error.args) > 1 else error)
    text = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?|^HTTPS?Connection\(.*?\): ", "", str(inner))
    return text[:200] or type(error).__name__
