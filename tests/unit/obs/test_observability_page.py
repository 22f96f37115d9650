"""docs/observability.md names every event, attribute, metric and label, and its programs run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.obs.events import EVENTS
from runtime.obs.tally import METRICS, MOST_SERIES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("event", EVENTS)
def test_events(event: str) -> None:
    (row,) = (row for row in ROWS if f"`{event}`" in row)
    attributes = set(re.findall(r"\w+", row.rsplit("|", 2)[1]))
    assert set(EVENTS[event]) <= attributes


@pytest.mark.parametrize("metric", METRICS)
def test_metrics(metric: str) -> None:
    (row,) = (row for row in ROWS if f"`{metric}`" in row)
    assert set(METRICS[metric].labels) <= set(re.findall(r"\w+", row.split("|")[2]))


def test_figures() -> None:
    assert f"at most {MOST_SERIES} combinations" in PAGE


@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", PAGE, re.S))
def test_programs(program: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RTFSC_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
