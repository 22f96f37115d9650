"""Models of another host: what is asked and answered, who is let in, limits, and what goes wrong."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from runtime.providers.arbiter import Arbiter
from runtime.providers.arbiter_server import ArbiterServer, Settings, Slots, Unsafe
from runtime.providers.base import Health, Message, Request, Response
from runtime.providers.echo import Echo
from runtime.providers.errors import (
    Garbled,
    Interrupted,
    Misconfigured,
    ProviderError,
    Refused,
    TimedOut,
    Unavailable,
    UnknownModel,
)
from runtime.providers.registry import ModelRegistry
from tests.support.model_server import model_server

REQUEST = Request("far", (Message("system", "be brief"), Message("user", "hi")), timeout=60)
TOKENS = {"acme": "a" * 20, "other": "b" * 20}


class Model(Echo):
    """Does what a test says, and keeps what it was asked."""

    def __init__(self, work=None, id="m"):
        super().__init__(id)
        self.revision = "r7"
        self.asked, self.work = (
            [],
            work or (lambda request, on_text: Response("hello", "m", "r7", confidence=0.5)),
        )

    def infer(self, request, on_text=None):
        self.asked.append(request)
        return self.work(request, on_text)

    def capabilities(self):
        return frozenset({"chat", "grammar"})


@contextmanager
def serving(*models, log=None, registry=None, **settings):
    registry = registry or ModelRegistry({})
    for model in models:
        registry.register(model)
    options = {"port": 0, "offered": [model.id for model in models], "grace": 60.0, **settings}
    server = ArbiterServer(registry, Settings(**options), log=log)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client(server, **options):
    return Arbiter("far", **{"url": server.url, "model": "m", "attempts": 1, **options})


def ask(server, body, path="/v1/infer", method="POST", **headers):
    """Raw: status and JSON."""
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    connection.request(method, path, raw, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def body(**changes):
    return {"version": 1, "request": {"model": "m", "messages": [["user", "hi"]]}, **changes}


# --- what is asked and answered


def test_the_whole_request_arrives_and_the_whole_answer_comes_back():
    model = Model()
    request = Request(
        "far", (Message("user", "né \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")),),
        temperature=0.5, max_tokens=9, top_p=0.9, seed=-3, stop=("x",), grammar="root ::= y", schema="{}",
        tools=("{}",), timeout=60, core="x", accept=lambda response: True,
    )  # fmt: skip
    with serving(model) as server:
        asked = client(server)
        response = asked.infer(request)
        assert (response.text, response.revision, response.confidence) == ("hello", "r7", 0.5)
        assert asked.capabilities() == {"chat", "grammar", "stream"}
        assert (asked.revision, asked.health(), asked.local) == ("arbiter:r7", Health(True, "ready"), True)
        asked.close()
    [got] = model.asked
    assert (got.model, got.messages, got.timeout, got.core) == ("m", request.messages, 60, "x")
    assert got.key("") == Request(**{**{k: getattr(request, k) for k in (
        "messages", "temperature", "max_tokens", "top_p", "seed", "stop", "grammar", "schema", "tools",
    )}, "model": "m"}).key("")  # fmt: skip


def streams(*pieces):
    def work(request, on_text):
        for piece in pieces:
            on_text(piece)
        return Response("".join(pieces), "m", "r7")

    return work


def test_streaming():
    told = []
    with serving(Model(streams("a", "b\n", "ü"))) as server:
        assert client(server).infer(REQUEST, told.append).text == "ab\nü"
    assert told == ["a", "b\n", "ü"]


@pytest.mark.parametrize(
    "error",
    [Unavailable("m", "busy", after=3.5), TimedOut("m", "slow"), Refused("m", "no"), Garbled("m", "what"),
     Interrupted("m", "gone"), UnknownModel("m", "who")],
)  # fmt: skip
@pytest.mark.parametrize("streaming", [False, True])
def test_errors_keep_their_kind(error, streaming):
    def work(request, on_text):
        raise error

    with serving(Model(work)) as server, pytest.raises(type(error)) as caught:
        client(server).infer(REQUEST, print if streaming else None)
    assert type(caught.value) is type(error) and error.message in str(caught.value)
    assert getattr(caught.value, "after", None) == getattr(error, "after", None)


def test_secrets_of_the_server_stay_there():
    def work(request, on_text):
        raise Misconfigured("m", "the key cannot be read from /etc/secret", hint="chmod")

    with serving(Model(work)) as server, pytest.raises(Misconfigured, match="not set up rightly") as caught:
        client(server).infer(REQUEST)
    assert "secret" not in str(caught.value)


def test_a_model_of_somebody_else_that_breaks_does_not_break_the_server():
    def work(request, on_text):
        raise RuntimeError("private detail")

    with serving(Model(work)) as server:
        with pytest.raises(Interrupted, match="RuntimeError") as caught:
            client(server).infer(REQUEST)
        assert "private" not in str(caught.value)
        assert client(server).health().ok


def test_a_stream_that_fails_in_the_middle():
    def work(request, on_text):
        on_text("half")
        raise Unavailable("m", "away")

    told = []
    with serving(Model(work)) as server:
        with pytest.raises(Unavailable) as caught:
            client(server, attempts=3).infer(REQUEST, told.append)
        assert told == ["half"] and not caught.value.retryable


def test_only_what_is_offered():
    registry = ModelRegistry({"broken": {"provider": "rules", "path": "/nowhere"}})
    registry.register(Model(id="private"))
    with serving(Model(), registry=registry, offered=["m", "broken"]) as server:
        status, data = ask(server, None, "/v1/models", "GET")
        assert status == 200 and [m["id"] for m in data["models"]] == ["broken", "m"]
        assert "/nowhere" not in json.dumps(data)
        with pytest.raises(UnknownModel, match="offered"):
            client(server, model="private").infer(REQUEST)
        with pytest.raises(Refused, match="offers no model 'private'"):
            client(server, model="private").revision  # noqa: B018
        assert not client(server, model="broken").health().ok
    with pytest.raises(UnknownModel) as caught:
        ArbiterServer(registry, Settings(offered=["nothing"]))
    assert caught.value.hint == "there are broken, echo-model, m, private"


def test_a_model_that_does_not_say_how_it_is_holds_up_nobody(monkeypatch):
    go = threading.Event()

    class Silent(Model):
        def health(self):
            go.wait(60)
            return Health(True, "")

    wait = concurrent.futures.wait

    def until_one_has_said(healths, seconds):
        return wait(healths, 60, concurrent.futures.FIRST_COMPLETED)

    monkeypatch.setattr(concurrent.futures, "wait", until_one_has_said)
    with serving(Model(), Silent(id="silent")) as server:
        assert client(server).health().ok
        silent = client(server, model="silent")
        assert not silent.health().ok and silent.revision == "arbiter:r7"
        go.set()


def test_models_without_a_revision_have_no_key():
    registry = ModelRegistry({"m": {"provider": "rules", "path": "/nowhere"}})
    with (
        serving(registry=registry, offered=["m"]) as server,
        pytest.raises(Unavailable, match="not ready"),
    ):
        client(server).revision  # noqa: B018


def test_what_leads_elsewhere_is_not_local():
    assert Arbiter("far").local and not Arbiter("far", local=False).local
    assert not Arbiter("far", url="https://models.example").local


# --- who is let in


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_off_this_machine_tokens_are_needed(host):
    with pytest.raises(Unsafe, match="tokens"):
        ArbiterServer(ModelRegistry({}), Settings(host=host))
    ArbiterServer(ModelRegistry({}), Settings(host=host, tokens=TOKENS))


def test_tokens(monkeypatch):
    model, lines = Model(), []
    with serving(model, tokens=TOKENS, log=lines.append) as server:
        monkeypatch.setenv("TOKEN", TOKENS["acme"])
        assert client(server, key_env="TOKEN").infer(REQUEST).text == "hello"
        for wrong in ("c" * 20, "a" * 19, TOKENS["acme"] + "x"):
            monkeypatch.setenv("TOKEN", wrong)
            with pytest.raises(Refused, match="token"):
                client(server, key_env="TOKEN").infer(REQUEST)
            assert not client(server, key_env="TOKEN").health().ok
        with pytest.raises(Refused):
            client(server).infer(REQUEST)
    assert len(model.asked) == 1
    begin = [" ".join(line.split()[:4]) for line in lines]  # in any order: who is answered goes on at once
    assert begin.count("acme POST m 200") == 1 and begin.count("nobody POST - 401") == 4
    assert not any(token in line for token in TOKENS.values() for line in lines)


def test_pages_in_browsers_are_not_let_in():
    model = Model()
    with serving(model) as server:
        assert ask(server, body(), origin="http://127.0.0.1")[0] == 403
        assert ask(server, body(), host="evil.example")[0] == 403
        assert ask(server, body(), host="localhost:80")[0] == 200
        assert ask(server, json.dumps(body()).encode(), **{"content-type": "text/plain"})[0] == 415
    assert len(model.asked) == 1


def test_tenants_do_not_take_each_others_places():
    held, go = threading.Semaphore(0), threading.Event()

    def work(request, on_text):
        held.release()
        go.wait(60)
        return Response("done", "m", "r7")

    with serving(Model(work), tokens=TOKENS, per_tenant=2, most_requests=3) as server:
        acme, other = ({"authorization": f"Bearer {TOKENS[name]}"} for name in ("acme", "other"))
        threads = [threading.Thread(target=ask, args=(server, body()), kwargs=acme) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in threads:
            held.acquire(timeout=60)
        status, data = ask(server, body(), **acme)
        assert (status, data["error"]["code"], data["error"]["after"]) == (503, "LM003", 1.0)
        threads.append(threading.Thread(target=ask, args=(server, body()), kwargs=other))
        threads[-1].start()
        held.acquire(timeout=60)
        assert ask(server, body(), **other)[0] == 503  # all places are taken
        go.set()
        for thread in threads:
            thread.join(60)
        assert ask(server, body(), **acme)[0] == 200


def test_who_has_an_answer_has_a_place_again(monkeypatch):
    give_back = Slots.give_back

    def late(slots, tenant):
        time.sleep(0.05)
        give_back(slots, tenant)

    monkeypatch.setattr(Slots, "give_back", late)
    with serving(Model(), per_tenant=1) as server:
        assert [ask(server, body())[0] for _ in range(3)] == [200] * 3


# --- what goes wrong


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"version": 2}', body(version=None), body(request=[]),
     body(request={}), body(request={"model": "m", "messages": []}), body(request={"model": "m"}),
     body(request={"model": 3, "messages": [["user", "x"]]}),
     body(request={"model": "m", "messages": [["root", "x"]]}),
     body(request={"model": "m", "messages": [["user", 1]]}),
     body(request={"model": "m", "messages": [["user", "x"]], "more": 1}),
     body(request={"model": "m", "messages": [["user", "x"]], "temperature": True}),
     body(request={"model": "m", "messages": [["user", "x"]], "temperature": -1}),
     body(request={"model": "m", "messages": [["user", "x"]], "timeout": 1e309}),
     body(request={"model": "m", "messages": [["user", "x"]], "max_tokens": 0}),
     body(request={"model": "m", "messages": [["user", "x"]], "seed": 1 << 70}),
     b"[" * 200_000],
    ids=str,
)  # fmt: skip
def test_bad_requests(raw):
    model = Model()
    with serving(model) as server:
        status, data = ask(server, raw)
        assert status == 400 and data["error"]["code"] == "LM007", data
    assert model.asked == []


def test_other_paths_and_methods():
    with serving(Model()) as server:
        assert ask(server, None, "/", "GET")[0] == 404
        assert ask(server, body(), "/v1/other")[0] == 404
        with pytest.raises(json.JSONDecodeError):  # http.server's own page
            ask(server, None, "/v1/models", "DELETE")


def raw_exchange(server, text, wait=60.0):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(text)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def test_bodies_that_are_too_big_or_lie_about_their_length():
    start = b"POST /v1/infer HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with serving(Model(), most_bytes=1000) as server:
        for size in (1001, 1_000_000, 20_000_000):  # who sends it whole before reading hears of it, too
            assert ask(server, b"x" * size)[0] == 413
        for header, status in (
            (b"content-length: 99999999999999999999", 413), (b"content-length: -1", 411), (b"", 411),
            (b"content-length: 5\r\ntransfer-encoding: chunked", 411), (b"content-length: x", 411),
        ):  # fmt: skip
            answer = raw_exchange(server, start + header + b"\r\n\r\n" if header else start + b"\r\n")
            assert answer.startswith(f"HTTP/1.1 {status}".encode()), answer[:100]
        assert b" 431 " in raw_exchange(server, start + b"x: y\r\n" * 500 + b"\r\n")
        assert ask(server, body())[0] == 200


@pytest.mark.parametrize("pause", [0.02, 0.0], ids=["slow", "more than can be read"])
def test_the_server_ends_what_takes_too_long(pause):
    left = threading.Event()

    def work(request, on_text):
        try:
            while True:
                time.sleep(pause)
                on_text(".")
        except Interrupted:
            left.set()
            raise

    with serving(Model(work), most_seconds=0.3) as server:
        with pytest.raises(TimedOut):
            client(server).infer(REQUEST, lambda text: None)
        assert left.wait(60)


def test_a_listener_who_leaves_ends_the_work():
    left = threading.Event()

    def work(request, on_text):
        try:
            while True:
                on_text("x" * 10_000)
        except ProviderError:
            left.set()
            raise

    class Enough(Exception):
        pass

    def stop(text):
        raise Enough

    with serving(Model(work)) as server:
        with pytest.raises(Enough):
            client(server).infer(REQUEST, stop)
        assert left.wait(60)
        assert server.slots.wait(60)


def test_stopping_lets_requests_end_and_takes_no_new_ones():
    started, go = threading.Event(), threading.Event()

    def work(request, on_text):
        started.set()
        go.wait(60)
        return Response("done", "m", "r7")

    answers = []
    with serving(Model(work), grace=60.0) as server:
        url = server.url
        asking = threading.Thread(target=lambda: answers.append(client(server).infer(REQUEST).text))
        asking.start()
        assert started.wait(60)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        while not server.stopping:
            time.sleep(0.01)
        go.set()
        stopping.join(60)
        asking.join(60)
    assert answers == ["done"]
    with pytest.raises(Unavailable):
        Arbiter("far", url=url, attempts=1).infer(REQUEST)


def test_what_was_not_started_opens_nothing():
    before = set(threading.enumerate())  # of which some may be about to end
    server = ArbiterServer(ModelRegistry({}), Settings(offered=[]))
    Arbiter("far")
    assert set(threading.enumerate()) <= before and server.stop()


GARBAGE = [
    b"", b"<html>", b"[]", b"{}", b'{"response": {}}', b'{"response": {"text": 3}}', b'{"error": 3}',
    b'{"response": {"text": "x", "model": "m", "revision": "r", "stop_reason": "why", "input_tokens": 0,'
    b' "output_tokens": 0}}',
    b'{"response": {"text": "x", "model": "m", "revision": "r", "stop_reason": "stop", "input_tokens": 0,'
    b' "output_tokens": 0, "confidence": NaN}}',
    b'{"response": {"text": "x", "model": "m", "revision": "r", "stop_reason": "stop", "input_tokens": -5,'
    b' "output_tokens": 0, "confidence": 1}}',
]  # fmt: skip


@pytest.mark.parametrize("data", GARBAGE)
@pytest.mark.parametrize("streaming", [False, True])
def test_garbage_from_a_server(data, streaming):
    def script(handler, body):
        handler.answer(
            200, data, {"content-type": "application/x-ndjson" if streaming else "application/json"}
        )

    with model_server(script) as server, pytest.raises((Garbled, Interrupted)):
        Arbiter("far", url=server.url.removesuffix("/v1"), attempts=1).infer(
            REQUEST, print if streaming else None
        )


def test_a_server_that_is_none_or_away():
    url = "http://127.0.0.1:1"
    away = Arbiter("far", url=url, attempts=1)
    with pytest.raises(Unavailable):
        away.infer(REQUEST)
    with pytest.raises(Unavailable):
        away.revision  # noqa: B018
    assert not away.health().ok and away.capabilities() == {"chat", "stream"}
    assert Arbiter("far", url=url, revision="7").revision == "7"


def test_no_redirect_is_followed(monkeypatch):
    monkeypatch.setenv("TOKEN", TOKENS["acme"])
    with model_server() as other:

        def script(handler, body):
            handler.answer(307, {}, {"location": other.url})

        with model_server(script) as server, pytest.raises(Refused, match="307"):
            Arbiter("far", url=server.url, key_env="TOKEN", attempts=1).infer(REQUEST)
        assert other.requests == []


@pytest.mark.parametrize(
    "text",
    [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n", b"POST /v1/infer\r\n\r\n",
     b"\x00" * 5000, b"GET " + b"a" * 70_000,
     b"POST /v1/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nab",
     b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \xff\xfe\r\nconnection: close\r\n"
     b"\r\n"],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_http_harms_nobody(text):
    lines = []
    with serving(Model(), log=lines.append) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        assert client(server).infer(REQUEST).text == "hello"
    assert not any("internal" in line for line in lines)


def test_silent_connections_do_not_keep_others_out():
    with serving(Model()) as server:
        host, port = server.url.removeprefix("http://").split(":")
        silent = [socket.create_connection((host, int(port)), timeout=60) for _ in range(40)]
        assert client(server).infer(REQUEST).text == "hello"
        for connection in silent:
            connection.close()


class Broken(Model):
    """Of somebody else: raises where none may."""

    @property
    def revision(self):
        raise RuntimeError("/etc/secret")

    @revision.setter
    def revision(self, given):
        pass


def test_a_model_that_cannot_say_what_it_is_hides_no_other():
    with serving(Model(), Broken(id="broken")) as server:
        status, found = ask(server, None, "/v1/models", "GET")
        assert status == 200 and "secret" not in json.dumps(found)
        assert [(model["id"], model["ok"]) for model in found["models"]] == [("broken", False), ("m", True)]
        assert client(server).infer(REQUEST).text == "hello"


@pytest.mark.parametrize("answer", [None, 7, Response(None, "m", "1"), Response(object(), "m", "1")])
@pytest.mark.parametrize("streaming", [False, True])
def test_what_a_model_gives_in_place_of_an_answer_is_garbage(answer, streaming):
    with (
        serving(Model(lambda request, on_text: answer)) as server,
        pytest.raises(Garbled, match="no answer"),
    ):
        client(server).infer(REQUEST, (lambda text: None) if streaming else None)


def test_faults_of_the_server_are_told():
    lines = []
    odd = Response("x", "m", "1", input_tokens=object())
    with serving(Model(lambda request, on_text: odd), log=lines.append) as server:
        status, found = ask(server, body())
    assert (status, found["error"]["message"]) == (500, "the server failed")
    assert any("internal error" in line for line in lines)
