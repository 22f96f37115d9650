"""Registries that answer what no registry should."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from shops import Shop, open_shop_at, place

from runtime.store.bundles import documents as oci
from runtime.store.bundles.errors import RegistryError
from runtime.store.bundles.registry import pull, push
from runtime.store.errors import StoreError

Answer = tuple[int, dict[str, str], bytes]


class Hostile:
    """Answers every request by ``answer``; ``asked`` has method, path and credentials of each."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str], Answer] = lambda method, path: (404, {}, b"")
        self.asked: list[tuple[str, str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.asked.append((self.command, self.path, self.headers.get("authorization")))
                status, headers, body = outer.answer(self.command, self.path)
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = _any

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    shop = open_shop_at(place("memory", request))
    yield shop
    shop.close()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTFSC_REGISTRY_USER", "team")
    monkeypatch.setenv("RTFSC_REGISTRY_PASSWORD", "secret")


@pytest.mark.parametrize(
    "body",
    [b'{"errors":["no"]}', b'{"errors":[{"message":7}]}', b'{"errors":{}}', b"[" * 100_000, b"\xff", b"[1]"],
)
def test_errors_in_no_form(shop: Shop, hostile: Hostile, body: bytes) -> None:
    hostile.answer = lambda method, path: (418, {}, body)
    with pytest.raises(RegistryError, match="HTTP 418"):
        pull(shop.store, f"{hostile.address}/team/modules:v1")


@pytest.mark.parametrize("where", ["http://[::1", "http://127.0.0.1:1/v2/", "//elsewhere.example/x", "\x7f"])
def test_uploads_sent_elsewhere(shop: Shop, hostile: Hostile, where: str) -> None:
    def answer(method: str, path: str) -> Answer:
        return (202, {"location": where}, b"") if method == "POST" else (404, {}, b"")

    hostile.answer = answer
    with pytest.raises(RegistryError):
        push(shop.store, [shop.entry], f"{hostile.address}/team/modules:v1")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    "realm", ["http://tokens.example/", "ftp://127.0.0.1/", "http://[::1", "", "nonsense"]
)
def test_credentials_are_not_sent_where_others_could_read_them(
    shop: Shop, hostile: Hostile, realm: str
) -> None:
    challenge = {"www-authenticate": f'Bearer realm="{realm}",service="x"'}
    hostile.answer = lambda method, path: (401, challenge, b"")
    with pytest.raises(RegistryError, match="a way that is not known"):
        pull(shop.store, f"{hostile.address}/team/modules:v1")
    assert all(sent is None for _, _, sent in hostile.asked)


@pytest.mark.usefixtures("credentials")
def test_credentials_are_not_given_to_whom_a_registry_redirects(shop: Shop, hostile: Hostile) -> None:
    thief = Hostile()
    try:
        challenge = {"www-authenticate": f'Bearer realm="{thief.address}/token"'}
        thief.answer = lambda method, path: (401, challenge, b'{"token":"x"}')
        hostile.answer = lambda method, path: (307, {"location": f"{thief.address}/v2/x"}, b"")
        with pytest.raises(RegistryError, match="sends elsewhere"):
            pull(shop.store, f"{hostile.address}/team/modules:v1")
        assert all(sent is None for _, _, sent in thief.asked)
    finally:
        thief.close()


def test_an_index_of_contents_that_never_come(shop: Shop, hostile: Hostile) -> None:
    descriptor = {"mediaType": oci.MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 2}
    index = json.dumps({"manifests": [descriptor]}).encode()
    hostile.answer = lambda method, path: (200, {}, index if path.endswith("v1") else b"{}")
    with pytest.raises(StoreError, match="does not fit its digest"):
        pull(shop.store, f"{hostile.address}/team/modules:v1")
