"""How long is waited between attempts, and for an answer."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

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


def test_an_answer_in_the_last_moment_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes between the end of the timeout and the look whether it has come."""
    waited = Future.result

    def late(future: Future[Any], timeout: float | None = None) -> Any:
        value = waited(future)
        if timeout is not None:
            raise TimeoutError
        return value

    monkeypatch.setattr(Future, "result", late)
    assert Handling(timeout_ms=60_000).call(capability("my.seven")(lambda: 7), []) == 7
