"""Embeddings by a model in a GGUF file, through llama.cpp (`rtfsc[llama]`)."""

from __future__ import annotations

import hashlib
import os
import threading
from array import array
from collections.abc import Sequence
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any


class GgufEmbedder:
    """``path``: of the model. One thread by default: with more, single calls stall on a busy machine."""

    def __init__(self, path: str | os.PathLike[str], *, threads: int = 1) -> None:
        self._path = Path(path)
        self._threads = threads
        self._lock = threading.Lock()

    @cached_property
    def tag(self) -> str:
        """Of the content of the file: the same model anywhere, and no other."""
        with open(self._path, "rb") as file:
            return f"gguf-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"

    @cached_property
    def _model(self) -> Any:
        try:
            from llama_cpp import Llama
        except ImportError:
            raise ImportError(
                "embeddings by a GGUF model need llama-cpp-python: pip install 'rtfsc[llama]'"
            ) from None
        if not self._path.is_file():
            raise FileNotFoundError(f"no model {self._path}")
        return Llama(
            str(self._path), embedding=True, n_ctx=512, n_threads=self._threads,
            n_threads_batch=self._threads, verbose=False,
        )  # fmt: skip

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        """Texts beyond the model's context are cut off."""
        found = []
        with self._lock:
            for text in texts:
                values = self._model.embed(text or " ", truncate=True)
                length = sqrt(sum(value * value for value in values)) or 1.0
                found.append(array("f", [value / length for value in values]))
        return found

    def close(self) -> None:
        with self._lock:
            model = self.__dict__.pop("_model", None)
            if model is not None:
                model.close()
