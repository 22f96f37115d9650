"""A model that says what it was asked: for tests and first steps."""

from __future__ import annotations

from runtime.providers.base import Health, OnText, Request, Response


class Echo:
    """Answers ``prefix`` and the last message."""

    local = True

    def __init__(self, id: str = "echo-model", *, prefix: str = "[ECHO] ") -> None:
        self.id, self.revision = id, f"1 {prefix}"
        self._prefix = prefix

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        text = self._prefix + (request.messages[-1].content if request.messages else "")
        if on_text is not None:
            on_text(text)
        return Response(text, self.id, self.revision, confidence=1.0)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat", "stream", "seed"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        return Health(True, "always there")

    def close(self) -> None:
        pass
