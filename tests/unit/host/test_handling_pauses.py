"""How long is waited between attempts."""

from __future__ import annotations

import pytest

from rtfsc import RtfsError, capability
from runtime.host.capability import host_error
from runtime.host.handling import Handling


@capability("my.down")
def down() -> int:
    raise host_error("NetworkError", "Network error: down")


def test_many_attempts_pause_ten_seconds_at_most() -> None:
    pauses: list[float] = []
    handling = Handling(timeout_ms=10**18, attempts=2000)
    with pytest.raises(RtfsError, match="down"):
        handling.call(down, [], sleep=pauses.append, draw=lambda: 1.0)
    assert pauses[:3] == [0.1, 0.2, 0.4] and len(pauses) == 1999 and max(pauses) == 10.0
