"""What ends a call through wasmtime-py from outside ends that one, and none that comes after it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from runtime.wasm.interrupts import _Watcher
from runtime.wasm.slow import _Timer


@pytest.fixture(autouse=True)
def _eager_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_signal_ends_the_call_in_which_it_came() -> None:
    watcher, ended = _Watcher(), threading.Event()
    watcher.begin(ended.set)
    watcher._writer.send(bytes([signal.SIGINT]))
    assert ended.wait(60)
    watcher.end()


def test_a_signal_that_is_read_late_ends_no_later_call() -> None:
    watcher, late, over = _Watcher(), [], threading.Event()
    for _ in range(300):
        over.clear()
        watcher.begin(lambda: late.append(over.is_set()))
        watcher._writer.send(bytes([signal.SIGINT]))
        watcher.end()
        over.set()
    watcher.begin(lambda: late.append(True))
    watcher._writer.send(bytes([signal.SIGTERM]))
    watcher.end()
    assert True not in late


def test_a_deadline_ends_no_later_call() -> None:
    late, over = [], threading.Event()
    for _ in range(100):
        over.clear()
        timer = _Timer(0.0, lambda: late.append(over.is_set()))
        timer.start()
        timer.cancel()
        over.set()
    assert True not in late


def test_a_deadline_ends_its_call() -> None:
    ended = threading.Event()
    _Timer(0.001, ended.set).start()
    assert ended.wait(60)
