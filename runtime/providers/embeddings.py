"""Embeddings by a server: any that speaks the embeddings protocol of the chat-completions services."""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Sequence
from typing import Any

from runtime.providers.errors import Garbled
from runtime.providers.http import Endpoint
from runtime.providers.retry import Retry, retrying

_BATCH = 64
"""Texts of one request."""


class HttpEmbedder:
    """An `Embedder` (`runtime.meaning.embedding`). ``url``: the part before ``/embeddings``; ``model``: the
    server's name for it; ``key_env``, ``key_file``, ``ca_file``, ``attempts`` as of `OpenAiCompatible`;
    ``dimensions``: asked for, where the model lets one choose; ``timeout``: seconds of one request.

    The tag names address, model, dimensions and ``revision``: vectors of another server or model are never
    compared with these. Nobody can see from outside that a server changed the model behind a name: raise
    ``revision`` then.
    """

    def __init__(
        self,
        *,
        url: str,
        model: str,
        key_env: str | None = None,
        key_file: str | None = None,
        ca_file: str | None = None,
        revision: str = "",
        dimensions: int | None = None,
        attempts: int = 3,
        timeout: float = 30.0,
    ) -> None:
        self._server = Endpoint(model, url, key_env=key_env, key_file=key_file, ca_file=ca_file)
        self.local = self._server.local
        self._model, self._dimensions, self._timeout = model, dimensions, timeout
        self._retry = Retry(attempts)
        self._size: int | None = dimensions
        who = json.dumps([self._server.url, model, revision, dimensions])
        self.tag = f"http-{model}-{hashlib.sha256(who.encode()).hexdigest()[:16]}"

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        """Raises `ProviderError`."""
        found: list[array[float]] = []
        for at in range(0, len(texts), _BATCH):
            batch = [text or " " for text in texts[at : at + _BATCH]]
            found += retrying(lambda batch=batch: self._asked(batch), self._retry, self._timeout)  # type: ignore[misc]
        return found

    def close(self) -> None:
        self._server.close()

    def _asked(self, texts: list[str]) -> list[array[float]]:
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        with self._server.ask("POST", "/embeddings", body, self._timeout) as reply:
            reply.check()
            data = b"".join(reply.pieces())
        try:
            rows = sorted(json.loads(data)["data"], key=lambda row: row["index"])
            if [row["index"] for row in rows] != list(range(len(texts))):
                raise ValueError("not one vector per text")
            return [self._vector(row["embedding"]) for row in rows]
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise Garbled(
                self._model, f"not embeddings ({type(error).__name__}: {str(error)[:100]})"
            ) from error

    def _vector(self, values: list[float]) -> array[float]:
        if any(isinstance(value, bool) for value in values):
            raise TypeError("not numbers")
        length = math.sqrt(math.fsum(value * value for value in values))
        if not values or not math.isfinite(length) or not length:
            raise ValueError("no direction")
        if self._size is None:
            self._size = len(values)
        if len(values) != self._size:
            raise ValueError(f"{len(values)} dimensions, where there were {self._size}")
        return array("f", [value / length for value in values])
