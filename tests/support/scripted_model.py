"""A model that says what a test wants, and counts how often it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from runtime.providers.base import Health, Message, OnText, Request, Response


class ScriptedModel:
    """``text``: the answer, or what makes it of a request (it may raise); ``fields``: of the `Response`."""

    local = True

    def __init__(
        self, text: str | Callable[[Request], str] = "hello", *, revision: str = "1", **fields: Any
    ) -> None:
        self.id, self.revision = "m", revision
        self.text, self.fields = text, fields
        self.asked: list[Request] = []
        self._lock = threading.Lock()

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        with self._lock:
            self.asked.append(request)
        text = self.text if isinstance(self.text, str) else self.text(request)
        if on_text is not None:
            on_text(text)
        return Response(text, self.id, self.revision, **self.fields)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        return Health(True, "scripted")

    def close(self) -> None:
        pass


def question(text: str = "hi", **fields: Any) -> Request:
    """As a user asks it."""
    return Request("m", (Message("system", "be brief"), Message("user", text)), **fields)
