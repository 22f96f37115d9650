"""Any server that speaks the chat-completions protocol, on this machine or elsewhere.

Source of the protocol: the published API reference of chat completions, the part that llama.cpp, vLLM,
Ollama and the hosted services share.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runtime.offline import offline
from runtime.providers.base import Health, OnText, Request, Response, StopReason
from runtime.providers.errors import Garbled, Interrupted, Misconfigured, Refused, TimedOut, Unavailable
from runtime.providers.retry import Retry, retrying

if TYPE_CHECKING:
    import urllib3

_MOST_BYTES = 16 << 20
_CONNECT_SECONDS = 10.0
_HEALTH_SECONDS = 5.0
_STOPS: dict[str, StopReason] = {
    "stop": "stop", "length": "length", "content_filter": "refusal", "tool_calls": "tool",
}  # fmt: skip
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class OpenAiCompatible:
    """``url``: the part before ``/chat/completions``. ``model``: the server's name for it (default: the
    id). The key comes from the environment variable ``key_env`` or the file ``key_file``, never from a
    setting. ``cost``: of a typical call. ``revision``: to be raised when the model behind the name
    changes. ``attempts``: how often a request is tried in all."""

    def __init__(
        self,
        id: str,
        *,
        url: str,
        model: str | None = None,
        key_env: str | None = None,
        key_file: str | None = None,
        cost: float = 0.0,
        revision: str = "",
        attempts: int = 3,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(id, f"not an http address: {url}")
        if parts.username or parts.password:
            raise Misconfigured(id, "the address holds a password", hint="use key_env or key_file")
        self.id = id
        self.local = parts.hostname in _LOCAL
        self.revision = revision or model or id
        self._url, self._model, self._cost = url.rstrip("/"), model or id, cost
        self._key_env, self._key_file = key_env, key_file
        self._retry = Retry(attempts)

    # -- the protocol

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        """Where pieces were handed to ``on_text`` already, the request is not tried again."""
        told = False

        def tell(text: str) -> None:
            nonlocal told
            told = True
            assert on_text is not None
            on_text(text)

        def attempt() -> Response:
            try:
                return self._ask(request, tell if on_text is not None else None)
            except (Interrupted, TimedOut, Unavailable) as error:
                error.retryable = not told
                raise

        return retrying(attempt, self._retry, request.timeout)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat", "stream", "schema", "seed"})

    def cost_per_call(self) -> float:
        return self._cost

    def health(self) -> Health:
        import urllib3

        try:
            answer = self._pool.request(
                "GET", f"{self._url}/models", headers=self._headers, timeout=_HEALTH_SECONDS
            )
        except (urllib3.exceptions.HTTPError, Misconfigured) as error:
            return Health(False, _reason(error))
        return Health(answer.status == 200, f"HTTP {answer.status}")

    def close(self) -> None:
        pool = self.__dict__.pop("_pool", None)
        if pool is not None:
            pool.clear()

    # -- one attempt

    def _ask(self, request: Request, on_text: OnText | None) -> Response:
        import urllib3

        start = time.monotonic()
        end = start + request.timeout
        try:
            answer = self._pool.request(
                "POST", f"{self._url}/chat/completions", headers=self._headers,
                body=json.dumps(self._body(request, on_text is not None)).encode(), preload_content=False,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, request.timeout), read=request.timeout),
            )  # fmt: skip
            try:
                self._check_status(answer, end)
                if on_text is None:
                    response = self._whole(b"".join(self._pieces(answer, end)))
                else:
                    response = self._stream(self._pieces(answer, end), on_text)
            finally:
                # A connection with the rest of an answer in it must not be used again.
                answer.close()
        except urllib3.exceptions.NewConnectionError as error:  # a kind of its TimeoutError
            raise Unavailable(self.id, f"cannot be reached ({_reason(error)})") from error
        except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise TimedOut(self.id, f"no answer within {request.timeout:g} s") from error
        except urllib3.exceptions.ProtocolError as error:
            raise Interrupted(self.id, f"the connection broke off ({_reason(error)})") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(self.id, f"cannot be reached ({_reason(error)})") from error
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
            schema = {"name": "answer", "strict": True, "schema": json.loads(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.grammar is not None:
            body["grammar"] = request.grammar  # llama.cpp's server obeys it, others do not know the field
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    def _check_status(self, answer: urllib3.BaseHTTPResponse, end: float) -> None:
        if answer.status == 200:
            return
        text = b"".join(self._pieces(answer, end)).decode("utf-8", "replace")
        message = f"HTTP {answer.status}: {_error_text(text)}"
        if answer.status in (408, 425, 429) or answer.status >= 500:
            raise Unavailable(self.id, message, after=_seconds(answer.headers.get("retry-after")))
        hint = "is the key right?" if answer.status in (401, 403) else None
        raise Refused(self.id, message, hint=hint)

    def _pieces(self, answer: urllib3.BaseHTTPResponse, end: float) -> Iterator[bytes]:
        size = 0
        while piece := answer.read1(65536):
            size += len(piece)
            if size > _MOST_BYTES:
                raise Garbled(self.id, f"an answer of more than {_MOST_BYTES} bytes")
            if time.monotonic() > end:
                raise TimeoutError
            yield piece

    def _whole(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
            choice = answer["choices"][0]
            text = choice["message"]["content"]
            if not isinstance(text, str):
                text = choice["message"].get("refusal") or ""
            return self._response(answer, text, choice.get("finish_reason"))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise Garbled(self.id, f"not an answer of this protocol ({error!r})") from error

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
                    raise Interrupted(self.id, _error_text(data))
                last = {**last, **{k: v for k, v in chunk.items() if v is not None}}
                for choice in chunk.get("choices") or ():
                    text = choice.get("delta", {}).get("content")
                    if text:
                        texts.append(text)
                        on_text(text)
                    finish = choice.get("finish_reason") or finish
            except (ValueError, TypeError, AttributeError) as error:
                raise Garbled(self.id, f"not a piece of an answer ({error!r})") from error
        if finish is None:
            raise Interrupted(self.id, "the answer stopped in the middle")
        return self._response(last, "".join(texts), finish)

    def _response(self, answer: dict[str, Any], text: str, finish: Any) -> dict[str, Any]:
        usage = answer.get("usage") or {}
        return {
            "text": text,
            "model": str(answer.get("model") or self._model),
            "revision": self.revision,
            "stop_reason": _STOPS.get(finish, "stop"),
            "input_tokens": int(usage.get("prompt_tokens") or 0),
            "output_tokens": int(usage.get("completion_tokens") or 0),
        }

    # -- what it needs

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        if offline():
            raise Misconfigured(self.id, "needs a network, and this is offline")
        try:
            import urllib3
        except ImportError:
            raise Misconfigured(
                self.id, "needs the package urllib3", hint="pip install 'rtfsc[models]'"
            ) from None
        # Redirects could lead elsewhere, with the key.
        return urllib3.PoolManager(retries=False, maxsize=8)

    @property
    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        key = self._key()
        if key:
            headers["authorization"] = f"Bearer {key}"
        return headers

    def _key(self) -> str | None:
        if self._key_env is not None:
            key = os.environ.get(self._key_env)
            if not key:
                raise Misconfigured(self.id, f"the environment variable {self._key_env} is not set")
            return key
        if self._key_file is not None:
            try:
                return Path(self._key_file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Misconfigured(self.id, f"the key cannot be read: {error}") from None
        return None


def _events(pieces: Iterator[bytes]) -> Iterator[str]:
    """The data of server-sent events."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].decode("utf-8", "replace").strip()


def _error_text(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        found = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        found = text
    return " ".join(str(found).split())[:300]


def _seconds(header: str | None) -> float | None:
    """Of a Retry-After header that gives seconds; dates are ignored."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None)
    return str(inner if inner is not None else error)[:200] or type(error).__name__
