"""A model as delegated calls ask it: with retries, and left alone while its circuit breaker is open."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from runtime.delegation.breaker import Breaker
from runtime.delegation.spending import OverBudget
from runtime.delegation.types import Decision
from runtime.host.cost import charge
from runtime.obs.events import Emit, span
from runtime.providers.base import Health, ModelProvider, OnText, Request, Response
from runtime.providers.errors import Garbled, ProviderError, Unavailable
from runtime.providers.retry import Retry, retrying
from runtime.providers.waiting import answered

_BASE_PAUSE_S = 0.2


class Open(Unavailable):
    """The circuit breaker of a model is open."""

    kind = "open"
    retryable = False


class Guarded:
    """A `ModelProvider` around another one. It stands below the caches: what they have is answered whatever
    the breaker says."""

    def __init__(
        self,
        model: ModelProvider,
        breaker: Breaker,
        decision: Decision,
        emit: Emit | None = None,
        sleep: Callable[[float], None] = time.sleep,
        most_s: float = math.inf,
        pay: Callable[[], None] = lambda: None,
        cost: float | None = None,
    ) -> None:
        """``most_s``: seconds for all tries together; ``pay``: before each try, may raise `OverBudget`;
        ``cost``: of a call, None: what the model says."""
        self.id, self.local = model.id, model.local
        self._model, self._breaker, self._decision = model, breaker, decision
        self._emit, self._sleep, self._most_s, self._pay = emit, sleep, most_s, pay
        self._cost = model.cost_per_call() if cost is None else cost

    @property
    def revision(self) -> str:
        return self._model.revision

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        """Raises the last `ProviderError`, `Open`."""
        return retrying(
            lambda: self._once(request, on_text),
            Retry(self._decision.retries + 1, base=_BASE_PAUSE_S),
            self.longest(request),
            sleep=self._sleep,
        )

    def longest(self, request: Request) -> float:
        """Seconds that all tries may take together."""
        return min(request.timeout * (self._decision.retries + 1), self._most_s)

    def _once(self, request: Request, on_text: OnText | None) -> Response:
        breaker = self._breaker
        admitted = breaker.admit()
        if not admitted:
            raise Open(self.id, "failed several times just now and is left alone for a while")
        try:
            self._pay()
            with span(self._emit, "model.asked", "model.failed", model=self.id) as told:
                response = answered(self._model, request, on_text)
                charge(self._cost)
                told.update(
                    stop_reason=response.stop_reason,
                    input_tokens=response.input_tokens,
                    output_tokens=response.output_tokens,
                    cost=self._cost,
                )
        except OverBudget:  # it was not asked
            breaker.abandoned(admitted)
            raise
        except ProviderError as error:
            # One that answers something, if only a refusal, is up.
            broken = error.retryable or isinstance(error, Garbled)
            (breaker.failed if broken else breaker.succeeded)(admitted)
            raise
        except BaseException:  # an interrupt says nothing of the model
            breaker.abandoned(admitted)
            raise
        breaker.succeeded(admitted)
        return response

    def capabilities(self) -> frozenset[str]:
        return self._model.capabilities()

    def cost_per_call(self) -> float:
        return self._cost

    def health(self) -> Health:
        return self._model.health()

    def close(self) -> None:
        """The registry closes models."""
