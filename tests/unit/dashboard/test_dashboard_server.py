"""The server: what it serves, to whom, and how it ends."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
from dashboards import nothing
from prometheus_client.parser import text_string_to_metric_families

from runtime.dashboard.server import Answer, WebServer, dashboard_routes, is_loopback
from runtime.obs.prometheus import exposition
from runtime.obs.tally import Tally

TOKEN = "a-token-of-more-than-16"


def served(token: str | None = None, **more: object) -> WebServer:
    routes = dashboard_routes(nothing, lambda: exposition(Tally(), "1"))
    server = WebServer({**routes, **more}, token=token)  # type: ignore[dict-item]
    server.start()
    return server


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = served()
    yield server
    server.stop()


def ask(
    server: WebServer, path: str = "/", method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def test_what_is_served(server: WebServer) -> None:
    response, body = ask(server)
    assert response.status == 200 and "<!doctype html>" in body
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Python" not in response.headers["Server"]
    assert ask(server, "/style.css")[0].headers["Content-Type"] == "text/css; charset=utf-8"
    assert ask(server, "/health")[1] == '{"ok": true}'
    families = text_string_to_metric_families(ask(server, "/metrics")[1])
    assert next(iter(families)).name == "rtfsc_build_info"


def test_nothing_else(server: WebServer) -> None:
    for path in ("/x", "/../etc/passwd", "/style.css/", "//evil.example/", "/%2e%2e/"):
        assert ask(server, path)[0].status == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"):
        response, _ = ask(server, method=method)
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    response, body = ask(server, method="HEAD")
    assert response.status == 200 and body == "" and int(response.headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10", 10),
        ("1", 2),
        ("99999", 3600),
        ("x", None),
        ("", None),
        ("-5", None),
        ("999999", None),
        ("٣", None),
    ],
)
def test_refreshing(server: WebServer, text: str, shown: int | None) -> None:
    from urllib.parse import quote

    body = ask(server, f"/?refresh={quote(text)}")[1]
    assert ('http-equiv="refresh"' in body) == (shown is not None)
    if shown is not None:
        assert f'content="{shown}"' in body


def test_pages_elsewhere_cannot_name_this_machine(server: WebServer) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80", "[::2]", "]["):
        assert ask(server, Host=host)[0].status in (400, 421)
    for host in ("localhost:99", "127.0.0.1", "[::1]:8674"):
        assert ask(server, Host=host)[0].status == 200


def test_others_need_a_token() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        WebServer({}, "0.0.0.0")
    with pytest.raises(ValueError, match="at least 16"):
        WebServer({}, "0.0.0.0", token="short")
    with pytest.raises(ValueError, match="ASCII"):
        WebServer({}, "0.0.0.0", token="a-token-of-more\r\nX: y")
    server = WebServer({}, "0.0.0.0", token=TOKEN)
    server.stop()


def test_a_token_opens_the_page() -> None:
    server = served(TOKEN)
    try:
        for headers in (
            {},
            {"Authorization": "Bearer no"},
            {"Cookie": "rtfsc_dashboard=no"},
            {"Cookie": "\x80;;="},
        ):
            for path in ("/", "/metrics", "/style.css", "/?token=no", "/?token=%ff"):
                response, body = ask(server, path, **headers)
                assert response.status == 401 and TOKEN not in body
        response, _ = ask(server, f"/?token={TOKEN}", Host="dashboard.example")
        assert (response.status, response.headers["Location"]) == (303, "/")
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert ask(server, Cookie=cookie.partition(";")[0])[0].status == 200
        assert ask(server, "/metrics", Authorization=f"Bearer {TOKEN}")[0].status == 200
    finally:
        server.stop()


def test_a_route_that_fails_is_one_failed_request() -> None:
    def broken(query: object) -> Answer:
        raise RuntimeError("secret")

    server = served(**{"/broken": broken})
    try:
        response, body = ask(server, "/broken")
        assert response.status == 500 and "secret" not in body
        assert ask(server)[0].status == 200
    finally:
        server.stop()


def test_clients_that_misbehave(server: WebServer) -> None:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    for sent in (
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"GET " + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(sent)
    assert ask(server)[0].status == 200


def test_many_look_at_once(server: WebServer) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(ask(server)[0].status)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 12


def test_it_stops_while_somebody_is_connected() -> None:
    server = served()
    port = int(server.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60):
        server.stop()
        server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=60)


def test_what_is_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.evil")))
