"""A model that another rtfsc host offers: ``rtfsc serve --arbiter`` there, this here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from runtime.providers.arbiter_wire import STREAM, VERSION, read_error, read_response, request_json
from runtime.providers.base import Health, OnText, Request, Response
from runtime.providers.errors import (
    Garbled,
    Interrupted,
    ProviderError,
    Refused,
    Unavailable,
    printable,
)
from runtime.providers.http import Endpoint, Reply
from runtime.providers.retry import Retry, retrying_untold

_DESCRIBE_SECONDS = 5.0
_DESCRIBED_FOR = 300.0
"""Seconds after which it is asked again what the model is."""
_GRACE_SECONDS = 1.0
"""The server ends a request at its timeout; its answer that says so takes a moment."""


class Arbiter:
    """``url``: of the server; ``model``: its id there (default: the same as here). ``key_env``, ``key_file``:
    where the token is, if the server asks for one; ``ca_file``: certificates to trust instead of the
    system's. ``cost``: of a typical call. ``revision``: instead of asking the server for the revision of its
    model, so that caches answer while it is away. ``attempts``: how often a request is tried in all.
    ``local = false``: an address on this machine leads elsewhere."""

    def __init__(
        self,
        id: str,
        *,
        url: str = "http://localhost:8080",
        model: str | None = None,
        key_env: str | None = None,
        key_file: str | None = None,
        ca_file: str | None = None,
        cost: float = 0.0,
        revision: str = "",
        attempts: int = 3,
        local: bool = True,
    ) -> None:
        self._server = Endpoint(id, url, key_env=key_env, key_file=key_file, ca_file=ca_file)
        self.id, self.local = id, self._server.local and local
        self._model, self._cost, self._revision = model or id, cost, revision
        self._retry = Retry(attempts)
        self._known: tuple[float, dict[str, Any]] | None = None

    @property
    def revision(self) -> str:
        """Raises `ProviderError` where the server has to be asked and cannot be."""
        if self._revision:
            return self._revision
        found = self._described()
        if not found["revision"]:
            self._known = None
            raise Unavailable(self.id, "the model is not ready on the server")
        return f"arbiter:{found['revision']}"

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        """Where pieces were handed to ``on_text`` already, the request is not tried again."""
        return retrying_untold(lambda tell: self._ask(request, tell), on_text, self._retry, request.timeout)

    def capabilities(self) -> frozenset[str]:
        """Those of the model there; the least while the server cannot be asked."""
        try:
            return frozenset({*self._described()["capabilities"], "stream"})
        except ProviderError:
            return frozenset({"chat", "stream"})

    def cost_per_call(self) -> float:
        return self._cost

    def health(self) -> Health:
        self._known = None
        try:
            found = self._described()
        except ProviderError as error:
            return Health(False, error.message)
        return Health(bool(found["ok"]), printable(str(found["detail"])[:200]))

    def close(self) -> None:
        self._server.close()

    # -- inside

    def _ask(self, request: Request, on_text: OnText | None) -> Response:
        start = time.monotonic()
        asked = request_json(request) | {"model": self._model}
        body = {"version": VERSION, "request": asked, "stream": on_text is not None}
        with self._server.ask("POST", "/v1/infer", body, request.timeout + _GRACE_SECONDS) as reply:
            self._check(reply)
            try:
                if reply.type == STREAM and on_text is not None:
                    data = self._streamed(reply, on_text)
                else:
                    data = json.loads(b"".join(reply.pieces()))
                return read_response(data["response"], time.monotonic() - start)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise self._garbled(error) from error

    def _streamed(self, reply: Reply, on_text: OnText) -> Any:
        for line in _lines(reply.pieces()):
            data = json.loads(line)
            if not isinstance(data, dict):
                raise TypeError("a line that is no object")
            if "response" in data:
                return data
            failure = read_error(self.id, data)
            if failure is not None:
                raise failure
            if not isinstance(data.get("text"), str):
                raise TypeError("a line without a text")
            on_text(data["text"])
        raise Interrupted(self.id, "the answer stopped in the middle")

    def _check(self, reply: Reply) -> None:
        if reply.status == 200:
            reply.check()
            return
        data = reply.explanation()
        try:
            failure = read_error(self.id, json.loads(data))
        except (ValueError, RecursionError):
            failure = None
        raise failure or reply.failure(data)

    def _described(self) -> dict[str, Any]:
        known = self._known
        if known is not None and time.monotonic() - known[0] < _DESCRIBED_FOR:
            return known[1]
        status, data = self._server.get("/v1/models", _DESCRIBE_SECONDS)
        if status in (401, 403):
            raise Refused(self.id, f"HTTP {status}: the server asks for another token", hint="key_env")
        if status != 200:
            raise Unavailable(self.id, f"HTTP {status}: the server does not say what models it has")
        try:
            [found] = [model for model in data["models"] if model["id"] == self._model]
            if not isinstance(found["revision"], str) or not all(map(str.isalpha, found["capabilities"])):
                raise TypeError("not a description of a model")
            found["ok"], found["detail"]
        except ValueError:
            raise Refused(self.id, f"the server offers no model {self._model!r}") from None
        except (KeyError, TypeError) as error:
            raise self._garbled(error) from error
        self._known = (time.monotonic(), found)
        return found  # type: ignore[no-any-return]

    def _garbled(self, error: Exception) -> Garbled:
        return Garbled(self.id, f"not an answer of an arbiter ({type(error).__name__}: {str(error)[:100]})")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest
