"""Record what a model answers, and answer from the recording later: for tests and audits.

A recording is a file of JSON lines, one per answer, appended as they come: the key of the request, the
request itself for the reader, and the response or the error.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.once import once
from runtime.providers import errors
from runtime.providers.base import Health, ModelProvider, OnText, Request, Response
from runtime.providers.errors import Misconfigured, ProviderError, Refused

_ERRORS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ProviderError)
}


class Recorded:
    """Asks another model and keeps what it answers, errors too."""

    def __init__(self, model: ModelProvider, path: str | os.PathLike[str]) -> None:
        self.id, self.local = model.id, model.local
        self._model, self._path = model, Path(path)
        self._lock = threading.Lock()

    @property
    def revision(self) -> str:
        return self._model.revision

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        try:
            response = self._model.infer(request, on_text)
        except ProviderError as error:
            self._append(request, {"error": {"code": error.code, "message": error.message}})
            raise
        self._append(request, {"response": asdict(response)})
        return response

    def _append(self, request: Request, outcome: dict[str, Any]) -> None:
        asked = {key: value for key, value in asdict(request).items() if key not in ("accept", "core")}
        line = json.dumps({"key": request.key(self.revision), "request": asked, **outcome})
        with self._lock, open(self._path, "a", encoding="utf-8", opener=_private) as file:
            file.write(line + "\n")

    def capabilities(self) -> frozenset[str]:
        return self._model.capabilities()

    def cost_per_call(self) -> float:
        return self._model.cost_per_call()

    def health(self) -> Health:
        return self._model.health()

    def close(self) -> None:
        self._model.close()


class Replayed:
    """Answers from a recording, without any model. The same request gets its answers in the order in
    which they were recorded, and the last one from then on."""

    local = True

    def __init__(self, id: str, *, path: str | os.PathLike[str]) -> None:
        self.id = id
        self._path = Path(path)
        self._lock = threading.Lock()

    @once
    def _answers(self) -> dict[str, list[Response | ProviderError]]:
        found: dict[str, list[Response | ProviderError]] = defaultdict(list)
        for key, answer in _read(self.id, self._path):
            found[key].append(answer)
        return found

    @property
    def revision(self) -> str:
        return "recording"

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        with self._lock:
            answers = self._answers.get(_any_key(request))
            if not answers:
                raise Refused(self.id, f"{self._path} has no answer to this request")
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, ProviderError):
            raise answer
        if on_text is not None:
            on_text(answer.text)
        return answer

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat", "grammar", "schema", "seed"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        try:
            return Health(True, f"{len(self._answers)} requests recorded")
        except Misconfigured as error:
            return Health(False, error.message)

    def close(self) -> None:
        pass


def _private(path: str, flags: int) -> int:
    """What is asked may be anybody's data."""
    return os.open(path, flags, 0o600)


def _any_key(request: Request) -> str:
    """Of the request alone: a recording answers for the model that it was made with."""
    return request.key("")


def _read(id: str, path: Path) -> Iterator[tuple[str, Response | ProviderError]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(id, f"the recording cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            yield _any_key(_request(data["request"])), _answer(id, data)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # The last line may be cut off where a process was killed while it wrote.
            if number == len(lines):
                return
            raise Misconfigured(id, f"{path}:{number}: not a recorded answer ({error})") from None


def _request(data: dict[str, Any]) -> Request:
    from runtime.providers.base import Message

    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
    }
    fields["messages"] = tuple(Message(*message) for message in data["messages"])
    return Request(**fields)


def _answer(id: str, data: dict[str, Any]) -> Response | ProviderError:
    if "response" in data:
        return Response(**data["response"])
    code, message = data["error"]["code"], data["error"]["message"]
    kind = _ERRORS.get(code, ProviderError)
    return kind(id, message) if kind is not errors.AnswerError else ProviderError(id, message)
