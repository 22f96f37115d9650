"""Places of tickets on a busy machine."""

from __future__ import annotations

import pytest


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes more than some seconds for an answer is there all the same."""
    for place in ("nats", "redis"):
        monkeypatch.setattr(f"runtime.tickets.{place}.TIMEOUT_S", 60.0)
