"""A short run of scripts/fuzz: damaged programs give diagnostics, damaged modules errors or values."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_damaged_programs_give_diagnostics(monkeypatch) -> None:
    count, faults = script("fuzz", monkeypatch).run(seed=1, seconds=60, limit=4000)
    assert faults == []
    assert count == 4000


def test_damaged_modules_never_harm() -> None:
    """In a process of its own: this one may have engines, whose threads a child that it forks would lack."""
    command = [sys.executable, SCRIPTS / "fuzz.py", "--what", "modules", "--count", "950", "--seconds", "600"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "seed 1: 950 modules, 0 faults\n"


def test_what_the_child_does_is_reported(monkeypatch, capfd) -> None:
    fuzz = script("fuzz_modules", monkeypatch)
    monkeypatch.setattr(fuzz, "TRIES", (lambda draw: sys.exit(3), lambda draw: 1 // 0))
    for attempt in fuzz.TRIES:
        attempt.__name__ = "attempt"
    count, faults = fuzz.fuzz(seed=1, seconds=60, limit=4)
    assert (count, faults) == (4, 4)
    told = capfd.readouterr().out
    assert "ended the process with 3" in told
    assert "ZeroDivisionError" in told
