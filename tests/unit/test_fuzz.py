"""A short run of scripts/fuzz: damaged programs give diagnostics and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz.py"


def test_damaged_programs_give_diagnostics() -> None:
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert spec and spec.loader
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    count, faults = fuzz.run(seed=1, seconds=60, limit=4000)
    assert faults == []
    assert count == 4000
