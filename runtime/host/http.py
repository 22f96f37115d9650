"""HTTP requests to granted hosts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from runtime.host.capability import host_error
from runtime.values.atoms import Keyword

TIMEOUT = 30.0
"""Seconds for one piece of an answer, and for the whole body."""
MOST_BYTES = 16 << 20


def fetcher(scope: str | None) -> Callable[..., Any]:
    """``scope``: names of hosts, separated by commas, with ``:port`` where it is not the usual one; None or
    ``*``: all. Redirects are answered, not followed: they could lead elsewhere."""
    allowed = None if scope in (None, "*") else frozenset((scope or "").split(","))

    def http_fetch(url: str, options: dict[Any, Any] | None = None) -> dict[Any, Any]:
        """A map of :status, :headers and :body. Options: :method, :headers, :body."""
        import urllib.parse

        address = urllib.parse.urlsplit(url)
        if address.scheme not in ("http", "https"):
            raise host_error("InvalidArgument", f"Invalid argument: no http address: {url}")
        if allowed is not None and address.netloc not in allowed:
            data = {Keyword("operation"): address.netloc, Keyword("capability"): "ccos.network.http-fetch",
                    Keyword("context"): "granted hosts"}  # fmt: skip
            message = f"Security violation: {address.netloc} on ccos.network.http-fetch in granted hosts"
            raise host_error("SecurityViolation", message, data)
        given = {getattr(key, "name", key): value for key, value in (options or {}).items()}
        return _fetch(url, given)

    return http_fetch


def _fetch(url: str, options: dict[str, Any]) -> dict[Any, Any]:
    import http.client
    import urllib.error
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any) -> None:
            return None

    body = options.get("body")
    method = str(getattr(options.get("method"), "name", options.get("method") or "GET")).upper()
    if not (method.isascii() and method.isalpha()):
        raise host_error("InvalidArgument", f"Invalid argument: no method of HTTP: {method[:40]!r}")
    request = urllib.request.Request(
        url,
        data=body.encode() if isinstance(body, str) else None,
        headers={str(getattr(k, "name", k)): str(v) for k, v in (options.get("headers") or {}).items()},
        method=method,
    )
    try:
        try:
            answer = urllib.request.build_opener(Stay).open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return _answer(answer.status, answer.headers, _body(answer))
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise host_error("NetworkError", f"Network error: {said}") from error


def _body(answer: Any) -> bytes:
    """All of it: neither a part, nor what comes for ever, is an answer."""
    end, pieces, size = time.monotonic() + TIMEOUT, [], 0
    while piece := answer.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise host_error("NetworkError", f"Network error: an answer of more than {MOST_BYTES} bytes")
        if time.monotonic() > end:
            raise host_error("NetworkError", f"Network error: the answer takes more than {TIMEOUT:g} s")
    missing = getattr(answer, "length", None)
    if missing:
        raise host_error("NetworkError", f"Network error: {missing} bytes of the answer are missing")
    return b"".join(pieces)


def _answer(status: int, headers: Any, body: bytes) -> dict[Any, Any]:
    return {
        Keyword("status"): status,
        Keyword("headers"): {name.lower(): value for name, value in headers.items()},
        Keyword("body"): body.decode("utf-8", "replace"),
    }
