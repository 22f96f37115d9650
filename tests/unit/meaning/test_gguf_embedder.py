"""A real embedding model in GGUF, where llama.cpp and the weights can be had."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from runtime.meaning.gguf import GgufEmbedder

ROOT = Path(__file__).resolve().parents[3]
needs_llama = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed (rtfsc[llama])"
)


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("gguf", reason="gguf makes the model")
    pytest.importorskip("safetensors", reason="safetensors reads the weights")
    sys.path.insert(0, str(ROOT / "scripts" / "models"))
    try:
        import minilm

        return minilm.make(ROOT / "build" / "models")
    except RuntimeError as error:
        pytest.skip(str(error))
    finally:
        sys.path.pop(0)


@needs_llama
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


@needs_llama
def test_the_tag_is_that_of_the_content(model, tmp_path):
    copy = tmp_path / "other-name.gguf"
    copy.write_bytes(model.read_bytes())
    assert GgufEmbedder(copy).tag == GgufEmbedder(model).tag
    copy.write_bytes(model.read_bytes() + b"x")
    assert GgufEmbedder(copy).tag != GgufEmbedder(model).tag


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises((FileNotFoundError, ImportError), match=r"no model|llama-cpp-python"):
        GgufEmbedder(tmp_path / "none.gguf").embed(["x"])
