"""A store that fails is left alone for a while, so that it costs one timeout and not one per call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0


class Circuit:
    """After a failure nobody asks for a while: half a second, then twice as long each time, to a quarter of
    a minute. Then one caller tries, while the others go on without; if it works, all use it again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0
        self._trying = False
        self.failures = 0
        """How often the store failed, refused calls not counted."""

    @property
    def closed(self) -> bool:
        """Whether it works, as far as is known."""
        return not self._pause

    def admits(self) -> bool:
        """Whether to ask now. Whoever does then says `worked` or `failed`."""
        if not self._pause:
            return True
        with self._lock:
            now = self._clock()
            if now < self._until:
                return False
            # The others wait for what comes of this try.
            self._trying, self._until = True, now + self._pause
            return True

    def worked(self) -> None:
        if self._pause:
            with self._lock:
                self._pause, self._trying = 0.0, False

    def failed(self) -> None:
        with self._lock:
            self.failures += 1
            if not self._pause:
                self._pause = FIRST_PAUSE_S
            elif self._trying:
                self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
            else:
                return  # was under way when another call failed
            self._trying, self._until = False, self._clock() + self._pause
