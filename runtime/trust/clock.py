"""What time it is, as far as it can be relied on.

The clocks of two machines may differ by `SKEW_S`: what was signed or becomes valid so little ahead of ours is
accepted.  What has ended has ended, there is no tolerance at that side.  A clock that shows less than was
seen before would bring back what has expired, so that nothing with an end is judged by it.
"""

from __future__ import annotations

from collections.abc import Callable

from runtime.trust.errors import ClockMovedBack
from runtime.trust.seen import Seen
from runtime.trust.statement import time_text

SKEW_S = 300
_NOTE_EVERY_S = 60


class Clock:
    """``read``: seconds since 1970."""

    def __init__(self, read: Callable[[], float], seen: Seen) -> None:
        self.read = read
        self._seen = seen
        self._newest: int | None = None

    def checked(self) -> float:
        """The time, which is remembered.  Raises `ClockMovedBack`."""
        now = self.read()
        if self._newest is None or now < self._newest - SKEW_S:
            self._newest = self._seen.newest_time()
        if now < self._newest - SKEW_S:
            raise ClockMovedBack(
                f"The clock shows {time_text(int(now))}, and {time_text(self._newest)} was seen before",
                hint="set the clock; if it was wrong before: rtfsc trust forget --clock",
            )
        if now > self._newest + _NOTE_EVERY_S:
            self._seen.note_time(int(now))
            self._newest = int(now)
        return now
