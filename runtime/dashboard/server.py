"""Serves the dashboard: GET and HEAD only, nothing that changes anything.

Without a token it listens on loopback only, and answers only requests that name this machine, so that a page
elsewhere cannot read it through a name of its own (DNS rebinding). With a token, whoever has it may look: as
``?token=…`` once, kept in a cookie, or as ``Authorization: Bearer …``.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from runtime.lingering import GentleServer

LEAST_TOKEN = 16
_COOKIE = "rtfsc_dashboard"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"


class Answer(NamedTuple):
    status: int
    type: str
    body: bytes
    headers: Mapping[str, str] = {}


Query = Mapping[str, list[str]]
Route = Callable[[Query], Answer]


def text_answer(status: int, text: str) -> Answer:
    return Answer(status, _TEXT, f"{text}\n".encode())


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class WebServer:
    """``routes`` by path. ``port`` 0 takes a free one. Raises ValueError for an address that others can reach
    without a token, or a token that is too short; OSError for one that cannot be had."""

    def __init__(
        self, routes: Mapping[str, Route], host: str = "127.0.0.1", port: int = 0, token: str | None = None
    ) -> None:
        if token is None and not is_loopback(host):
            raise ValueError(f"others can reach {host}: that needs a token")
        if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
            raise ValueError(f"a token has at least {LEAST_TOKEN} ASCII characters")
        self._server = _Server((host, port), _Handler)
        self._server.routes, self._server.token = routes, token
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    @cached_property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends what is being answered. Idempotent."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(GentleServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    routes: Mapping[str, Route]
    token: str | None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        import socket

        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "rtfsc", ""
    protocol_version = "HTTP/1.1"
    timeout = 15

    def do_GET(self) -> None:
        self._send(self._answer(), body=True)

    def do_HEAD(self) -> None:
        self._send(self._answer(), body=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._refuse
        raise AttributeError(name)

    def _refuse(self) -> None:
        self.close_connection = True
        self._send(
            Answer(405, _TEXT, b"this page can only be looked at\n", {"Allow": "GET, HEAD"}), body=True
        )

    def _answer(self) -> Answer:
        try:
            address = urlsplit(self.path)
            query = parse_qs(address.query, max_num_fields=8)
        except ValueError:
            return text_answer(400, "not an address")
        refusal = self._refusal(query, address.path)
        if refusal is not None:
            return refusal
        route = self.server.routes.get(address.path)
        if route is None:
            return text_answer(404, "there is nothing here; the page is at /")
        try:
            return route(query)
        except Exception as error:  # one request's misfortune is not the server's
            return text_answer(500, f"this could not be shown: {type(error).__name__}")

    def _refusal(self, query: Query, path: str) -> Answer | None:
        token = self.server.token
        if token is None:
            here = is_loopback(_hostname(self.headers.get("Host", "")))
            return None if here else text_answer(421, "this is not served under that name")
        given = query.get("token", [""])[0]
        if given and _same(given, token):
            cookie = f"{_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
            return Answer(303, _TEXT, b"", {"Location": path, "Set-Cookie": cookie})
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if any(_same(candidate, token) for candidate in (bearer, self._cookie())):
            return None
        return Answer(401, _TEXT, b"open this page with ?token=...\n", {"WWW-Authenticate": "Bearer"})

    def _cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return ""
        return found.value if found is not None else ""

    def _send(self, answer: Answer, *, body: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in {**_HEADERS, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests may carry the token."""


def _hostname(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def dashboard_routes(collect: Callable[[], Any], metrics: Callable[[], str]) -> dict[str, Route]:
    """``collect``: makes facts; ``metrics``: in Prometheus' format."""
    from runtime.dashboard.page import page
    from runtime.obs.prometheus import CONTENT_TYPE

    style = files("runtime.dashboard").joinpath("style.css").read_bytes()

    def show(query: Query) -> Answer:
        return Answer(200, _HTML, page(collect(), _seconds(query)).encode())

    return {
        "/": show,
        "/style.css": lambda query: Answer(200, "text/css; charset=utf-8", style),
        "/metrics": lambda query: Answer(200, CONTENT_TYPE, metrics().encode()),
        "/health": lambda query: Answer(200, "application/json", json.dumps({"ok": True}).encode()),
    }


def _seconds(query: Query) -> int | None:
    text = query.get("refresh", [""])[0]
    return min(max(int(text), 2), 3600) if text.isascii() and text.isdigit() and len(text) < 6 else None
