from __future__ import annotations

import threading

import pytest

from runtime.providers.base import Message, Request
from runtime.providers.errors import Garbled, Interrupted, Misconfigured, Refused, TimedOut, Unavailable
from runtime.providers.openai_compat import OpenAiCompatible
from tests.support.model_server import completion, fail, model_server, say

REQUEST = Request(
    "m", (Message("system", "be brief"), Message("user", "hi")), seed=3, stop=("\n",), timeout=60
)


def model(server, **options):
    return OpenAiCompatible("m", url=server.url, **options)


def chunk(text=None, finish=None):
    return {"choices": [{"delta": {"content": text} if text else {}, "finish_reason": finish}]}


def test_an_answer_with_all_its_fields():
    with model_server() as server:
        response = model(server, model="big", cost=0.5).infer(REQUEST)
        path, headers, body = server.requests[0]
    assert (response.text, response.model, response.stop_reason) == ("hello", "served", "stop")
    assert (response.input_tokens, response.output_tokens) == (7, 3)
    assert response.seconds > 0
    assert path == "/v1/chat/completions"
    assert "authorization" not in headers
    assert body == {
        "model": "big", "temperature": 0.0, "top_p": 1.0, "max_tokens": 512, "seed": 3, "stop": ["\n"],
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    }  # fmt: skip


def test_streaming_tells_each_piece():
    events = [
        chunk("he"),
        chunk("llo"),
        chunk(None, "stop"),
        {"choices": [], "usage": {"completion_tokens": 2}},
    ]
    told = []
    with model_server(lambda handler, body: handler.stream(*events)) as server:
        response = model(server).infer(REQUEST, told.append)
        assert server.requests[0][2]["stream"] is True
    assert told == ["he", "llo"]
    assert (response.text, response.stop_reason, response.output_tokens) == ("hello", "stop", 2)


def test_a_stream_that_stops_is_not_an_answer_and_not_asked_again():
    with (
        model_server(lambda handler, body: handler.stream(chunk("he"), done=False)) as server,
        pytest.raises(Interrupted, match="in the middle") as caught,
    ):
        try:
            model(server).infer(REQUEST, lambda text: None)
        finally:
            assert len(server.requests) == 1
    assert not caught.value.retryable


def test_overload_is_tried_again():
    with model_server(fail(429, retry_after="0.01"), fail(503, retry_after="0"), say("now")) as server:
        assert model(server).infer(REQUEST).text == "now"
        assert len(server.requests) == 3


def test_attempts_end():
    with model_server(fail(500, "boom")) as server:
        with pytest.raises(Unavailable, match="HTTP 500: boom"):
            model(server, attempts=2).infer(REQUEST)
        assert len(server.requests) == 2


def test_a_pause_beyond_the_timeout_is_not_waited_for():
    with model_server(fail(429, retry_after="600")) as server, pytest.raises(Unavailable) as caught:
        model(server).infer(REQUEST)
    assert caught.value.after == 600


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 302])
def test_a_refusal_is_final(status):
    with model_server(fail(status, "not you", location="http://127.0.0.1:1/")) as server:
        with pytest.raises(Refused, match=f"HTTP {status}: not you"):
            model(server).infer(REQUEST)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "data",
    [b"<html>", b'{"choices": []}', b'{"choices": [{"message": 3}]}', b"[]", b'"x"', b"\xff\xfe", b"null"],
)
def test_garbage(data):
    with (
        model_server(lambda handler, body: handler.answer(200, data)) as server,
        pytest.raises(Garbled, match="not an answer"),
    ):
        model(server).infer(REQUEST)


@pytest.mark.parametrize("event", ["{", "[1]", '{"choices": [3]}', "7"])
def test_garbage_in_a_stream(event):
    with (
        model_server(lambda handler, body: handler.stream(event)) as server,
        pytest.raises(Garbled, match="not a piece"),
    ):
        model(server).infer(REQUEST, lambda text: None)


def test_slow_answers_time_out():
    over = threading.Event()

    def slow(handler, body):
        over.wait(60)

    with model_server(slow) as server, pytest.raises(TimedOut, match=r"0\.2 s"):
        try:
            model(server, attempts=1).infer(Request("m", REQUEST.messages, timeout=0.2))
        finally:
            over.set()


def test_a_dripping_answer_times_out():
    over = threading.Event()

    def drip(handler, body):
        handler.send_response(200)
        handler.end_headers()
        try:
            while not over.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass

    with model_server(drip) as server, pytest.raises(TimedOut):
        try:
            model(server, attempts=1).infer(Request("m", REQUEST.messages, timeout=0.4))
        finally:
            over.set()


def test_nobody_there():
    url = "http://127.0.0.1:1/v1"
    with pytest.raises(Unavailable, match="cannot be reached"):
        OpenAiCompatible("m", url=url, attempts=1).infer(REQUEST)
    health = OpenAiCompatible("m", url=url).health()
    assert not health.ok


def test_refusals_of_the_model_and_cut_answers():
    def refuse(handler, body):
        data = completion("", "content_filter")
        data["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I will not"}
        handler.answer(200, data)

    with model_server(refuse, say("cut", "length")) as server:
        asked = model(server)
        assert (asked.infer(REQUEST).text, asked.infer(REQUEST).stop_reason) == ("I will not", "length")
        server.scripts = [refuse]
        assert asked.infer(REQUEST).stop_reason == "refusal"


def test_the_key_comes_from_outside(monkeypatch, tmp_path):
    monkeypatch.setenv("MODEL_KEY", "from-env")
    (tmp_path / "key").write_text("from-file\n")
    with model_server() as server:
        model(server, key_env="MODEL_KEY").infer(REQUEST)
        model(server, key_file=str(tmp_path / "key")).infer(REQUEST)
        sent = [headers["authorization"] for _, headers, _ in server.requests]
        monkeypatch.delenv("MODEL_KEY")
        with pytest.raises(Misconfigured, match="MODEL_KEY"):
            model(server, key_env="MODEL_KEY").infer(REQUEST)
        assert model(server).health().ok
    assert sent == ["Bearer from-env", "Bearer from-file"]


def test_where_it_runs():
    assert OpenAiCompatible("m", url="http://localhost:8080/v1").local
    assert not OpenAiCompatible("m", url="https://models.example/v1").local
    for url in ("ftp://x", "nothing", "https://me:secret@models.example"):
        with pytest.raises(Misconfigured) as caught:
            OpenAiCompatible("m", url=url)
        assert "secret" not in str(caught.value)


def test_offline_nothing_is_asked(monkeypatch):
    monkeypatch.setenv("RTFSC_OFFLINE", "1")
    with model_server() as server:
        with pytest.raises(Misconfigured, match="offline"):
            model(server).infer(REQUEST)
        assert not model(server).health().ok and server.requests == []


def test_the_same_name_at_another_server_is_another_model():
    """Else one would answer for the other out of a cache."""
    first = OpenAiCompatible("m", url="http://127.0.0.1:1/v1")
    others = [
        OpenAiCompatible("m", url="http://127.0.0.1:2/v1"),
        OpenAiCompatible("m", url="http://127.0.0.1:1/v1", model="n"),
        OpenAiCompatible("m", url="http://127.0.0.1:1/v1", revision="2"),
    ]
    assert first.revision == OpenAiCompatible("m", url="http://127.0.0.1:1/v1").revision
    assert len({first.revision, *(model.revision for model in others)}) == 4
