"""Any server that speaks the chat-completions protocol, on this machine or elsewhere.

Source of the protocol: the published API reference of chat completions, the part that llama.cpp, vLLM,
Ollama and the hosted services share.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

from runtime.providers.base import Health, OnText, Request, Response, StopReason
from runtime.providers.errors import Garbled, Interrupted, ProviderError, Refused
from runtime.providers.http import Endpoint, error_text
from runtime.providers.retry import Retry, retrying_untold

_HEALTH_SECONDS = 5.0
_STOPS: dict[str, StopReason] = {
    "stop": "stop", "length": "length", "content_filter": "refusal", "tool_calls": "tool",
}  # fmt: skip
_GARBAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError)


class OpenAiCompatible:
    """``url``: the part before ``/chat/completions``. ``model``: the server's name for it (default: the
    id). The key comes from the environment variable ``key_env`` or the file ``key_file``, never from a
    setting. ``ca_file``: certificates to trust instead of the system's. ``cost``: of a typical call.
    ``revision``: to be raised when the model behind the name changes. ``attempts``: how often a request is
    tried in all. ``schema``: whether the server holds answers to a JSON Schema, ``grammar``: to GBNF, as
    llama.cpp's does. ``local = false``: an address on this machine leads elsewhere."""

    def __init__(
        self,
        id: str,
        *,
        url: str,
        model: str | None = None,
        key_env: str | None = None,
        key_file: str | None = None,
        ca_file: str | None = None,
        cost: float = 0.0,
        revision: str = "",
        attempts: int = 3,
        schema: bool = True,
        grammar: bool = False,
        local: bool = True,
    ) -> None:
        self._server = Endpoint(id, url, key_env=key_env, key_file=key_file, ca_file=ca_file)
        self.id, self.local = id, self._server.local and local
        # The same name at another server is another model.
        where = hashlib.sha256(f"{self._server.url} {model or id}".encode()).hexdigest()[:8]
        self.revision = f"{revision or model or id}-{where}"
        self._model, self._cost = model or id, cost
        self._retry = Retry(attempts)
        self._abilities = {"schema": schema, "grammar": grammar}

    # -- the protocol

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        """Where pieces were handed to ``on_text`` already, the request is not tried again."""
        return retrying_untold(lambda tell: self._ask(request, tell), on_text, self._retry, request.timeout)

    def capabilities(self) -> frozenset[str]:
        able = {name for name, given in self._abilities.items() if given}
        return frozenset({"chat", "stream", "seed"}) | able

    def cost_per_call(self) -> float:
        return self._cost

    def health(self) -> Health:
        try:
            status, _ = self._server.get("/models", _HEALTH_SECONDS)
        except ProviderError as error:
            return Health(False, error.message)
        return Health(status == 200, f"HTTP {status}")

    def close(self) -> None:
        self._server.close()

    # -- one attempt

    def _ask(self, request: Request, on_text: OnText | None) -> Response:
        start = time.monotonic()
        body = self._body(request, on_text is not None)
        with self._server.ask("POST", "/chat/completions", body, request.timeout) as reply:
            try:
                reply.check()
            except Refused as error:
                if request.schema is not None and reply.status in (400, 422):
                    error.hint = "does the server know JSON Schema? if not: schema = false"
                raise
            if on_text is None:
                response = self._whole(b"".join(reply.pieces()))
            elif reply.type == "application/json":  # a server that cannot stream
                response = self._whole(b"".join(reply.pieces()))
                on_text(response["text"])
            else:
                response = self._stream(reply.pieces(), on_text)
        return Response(**response, seconds=time.monotonic() - start)

    def _body(self, request: Request, stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
        }
        if request.seed is not None:
            body["seed"] = request.seed
        if request.stop:
            body["stop"] = list(request.stop)
        if request.tools:
            body["tools"] = [json.loads(tool) for tool in request.tools]
        if request.schema is not None:
            data = json.loads(request.schema)
            schema = {"name": "answer", "strict": _is_strict(data), "schema": data}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.grammar is not None:
            body["grammar"] = request.grammar  # llama.cpp's server obeys it, others do not know the field
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    def _whole(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
            choice = answer["choices"][0]
            text, finish = choice["message"].get("content"), choice.get("finish_reason")
            refusal = choice["message"].get("refusal")
            if refusal:
                text, finish = str(refusal), "content_filter"
            if text is None and finish in ("content_filter", "tool_calls"):
                text = ""
            if not isinstance(text, str):
                raise TypeError("no text")
            return self._response(answer, text, finish)
        except _GARBAGE as error:
            raise self._garbled("not an answer of this protocol", error) from error

    def _stream(self, pieces: Iterator[bytes], on_text: OnText) -> dict[str, Any]:
        texts: list[str] = []
        finish: str | None = None
        last: dict[str, Any] = {}
        for data in _events(pieces):
            if data == "[DONE]":
                break
            try:
                chunk = json.loads(data)
                if "error" in chunk:
                    raise Interrupted(self.id, error_text(data))
                last = {**last, **{k: v for k, v in chunk.items() if v is not None}}
                text, finish = _piece(chunk, finish)
            except _GARBAGE as error:
                raise self._garbled("not a piece of an answer", error) from error
            if text:
                texts.append(text)
                on_text(text)
        if finish is None:
            raise Interrupted(self.id, "the answer stopped in the middle")
        try:
            return self._response(last, "".join(texts), finish)
        except _GARBAGE as error:
            raise self._garbled("not an answer of this protocol", error) from error

    def _garbled(self, what: str, error: Exception) -> Garbled:
        return Garbled(self.id, f"{what} ({type(error).__name__}: {str(error)[:100]})")

    def _response(self, answer: dict[str, Any], text: str, finish: Any) -> dict[str, Any]:
        usage = answer.get("usage") or {}
        return {
            "text": _writable(text),
            "model": _writable(str(answer.get("model") or self._model)),
            "revision": self.revision,
            "stop_reason": _STOPS.get(finish, "stop"),
            "input_tokens": max(0, int(usage.get("prompt_tokens") or 0)),
            "output_tokens": max(0, int(usage.get("completion_tokens") or 0)),
        }


def _writable(text: str) -> str:
    """Halves of characters cannot be written anywhere."""
    return text.encode("utf-8", "replace").decode()


def _piece(chunk: dict[str, Any], finish: str | None) -> tuple[str, str | None]:
    """Text and reason to stop, of the first of the answers that there may be."""
    choices = chunk.get("choices") or ()
    if not choices or choices[0].get("index", 0) != 0:
        return "", finish
    text = (choices[0].get("delta") or {}).get("content") or ""
    if not isinstance(text, str):
        raise TypeError("a text that is none")
    return text, choices[0].get("finish_reason") or finish


def _events(pieces: Iterator[bytes]) -> Iterator[str]:
    """The data of server-sent events."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].decode("utf-8", "replace").strip()


def _is_strict(schema: Any) -> bool:
    """Whether services that call a schema strict take it: no field may be optional or unnamed."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        named = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(named):
            return False
        return all(map(_is_strict, named.values()))
    return "prefixItems" not in schema and all(map(_is_strict, schema.values()))
