"""What is done about a server that does not answer: nobody waits for it twice in a row."""

from __future__ import annotations

import time
from collections.abc import Callable

from runtime.store.errors import StoreUnreachable

PAUSE_S = 5.0


class Outage:
    """Remembers that a server could not be reached; for a few seconds requests fail at once. Then the next
    one tries again, so that a server that is back is used again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._error: StoreUnreachable | None = None

    def check(self) -> None:
        """Raises what happened a moment ago."""
        error = self._error
        if error is not None and self._clock() < self._until:
            raise StoreUnreachable(error.message, hint=error.hint)

    def began(self, error: StoreUnreachable) -> StoreUnreachable:
        self._error, self._until = error, self._clock() + PAUSE_S
        return error

    def ended(self) -> None:
        self._error = None
