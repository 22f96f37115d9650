from __future__ import annotations

from array import array

import pytest

from rtfsc.source import SourceFile
from runtime.caches.manager import CacheManager
from runtime.caches.semantic import SemanticCache
from runtime.caches.vectors import MemoryVectors
from runtime.delegation.policy_file import PolicyError
from runtime.delegation.setup import open_delegation
from runtime.engine import Runtime
from runtime.meaning.embedding import Lexical
from runtime.providers.base import Message, Request
from runtime.providers.echo import Echo
from runtime.providers.embedders import open_embedder
from runtime.providers.embeddings import HttpEmbedder
from runtime.providers.errors import Garbled, Misconfigured, Refused, Unavailable
from tests.support.model_server import fail, model_server


def vectors(*rows, order=None):
    def script(handler, body):
        found = [{"index": i, "embedding": rows[i % len(rows)]} for i in range(len(body["input"]))]
        handler.answer(200, {"data": found if order is None else [found[i] for i in order]})

    return script


def embedder(server, **options):
    return HttpEmbedder(**{"url": server.url, "model": "small", "attempts": 2, **options})


def test_vectors_of_length_one_in_the_order_of_the_texts(monkeypatch):
    monkeypatch.setenv("EMBED_KEY", "sesame")
    with model_server(vectors([3.0, 4.0], [0, 2], order=[1, 0])) as server:
        found = embedder(server, key_env="EMBED_KEY").embed(["a", ""])
        path, headers, body = server.requests[0]
    assert [list(v) for v in found] == [pytest.approx([0.6, 0.8]), [0.0, 1.0]]
    assert (path, headers["authorization"]) == ("/v1/embeddings", "Bearer sesame")
    assert body == {"model": "small", "input": ["a", " "], "encoding_format": "float"}


def test_many_texts_go_in_batches():
    with model_server(vectors([1.0])) as server:
        assert len(embedder(server, dimensions=1).embed(["x"] * 130)) == 130
        assert [len(body["input"]) for _, _, body in server.requests] == [64, 64, 2]
        assert server.requests[0][2]["dimensions"] == 1
        assert embedder(server).embed([]) == []


def test_the_tag_tells_servers_models_and_revisions_apart():
    base = {"url": "http://127.0.0.1:1/v1", "model": "small"}
    others = [
        {}, {"url": "http://127.0.0.1:2/v1"}, {"model": "large"}, {"revision": "2"}, {"dimensions": 8},
    ]  # fmt: skip
    tags = [HttpEmbedder(**{**base, **other}).tag for other in others]
    assert len(set(tags)) == len(tags)
    assert tags[0] == HttpEmbedder(**base, key_env="OTHER").tag


@pytest.mark.parametrize(
    "data",
    [b"<html>", b"{}", b"[]", b'{"data": []}', b'{"data": [{"index": 0}]}', b'{"data": [3]}',
     b'{"data": [{"index": 0, "embedding": []}]}', b'{"data": [{"index": 0, "embedding": [0, 0]}]}',
     b'{"data": [{"index": 0, "embedding": ["a"]}]}', b'{"data": [{"index": 0, "embedding": [true]}]}',
     b'{"data": [{"index": 0, "embedding": [NaN]}]}', b'{"data": [{"index": 1, "embedding": [1]}]}',
     b'{"data": [{"index": 0, "embedding": [1e999]}]}', b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
     b'{"data": ' + b"[" * 100_000],
)  # fmt: skip
def test_garbage(data):
    with (
        model_server(lambda handler, body: handler.answer(200, data)) as server,
        pytest.raises(Garbled, match="not embeddings"),
    ):
        embedder(server).embed(["a"])


def test_another_dimension_than_before_is_refused():
    with model_server(vectors([1.0, 0.0]), vectors([1.0])) as server:
        asked = embedder(server)
        asked.embed(["a"])
        with pytest.raises(Garbled, match="1 dimensions, where there were 2"):
            asked.embed(["b"])


def test_failures_are_typed():
    with model_server(fail(500), vectors([1.0])) as server:
        assert embedder(server).embed(["a"])
    with model_server(fail(401)) as server, pytest.raises(Refused):
        embedder(server).embed(["a"])
    with pytest.raises(Unavailable):
        HttpEmbedder(url="http://127.0.0.1:1/v1", model="m", attempts=1).embed(["a"])
    with pytest.raises(Misconfigured):
        HttpEmbedder(url="file:///etc", model="m")


def test_an_index_keeps_embedders_apart():
    index = MemoryVectors()
    index.add("group", Lexical.tag, "core", array("f", [1.0]))
    with model_server(vectors([1.0])) as server:
        asked = embedder(server)
        vector = asked.embed(["core"])[0]
    assert index.nearest("group", asked.tag, vector, 5) == []
    assert len(index.nearest("group", Lexical.tag, vector, 5)) == 1


def test_a_cache_does_without_an_embedder_that_fails():
    request = Request("echo-model", (Message("user", "hello"),))
    with model_server(fail(500)) as server:
        manager = CacheManager(l3=SemanticCache(embedder(server, attempts=1), MemoryVectors()))
        assert manager.infer(Echo(), request).text == "[ECHO] hello"
        manager.close()


@pytest.mark.parametrize(
    "name, message",
    [("", "no embedder"), ("lexicon", "no embedder"), ("https://x/v1", "names no model"),
     ("ftp://x#m", "no embedder"),
     ("https://me:secret@x/v1#m", "password")],
)  # fmt: skip
def test_names_that_name_no_embedder(name, message):
    with pytest.raises(Misconfigured, match=message):
        open_embedder(name)


def test_the_environment_names_an_embedder(monkeypatch):
    with model_server(vectors([1.0, 0.0])) as server:
        monkeypatch.setenv("RTFSC_EMBEDDER", f"{server.url}#small")
        monkeypatch.setenv("RTFSC_EMBEDDER_KEY", "sesame")
        with Runtime() as runtime:
            assert runtime.embedder.tag == embedder(server).tag
            assert list(runtime.embedder.embed(["a"])[0]) == [1.0, 0.0]
        assert server.requests[0][1]["authorization"] == "Bearer sesame"
    monkeypatch.delenv("RTFSC_EMBEDDER")
    assert isinstance(Runtime().embedder, Lexical)


def test_a_policy_file_names_an_embedder():
    text = '[caches.l3]\nindex = "memory"\nembedder = "{}"\nembedder_key_env = "K"\n'
    with open_delegation(text=text.format("http://127.0.0.1:1/v1#small")) as delegating:
        l3 = delegating.manager.l3
        assert l3.embedder.tag.startswith("http-small-")
    with pytest.raises(PolicyError, match="no embedder 'http"):
        open_delegation(text=text.format("http://127.0.0.1:1/v1"))


def test_a_module_is_published_though_its_embedder_is_away(tmp_path):
    away = HttpEmbedder(url="http://127.0.0.1:1/v1", model="small", attempts=1)
    source = '(defn twice "Doubles a number" [n : Int] : Int (* 2 n))'
    with (
        Runtime.init(home=tmp_path, embedder=away) as runtime,
        pytest.warns(UserWarning, match="store embed"),
    ):
        assert runtime.publish(SourceFile("a.rtfs", source), name="a", inputs=3).created
