"""Health of models on the dashboard: all at once, and nobody is waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from runtime.dashboard import facts
from runtime.dashboard.facts import Collector
from runtime.delegation.setup import open_delegation
from runtime.engine import Runtime
from runtime.providers.base import Health
from runtime.providers.echo import Echo

POLICY = "".join(f'[models.{id}]\nprovider = "echo"\n' for id in ("fine", "broken", "stuck"))


class Odd(Echo):
    def __init__(self, id: str, ended: threading.Event) -> None:
        super().__init__(id)
        self._ended = ended

    def health(self) -> Health:
        if self.id == "stuck":
            self._ended.wait(60)
        raise RuntimeError("password=hunter2 \ud800")


def test_models_that_misbehave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All have the time they need, until the last one is waited for.
    looks = iter([0.0, -60.0, -60.0, facts._PATIENCE_S])
    clock = SimpleNamespace(monotonic=lambda: next(looks), perf_counter=time.perf_counter)
    monkeypatch.setattr(facts, "time", clock)
    ended = threading.Event()
    delegating = open_delegation(text=POLICY, models=[Odd("broken", ended), Odd("stuck", ended)])
    with delegating, Runtime(store=tmp_path / "s", home=tmp_path / "h", delegation=delegating) as runtime:
        try:
            rows = {row.id: row for row in Collector(runtime)().models or ()}
        finally:
            ended.set()
    assert list(rows) == ["broken", "fine", "stuck"]
    assert rows["fine"].ok and not rows["broken"].ok and not rows["stuck"].ok
    assert rows["stuck"].detail == "no answer within 3 s"
    assert "RuntimeError" in rows["broken"].detail and "hunter2" not in rows["broken"].detail


def test_it_is_not_collected_all_the_time(tmp_path: Path) -> None:
    now = [1000.0]
    with Runtime(store=tmp_path / "s", home=tmp_path / "h") as runtime:
        collector = Collector(runtime, clock=lambda: now[0])
        first = collector()
        now[0] += 0.5
        assert collector() is first
        now[0] += 1000
        later = collector()
        assert later is not first
        now[0] -= 500  # a clock that was set back
        assert collector() is not later
