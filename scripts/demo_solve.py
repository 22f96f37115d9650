"""The part of the demo in which a model writes a function once. No model is needed: a stand-in answers what
is written here, first wrong, then right."""

from __future__ import annotations

from typing import Any

from rtfsc import Runtime
from runtime.providers.base import Health, OnText, Request, Response
from runtime.solving import solve

SIGNATURE = "(declare discount [price : Int] : Int)"
EXAMPLES = [((100,), 90), ((50,), 45), ((250,), 225)]


class StandIn:
    """Plays a language model."""

    id, local, revision = "stand-in", True, "1"

    def __init__(self) -> None:
        self._answers = [
            "```rtfs\n(defn discount [price : Int] : Int (- price 10))\n```",
            "```rtfs\n(defn discount [price : Int] : Int (- price (quot price 10)))\n```",
        ]

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        return Response(self._answers.pop(0), self.id, self.revision)

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        return Health(True, "plays a model")

    def close(self) -> None:
        pass


def first(runtime: Runtime) -> None:
    """Nothing stored does the task: a model is asked, and told what is wrong with its first answer."""
    solution = solve("Take ten percent off the price", SIGNATURE, EXAMPLES, model=StandIn(), runtime=runtime,
                     progress=_show)  # fmt: skip
    assert solution.generated and solution(1000) == 900


def second(runtime: Runtime) -> None:
    """The same meaning in other words: found, without any model."""
    solution = solve("Take 10 percent off the price", "[p : Int] : Int", EXAMPLES[:1], runtime=runtime,
                     progress=_show)  # fmt: skip
    assert not solution.generated and solution(1000) == 900


def _show(step: Any) -> None:
    print(f"      {step.name} {step.round or ''}".ljust(16) + f"{step.outcome}: {step.detail}"[:100])
