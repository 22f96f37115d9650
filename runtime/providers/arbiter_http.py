"""The HTTP side of `runtime.providers.arbiter_server`: connections, who is let in, bodies, answers."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

from runtime.lingering import GentleServer
from runtime.providers.arbiter_server import ArbiterServer, Inference
from runtime.providers.arbiter_wire import STATUS, STREAM, VERSION, error_json, read_request
from runtime.providers.errors import ProviderError

_IDLE_SECONDS = 30.0
"""Of a connection on which nothing comes."""


class Listener(GentleServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, arbiter: ArbiterServer) -> None:
        settings = arbiter.settings
        self.arbiter = arbiter
        self.address_family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._connections = threading.BoundedSemaphore(4 * settings.most_requests)
        self.names = {"localhost", "127.0.0.1", "[::1]", "::1", settings.host}
        self._tls = None
        if settings.certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            try:
                self._tls.load_cert_chain(settings.certificate, settings.private_key)
            except OSError as error:  # which of the two files it is is not said
                files = " or ".join(filter(None, (settings.certificate, settings.private_key)))
                raise OSError(error.errno, error.strerror or str(error), files) from None
        super().__init__((settings.host, settings.port), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        connection.settimeout(_IDLE_SECONDS)
        if self._tls is not None:
            # The handshake is made by the thread that reads: a client that stalls stalls itself.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started
            self._connections.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.tell(error)

    def tell(self, error: BaseException | None) -> None:
        """Of a fault of ours, or of a provider of somebody else."""
        if self.arbiter.log is not None:
            self.arbiter.log(f"internal error: {error!r}")


class _Refusal(Exception):
    def __init__(self, status: int, message: str, *, code: str = "LM007", after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.after = status, message, code, after


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "rtfsc", ""

    def do_GET(self) -> None:
        self._answered(self._models)

    def do_POST(self) -> None:
        self._answered(self._infer)

    def _answered(self, work: Callable[[str], None]) -> None:
        self._started, self._status, self._about = time.monotonic(), 0, ""
        tenant = None
        answering = self.server.arbiter.answering
        answering.take("")
        try:
            tenant = self._admitted()
            work(tenant)
        except _Refusal as refusal:
            error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
            if refusal.after is not None:
                error["after"] = refusal.after
            self._send(refusal.status, {"error": error}, close=True)
        except ProviderError as error_:
            self._send(STATUS.get(error_.code, 502), error_json(error_))
        except OSError:  # who asked is gone
            raise
        except Exception as fault:
            # A fault of a provider of somebody else, or of ours: who asks is told that there is one.
            self.server.tell(fault)
            self.close_connection = True
            if not self._status:
                self._send(500, {"error": {"code": "LM005", "message": "the server failed"}}, close=True)
        finally:
            try:
                self._log(tenant)
            finally:  # who stops the server waits for this, and then has all lines
                answering.give_back("")

    def _admitted(self) -> str:
        """The tenant. Pages in browsers are not let in: on this machine there may be no token."""
        arbiter = self.server.arbiter
        if arbiter.stopping:
            raise _Refusal(503, "the server is being stopped", code="LM003", after=1.0)
        if self.headers.get("origin") is not None:
            raise _Refusal(403, "not for pages in browsers")
        host = (self.headers.get("host") or "").strip()
        name = host[: host.rfind(":")] if ":" in host.rpartition("]")[2] else host
        if not arbiter.settings.tokens and name not in self.server.names:
            raise _Refusal(403, "the host that was asked for is not this one")
        tenant = arbiter.tenant_of(self.headers.get("authorization"))
        if tenant is None:
            raise _Refusal(401, "a token is needed, and this is none")
        return tenant

    def _models(self, tenant: str) -> None:
        metrics = self.server.arbiter.metrics
        if self.path == "/metrics" and metrics is not None:
            self._send_raw(200, "text/plain; version=0.0.4; charset=utf-8", metrics().encode())
            return
        if self.path != "/v1/models":
            raise _Refusal(404, "there are /v1/models and /v1/infer")
        self._send(200, {"version": VERSION, "models": self.server.arbiter.models()})

    def _infer(self, tenant: str) -> None:
        if self.path != "/v1/infer":
            raise _Refusal(404, "there are /v1/models and /v1/infer")
        data = self._body()
        try:
            if data.get("version") != VERSION:
                raise ValueError(f"version must be {VERSION}")
            request = read_request(data.get("request"))
        except ValueError as error:
            raise _Refusal(400, f"not a request: {error}") from None
        self._about = request.model if request.model in self.server.arbiter.offered else "?"
        arbiter = self.server.arbiter
        model = arbiter.provider(request.model)
        request = replace(request, timeout=min(request.timeout, arbiter.settings.most_seconds))
        if not arbiter.slots.take(tenant):
            raise _Refusal(503, "too many requests at a time", code="LM003", after=1.0)
        stream = data.get("stream") is True
        run = Inference(
            model, request, stream=stream, done=lambda: arbiter.slots.give_back(tenant), emit=arbiter.emit
        )
        try:
            if stream:
                self._stream(run, request.timeout)
            else:
                self._whole(run, request.timeout)
        finally:
            run.leave()

    def _whole(self, run: Inference, seconds: float) -> None:
        event: Any = run.next(seconds)
        if isinstance(event, ProviderError):
            raise event
        self._send(200, {"response": asdict(event)})

    def _stream(self, run: Inference, seconds: float) -> None:
        """Lines: pieces of text, then the whole response or an error."""
        end = time.monotonic() + seconds
        event = run.next(end - time.monotonic())
        if isinstance(event, ProviderError):
            raise event
        self._status = 200
        self.send_response(200)
        self.send_header("content-type", STREAM)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        while isinstance(event, str):
            self._line({"text": event})
            event = run.next(end - time.monotonic())
        self._line(error_json(event) if isinstance(event, ProviderError) else {"response": asdict(event)})

    def _line(self, data: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(data).encode() + b"\n")
        self.wfile.flush()

    def _body(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise _Refusal(415, "the body must be application/json")
        most = self.server.arbiter.settings.most_bytes
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or "transfer-encoding" in self.headers:
            raise _Refusal(411, "the length of the body must be given")
        if len(length) > 18 or int(length) > most:
            raise _Refusal(413, f"a request of more than {most} bytes")
        raw = self._read(int(length))
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            raise _Refusal(400, "the body is not JSON") from None
        if not isinstance(data, dict):
            raise _Refusal(400, "the body must be an object")
        return data

    def _read(self, length: int) -> bytes:
        """Within the time that an idle connection has: a byte now and then does not make it longer."""
        end, pieces = time.monotonic() + _IDLE_SECONDS, []
        while length:
            if time.monotonic() > end:
                raise _Refusal(408, "the body did not come in time")
            piece = self.rfile.read1(min(length, 65536))
            if not piece:
                raise _Refusal(400, "the body is shorter than was said")
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _send(self, status: int, data: dict[str, Any], *, close: bool = False) -> None:
        self._send_raw(status, "application/json", json.dumps(data).encode(), close=close)

    def _send_raw(self, status: int, type: str, raw: bytes, *, close: bool = False) -> None:
        self._status = status
        self.send_response(status)
        self.send_header("content-type", type)
        self.send_header("content-length", str(len(raw)))
        self.send_header("cache-control", "no-store")
        if close or status >= 400:  # there may be a body that was not read
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(raw)

    def _log(self, tenant: str | None) -> None:
        log = self.server.arbiter.log
        if log is not None:
            seconds = time.monotonic() - self._started
            who = "nobody" if tenant is None else tenant or "anybody"
            log(f"{who} {self.command} {self._about or '-'} {self._status} {seconds:.3f}s")

    def log_message(self, format: str, *args: Any) -> None:
        pass
