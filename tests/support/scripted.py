"""Models whose answers a test writes down, and runtimes in folders of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.engine import Runtime
from runtime.providers.base import Health, OnText, Request, Response
from runtime.providers.errors import ProviderError

Answer = "str | ProviderError | Callable[[Request], str]"


class Scripted:
    """Gives its answers in turn, the last one from then on. ``requests``: what it was asked."""

    local = True
    revision = "1"

    def __init__(self, *answers: Any, id: str = "scripted", local: bool = True) -> None:
        self.id, self.local = id, local
        self._answers = list(answers)
        self.requests: list[Request] = []

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ProviderError):
            raise answer
        return Response(answer(request) if callable(answer) else answer, self.id, self.revision)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        return Health(True, "scripted")

    def close(self) -> None:
        pass


def runtime_in(folder: Path, **options: Any) -> Runtime:
    """With a store, a key and a memory of its own; the same folder gives the same ones again."""
    return Runtime.init(store=folder / "store", home=folder / "home", **options)
