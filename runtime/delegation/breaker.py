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
    """``closed`` (all calls pass), ``open`` (none does) or ``half-open`` (one at a time)."""

    def __init__(
        self, settings: BreakerSettings | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings or BreakerSettings()
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._succeeded = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> str:
        with self._lock:
            if self._opened is None:
                return "closed"
            return "half-open" if self._cooled() else "open"

    def admit(self) -> bool:
        """Whether a call may be made now; after it `succeeded`, `failed` or `abandoned` is called."""
        with self._lock:
            if self._opened is None:
                return True
            if not self._cooled() or self._trying:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failed, self._trying = 0, False
            if self._opened is not None:
                self._succeeded += 1
                if self._succeeded >= self._settings.successes:
                    self._opened = None

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            self._trying = False
            if self._opened is not None or self._failed >= self._settings.failures:
                self._opened, self._succeeded = self._clock(), 0

    def abandoned(self) -> None:
        """Nobody waited for the outcome of a call."""
        with self._lock:
            self._trying = False

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
