"""Runtimes with a home of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import rtfsc

ENGINES = ["evaluator", "wasm"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def compile(engine: str) -> Iterator[Callable[..., rtfsc.Module]]:
    """`rtfsc.compile` on one engine; the modules are closed at the end."""
    with ExitStack() as stack:
        yield lambda source, **options: stack.enter_context(rtfsc.compile(source, engine=engine, **options))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's own is read or written."""
    monkeypatch.setenv("RTFSC_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def runtime() -> Iterator[rtfsc.Runtime]:
    """With a key, trust in it, and an empty store."""
    with rtfsc.Runtime.init() as runtime:
        yield runtime


@pytest.fixture
def publish(runtime: rtfsc.Runtime) -> Callable[..., Any]:
    from rtfsc.source import SourceFile

    def publish(text: str, name: str = "main") -> Any:
        return runtime.publish(SourceFile(f"{name}.rtfs", text), name=name, inputs=3)

    return publish
