"""A real embedding model in GGUF, where its weights can be had."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from tiny_models import ROOT, maker, tiny_model

from runtime.providers.errors import Crashed, Misconfigured
from runtime.providers.gguf_embedder import GgufEmbedder


@pytest.fixture(scope="module")
def model():
    try:
        return maker("minilm").make(ROOT / "build" / "models")
    except RuntimeError as error:
        pytest.skip(str(error))


def test_like_meanings_lie_close(model):
    embedder = GgufEmbedder(model)
    cat, kitten, tax, empty = embedder.embed(
        ["A cat sits there", "The kitten is sitting", "Tax on income", ""]
    )

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert len(cat) == 384
    assert cosine(cat, cat) == pytest.approx(1, abs=1e-4)
    assert cosine(cat, kitten) > 0.5 > cosine(cat, tax) + 0.2
    assert cosine(empty, empty) == pytest.approx(1, abs=1e-4)
    assert embedder.embed(["A cat sits there"])[0] == pytest.approx(cat, abs=1e-3)
    assert embedder.embed(["word " * 5000])[0]
    embedder.close()


def test_the_tag_is_that_of_the_content(model, tmp_path):
    copy = tmp_path / "other-name.gguf"
    copy.write_bytes(model.read_bytes())
    assert GgufEmbedder(copy).tag == GgufEmbedder(model).tag
    copy.write_bytes(model.read_bytes() + b"x")
    assert GgufEmbedder(copy).tag != GgufEmbedder(model).tag


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(Misconfigured, match=r"none\.gguf"):
        GgufEmbedder(tmp_path / "none.gguf").embed(["x"])
    with pytest.raises(Misconfigured, match=r"none\.gguf"):
        GgufEmbedder(tmp_path / "none.gguf").tag  # noqa: B018


@pytest.fixture
def small():
    """The tiny model of texts, whose vectors mean nothing."""
    embedder = GgufEmbedder(tiny_model())
    yield embedder
    embedder.close()


def test_any_text_has_a_vector(small):
    texts = ["", "a", "a", "\0", "\ud800", "é" * 5000, " "]
    vectors = small.embed(texts)
    assert len(vectors) == len(texts) and vectors[1] == vectors[2]
    for vector in vectors:
        assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-5)
    assert small.embed([]) == []


def test_a_crash_is_an_error_and_the_next_call_is_none(small, monkeypatch):
    before = small.embed(["a"])
    failed: list[BaseException] = []
    begun, received = threading.Event(), small._process._next

    def next_message(*args):
        message = received(*args)
        begun.set()  # the child says that it has begun before it says anything else
        return message

    monkeypatch.setattr(small._process, "_next", next_message)

    def ask() -> None:
        try:
            small.embed(["word " * 200] * 5000)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(60)
    os.kill(small._process.pid, signal.SIGKILL)
    thread.join(60)
    assert [type(error) for error in failed] == [Crashed]
    assert small.embed(["a"]) == before
