"""Models that say how they are."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks how a model is gives up after some seconds; on a busy machine that is nobody's fault."""
    for name in (
        "http._CONNECT_SECONDS", "openai_compat._HEALTH_SECONDS", "arbiter._DESCRIBE_SECONDS",
        "arbiter_server._LOOK_SECONDS", "arbiter_http._IDLE_SECONDS",
    ):  # fmt: skip
        monkeypatch.setattr(f"runtime.providers.{name}", 60.0)
