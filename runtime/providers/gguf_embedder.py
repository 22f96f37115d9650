"""Embeddings by a model in a GGUF file on this machine, through llama.cpp (`rtfsc[llama]`)."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from math import sqrt

from runtime.providers.errors import Misconfigured
from runtime.providers.llama.file import ModelFile
from runtime.providers.llama.process import LlamaProcess

_CONTEXT = 512


class GgufEmbedder:
    """An `Embedder` (`runtime.meaning.embedding`). ``path``: of the model. ``threads``: one by default: with
    more, single calls stall on a busy machine. ``timeout``: seconds for the texts of one call.

    The model runs in a process of its own, as that of `runtime.providers.llama_cpp`.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int = 1, timeout: float = 120.0) -> None:
        self._timeout = timeout
        self._file = ModelFile(os.path.basename(path), path, self.close)
        self._process = LlamaProcess(
            os.path.basename(path),
            {"path": str(self._file.path), "context": _CONTEXT, "threads": threads, "gpu_layers": 0,
             "memory": 0, "embedding": True},
        )  # fmt: skip

    @property
    def tag(self) -> str:
        """Of the content of the file: the same model anywhere, and no other. Raises `Misconfigured`."""
        return f"gguf-{self._file.digest()}"

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        """Texts beyond the model's context are cut off. Raises `ProviderError`."""
        if not texts:
            return []
        self._file.digest()
        vectors = self._process.ask({"embed": list(texts)}, self._timeout)["vectors"]
        return [self._unit(values) for values in vectors]

    def close(self) -> None:
        """Ends the model's process; the next text starts another one."""
        self._process.close()

    def _unit(self, values: list[float]) -> array[float]:
        length = sqrt(sum(value * value for value in values))
        if not 0 < length < float("inf"):
            raise Misconfigured(self._file.path.name, "the model gives no vectors; is it one for embeddings?")
        return array("f", [value / length for value in values])
