"""What servers of models do wrong, and what must not get out: keys."""

from __future__ import annotations

import datetime
import gzip
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

from runtime.providers.asking import AnswerError, Question, ask
from runtime.providers.base import Message, Request
from runtime.providers.constraints import schema_of
from runtime.providers.errors import (
    Garbled,
    Interrupted,
    Misconfigured,
    ProviderError,
    Refused,
    TimedOut,
    Unavailable,
)
from runtime.providers.http import seconds_of
from runtime.providers.openai_compat import OpenAiCompatible, _is_strict
from tests.support.model_server import completion, fail, model_server, say

REQUEST = Request("m", (Message("user", "hi"),), timeout=60)
KEY = "sk-secret-7f3a"


def model(server, **options):
    return OpenAiCompatible("m", **{"url": server.url, "attempts": 1, **options})


def chunk(text=None, finish=None):
    return {"choices": [{"delta": {"content": text} if text else {}, "finish_reason": finish}]}


# --- answers


@pytest.mark.parametrize("type", ["text/html", "image/png; charset=x", "application/octet-stream"])
def test_a_wrong_content_type(type):
    with (
        model_server(lambda h, b: h.answer(200, completion("x"), {"content-type": type})) as server,
        pytest.raises(Garbled, match=type.partition(";")[0]),
    ):
        model(server).infer(REQUEST)


@pytest.mark.parametrize(
    "type", ["application/json", "application/json; charset=utf-8", "application/problem+json", "text/plain"]
)
def test_content_types_that_do(type):
    with model_server(lambda h, b: h.answer(200, completion("x"), {"content-type": type})) as server:
        assert model(server).infer(REQUEST).text == "x"


def test_a_server_that_does_not_stream_though_asked_to():
    told = []
    with model_server(
        lambda h, b: h.answer(200, completion("whole"), {"content-type": "application/json"})
    ) as server:
        assert model(server).infer(REQUEST, told.append).text == "whole"
    assert told == ["whole"]


def test_a_compressed_answer_is_not_unpacked():
    packed = gzip.compress(b"0" * (1 << 20))
    with (
        model_server(lambda h, b: h.answer(200, packed, {"content-encoding": "gzip"})) as server,
        pytest.raises(Garbled, match="compressed"),
    ):
        model(server).infer(REQUEST)


@pytest.mark.parametrize("status", [200, 500])
def test_huge_answers_are_given_up(status):
    sent = []

    def flood(handler, body):
        handler.send_response(status)
        handler.end_headers()
        try:
            for _ in range(400):
                handler.wfile.write(b" " * (1 << 20))
                sent.append(1)
        except OSError:
            pass

    with model_server(flood) as server, pytest.raises(Garbled, match="more than"):
        model(server).infer(REQUEST)
    assert len(sent) < 300


@pytest.mark.parametrize(
    "data",
    [b"[" * 300_000, b'{"choices": [{"message": {"content": 3}}]}', b'{"choices": {"0": 1}}',
     b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}}',
     b'{"choices": [{"message": {"content": "x"}, "finish_reason": ["stop"]}]}',
     b'{"choices": [{"message": {"content": "x"}}], "usage": 7}', b"\xff" * 100_000],
    ids=range(7),
)  # fmt: skip
@pytest.mark.parametrize("streaming", [False, True])
def test_garbage_is_told_of_shortly(data, streaming):
    def script(handler, body):
        if streaming:
            handler.stream(data.decode("utf-8", "replace"), chunk("x", "stop"))
        else:
            handler.answer(200, data)

    with model_server(script) as server:
        try:
            text = model(server).infer(REQUEST, print if streaming else None).text
        except Garbled as error:
            assert len(str(error)) < 300
        else:
            assert streaming and text == "x"  # what is no choice of ours is passed over


@pytest.mark.parametrize(
    "last",
    [{"usage": {"prompt_tokens": "many"}}, {"usage": [1]},
     {"choices": [{"delta": {}, "finish_reason": ["stop"]}]}],
)  # fmt: skip
def test_a_stream_whose_end_is_garbage(last):
    with (
        model_server(lambda h, b: h.stream(chunk("x", "stop"), last)) as server,
        pytest.raises(Garbled),
    ):
        model(server).infer(REQUEST, lambda text: None)


def test_a_stream_of_empty_and_other_pieces():
    pieces = [
        {"choices": []}, {"choices": None}, {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"role": "a"}}]}, {"choices": [{"index": 1, "delta": {"content": "other"}}]},
        chunk("x"), chunk(None, "stop"),
    ]  # fmt: skip
    told = []
    with model_server(lambda h, b: h.stream(*pieces)) as server:
        assert model(server).infer(REQUEST, told.append).text == "x"
    assert told == ["x"]


def test_an_error_in_a_stream():
    with (
        model_server(lambda h, b: h.stream(chunk("x"), {"error": {"message": "overheated"}})) as server,
        pytest.raises(Interrupted, match="overheated"),
    ):
        model(server).infer(REQUEST, lambda text: None)


def test_what_a_listener_raises_is_not_blamed_on_the_server():
    class Mine(TypeError):
        pass

    def listen(text):
        raise Mine

    with model_server(lambda h, b: h.stream(chunk("x", "stop"))) as server, pytest.raises(Mine):
        model(server).infer(REQUEST, listen)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_connection_that_breaks(streaming):
    def script(handler, body):
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'data: {"choices"')
        handler.close_connection = True

    with model_server(script) as server, pytest.raises((Interrupted, Garbled)) as caught:
        model(server).infer(REQUEST, print if streaming else None)
    assert caught.type is Interrupted


def test_a_stream_that_stalls(monkeypatch):
    go, told, real, late = threading.Event(), [], time.monotonic, [0.0]

    def script(handler, body):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
        handler.wfile.flush()
        go.wait(120)

    def listen(text):
        told.append(text)
        late[0] = 59.8  # so long took what has come so far

    monkeypatch.setattr("runtime.providers.http.time", SimpleNamespace(monotonic=lambda: real() + late[0]))
    with model_server(script) as server, pytest.raises(TimedOut):
        try:
            model(server, attempts=3).infer(REQUEST, listen)
        finally:
            go.set()
    assert told == ["a"] and len(server.requests) == 1


def test_halves_of_characters():
    data = rb'{"choices": [{"message": {"content": "a\ud800b"}}]}'
    with model_server(lambda h, b: h.answer(200, data)) as server:
        text = model(server).infer(REQUEST).text
    assert text == "a?b" and text.encode()


def test_a_refusal_in_a_whole_answer():
    data = completion("")
    data["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "never"}
    with model_server(lambda h, b: h.answer(200, data)) as server:
        response = model(server).infer(REQUEST)
    assert (response.text, response.stop_reason) == ("never", "refusal")


def test_messages_hold_nothing_that_a_terminal_obeys():
    with model_server(fail(400, "\x1b[2Jred\x07 \u202e")) as server, pytest.raises(Refused) as caught:
        model(server).infer(REQUEST)
    assert "red" in str(caught.value) and str(caught.value).isprintable()
    about = Question("f", "", "(declare f [a : Int] : [:and :string [:max-length 3]])", [1])
    with model_server(say('"\x1b[2Jlong"')) as server, pytest.raises(AnswerError) as caught:
        ask(about, model(server).infer, "m")
    assert "\x1b" not in str(caught.value)


# --- when to come back


def test_dates_in_retry_after():
    now = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC).timestamp()
    assert seconds_of("Tue, 01 Jan 2030 00:00:30 GMT", now) == 30
    assert seconds_of("Mon, 31 Dec 2029 00:00:00 GMT", now) == 0
    assert [seconds_of(text, now) for text in ("7", "0.5", "-3")] == [7, 0.5, 0]
    for text in ("inf", "nan", "soon", "", None, "Tue, 99 Foo 2030"):
        assert seconds_of(text, now) is None


# --- keys


def test_keys_are_in_no_message(monkeypatch, tmp_path):
    monkeypatch.setenv("MODEL_KEY", KEY)

    def echo(handler, body):
        handler.answer(401, {"error": {"message": f"wrong key: {handler.headers['authorization']}"}})

    with model_server(echo) as server, pytest.raises(Refused, match="wrong key: Bearer …") as caught:
        model(server, key_env="MODEL_KEY").infer(REQUEST)
    assert KEY not in repr(caught.value) + repr(vars(model(server, key_env="MODEL_KEY")))
    request = Request("m", REQUEST.messages)
    assert KEY not in repr(request) and KEY not in request.key("")


@pytest.mark.parametrize("key", ["sk-\nx: y", "sk-ä", "sk a", "sk\r\n"])
def test_keys_that_no_header_can_have(monkeypatch, tmp_path, key):
    file = tmp_path / "key"
    file.write_bytes((key + "b").encode())
    with model_server() as server:
        with pytest.raises(Misconfigured, match="one word of ASCII") as caught:
            model(server, key_file=str(file)).infer(REQUEST)
        assert "sk" not in str(caught.value) and server.requests == []


def test_redirects_do_not_take_the_key_along(monkeypatch):
    monkeypatch.setenv("MODEL_KEY", KEY)
    with model_server() as other, model_server(fail(302, location=other.url)) as server:
        with pytest.raises(Refused):
            model(server, key_env="MODEL_KEY").infer(REQUEST)
        assert other.requests == []


# --- TLS


@pytest.fixture
def certificate(tmp_path):
    """Of 127.0.0.1, signed by itself."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return str(path)


def test_certificates(certificate):
    from runtime.providers.arbiter import Arbiter
    from runtime.providers.arbiter_server import ArbiterServer, Settings
    from runtime.providers.registry import ModelRegistry

    server = ArbiterServer(
        ModelRegistry({}), Settings(port=0, offered=["echo-model"], certificate=certificate)
    )
    server.start()
    try:
        options = {"url": server.url, "model": "echo-model", "attempts": 2}
        assert Arbiter("m", **options, ca_file=certificate).infer(REQUEST).text == "[ECHO] hi"
        with pytest.raises(Misconfigured, match="not to be trusted") as caught:
            Arbiter("m", **options).infer(REQUEST)
        assert caught.value.hint == "ca_file"
        with pytest.raises(Misconfigured, match="certificates cannot be read"):
            Arbiter("m", **options, ca_file=certificate + "x").infer(REQUEST)
        plain = server.url.replace("https", "http")
        with pytest.raises(ProviderError):
            Arbiter("m", **{**options, "url": plain, "attempts": 1}).infer(REQUEST)
    finally:
        server.stop()


def test_http_where_https_was_said():
    with model_server() as server, pytest.raises(Misconfigured, match="not to be trusted"):
        OpenAiCompatible("m", url=server.url.replace("http:", "https:"), attempts=2).infer(REQUEST)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "urllib3", None)
    monkeypatch.setitem(sys.modules, "urllib3.exceptions", None)
    asked = OpenAiCompatible("m", url="http://127.0.0.1:1/v1")
    with pytest.raises(Misconfigured, match="needs the package urllib3") as caught:
        asked.infer(REQUEST)
    assert caught.value.hint == "pip install 'rtfsc[models]'"
    assert "urllib3" in asked.health().detail


# --- what is asked


def test_schemas_and_grammars_go_where_they_are_understood():
    schema = schema_of(":int")
    asked = Request("m", REQUEST.messages, schema=schema, grammar="root ::= x", timeout=60)
    with model_server() as server:
        model(server).infer(asked)
        body = server.requests[0][2]
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["grammar"] == "root ::= x"
    assert model(server).capabilities() == {"chat", "stream", "schema", "seed"}
    assert model(server, schema=False, grammar=True).capabilities() == {"chat", "stream", "grammar", "seed"}
    assert not _is_strict({"type": "object", "properties": {"a": {}}, "required": []})
    assert not _is_strict({"anyOf": [{"type": "object", "additionalProperties": {}}]})


def test_a_server_that_knows_no_schema():
    asked = Request("m", REQUEST.messages, schema=schema_of(":int"), timeout=60)
    with model_server(fail(400, "response_format?")) as server, pytest.raises(Refused) as caught:
        model(server).infer(asked)
    assert "schema = false" in caught.value.hint


def test_a_typed_question_over_http():
    about = Question("f", "", "(declare f [a : Int] : [:map [:n :int]])", [1])
    with model_server(say("I think it is 3"), say('{"value": {"n": 3}}')) as server:
        asked = model(server)
        answer = ask(about, asked.infer, "m", capabilities=asked.capabilities())
        assert [len(body["messages"]) for _, _, body in server.requests] == [2, 4]
    assert {key.name: value for key, value in answer.value.items()} == {"n": 3}
    with model_server(say("no")) as server, pytest.raises(AnswerError):
        ask(about, model(server).infer, "m")
    with model_server(fail(503)) as server, pytest.raises(Unavailable):
        ask(about, model(server).infer, "m")


# --- servers that do not even speak HTTP rightly


@contextmanager
def raw_server(answer):
    """Calls ``answer`` with the socket of each request, which was read to its end: closing a connection with
    something unread in it throws away what was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=work, args=(connection,), daemon=True).start()

        def work(connection):
            with connection, suppress(OSError), connection.makefile("rb") as request:
                length = 0
                while (line := request.readline()).strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                request.read(length)
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # which ends the waiting for another connection


def test_headers_that_come_a_byte_at_a_time_do_not_take_longer_than_is_waited():
    over = threading.Event()

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nx-drip: ")
        while not over.wait(0.02):
            connection.sendall(b"a")

    with raw_server(drip) as url, pytest.raises(TimedOut):
        try:
            OpenAiCompatible("m", url=url, attempts=1).infer(
                Request("m", (Message("user", "hi"),), timeout=0.3)
            )
        finally:
            over.set()


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", Interrupted),
        (b"\x00\xff" * 100, Interrupted),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n", Interrupted),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}", Interrupted),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n", Interrupted),
        (
            b"HTTP/1.1 429 No\r\nretry-after: Mon, 01 Jan 99999999999999999999 00:00:00 GMT\r\n\r\n",
            Unavailable,
        ),
    ],
)
def test_answers_that_are_no_http(raw, error):
    with raw_server(lambda connection: connection.sendall(raw)) as url, pytest.raises(error):
        OpenAiCompatible("m", url=url, attempts=1).infer(REQUEST)


@pytest.mark.parametrize(("status", "error"), [(429, Unavailable), (503, Unavailable), (401, Refused)])
@pytest.mark.parametrize("rest", [b"", b"0\r\n\r\n", b"zz\r\n"], ids=["reset", "whole", "garbled"])
def test_a_status_counts_though_its_text_breaks_off(status, error, rest):
    begun = b"HTTP/1.1 %d No\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbusy\r\n" % status

    def answer(connection):
        connection.sendall(begun + rest)
        if not rest:  # a close that does not wait is a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(answer) as url, pytest.raises(error, match=f"HTTP {status}"):
        OpenAiCompatible("m", url=url, attempts=1).infer(REQUEST)


@pytest.mark.parametrize("usage", [{"prompt_tokens": float("inf")}, [1], {"prompt_tokens": "many"}])
def test_usage_that_is_none(usage):
    answer = {**completion("x"), "usage": usage}
    with (
        model_server(lambda h, b: h.answer(200, answer)) as server,
        pytest.raises(Garbled, match="not an answer of this protocol"),
    ):
        model(server).infer(REQUEST)
