"""Circuit breakers: a model that keeps failing is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Opens after so many ``failures`` in a row, tries again after ``cooldown_s`` seconds, and closes after
    so many ``successes``."""

    failures: int = 5
    cooldown_s: float = 30.0
    successes: int = 2


class Breaker:
    """``closed`` (all calls pass), ``open`` (none does) or ``half-open`` (one at a time). What comes of a
    call that was let in before it opened is no news then."""

    def __init__(
        self, settings: BreakerSettings | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or BreakerSettings()
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._succeeded = 0
        self._opened: float | None = None
        self._admitted = 0
        self._trying: int | None = None
        """Which call is the one that tries."""

    @property
    def state(self) -> str:
        with self._lock:
            if self._opened is None:
                return "closed"
            return "half-open" if self._cooled() else "open"

    def admit(self) -> int:
        """The number of a call that may be made now, 0: none may. After it `succeeded`, `failed` or
        `abandoned` is called with the number."""
        with self._lock:
            if self._opened is not None:
                if not self._cooled() or self._trying is not None:
                    return 0
                self._trying = self._admitted + 1
            self._admitted += 1
            return self._admitted

    def succeeded(self, call: int) -> None:
        with self._lock:
            if not self._is_news(call):
                return
            self._failed, self._trying = 0, None
            if self._opened is not None:
                self._succeeded += 1
                if self._succeeded >= self._settings.successes:
                    self._opened = None

    def failed(self, call: int) -> None:
        with self._lock:
            if not self._is_news(call):
                return
            self._failed, self._trying = self._failed + 1, None
            if self._opened is not None or self._failed >= self._settings.failures:
                self._opened, self._succeeded = self._clock(), 0

    def abandoned(self, call: int) -> None:
        """Nobody waited for the outcome of the call, or nobody was asked."""
        with self._lock:
            if self._trying == call:
                self._trying = None

    def _is_news(self, call: int) -> bool:
        return self._opened is None or self._trying == call

    def _cooled(self) -> bool:
        return self._opened is not None and self._clock() - self._opened >= self._settings.cooldown_s


class Breakers:
    """One per model."""

    def __init__(
        self, settings: BreakerSettings | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._breakers: dict[str, Breaker] = {}

    def of(self, model: str) -> Breaker:
        with self._lock:
            found = self._breakers.get(model)
            if found is None:
                found = self._breakers[model] = Breaker(self._settings, clock=self._clock)
            return found

    def states(self) -> dict[str, str]:
        with self._lock:
            found = dict(self._breakers)
        return {model: breaker.state for model, breaker in sorted(found.items())}
