"""The bridge to wasmtime's C API: layouts as wasmtime-py declares them, self-test, fallback."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from runtime.wasm import bridge, capi, selftest
from runtime.wasm.engine import engine, wat2wasm


def test_layouts_are_those_of_wasmtime_py() -> None:
    bindings = pytest.importorskip("wasmtime._bindings")
    assert capi.layouts() == {name: ctypes.sizeof(getattr(bindings, name)) for name in capi.layouts()}


def test_the_self_test_passes_here() -> None:
    status = bridge.bridge_status()
    assert (status.direct, status.reason) == (True, None)
    assert status.version.startswith("50.0.")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("i64.add", "i64.sub", "results in i64"),
        ("(i32.const 1))", "(i32.const 0))", "results in i64 and i32"),
        ("(i32.const 77)", "(i32.const 78)", "memory"),
        ("1 2)", "1 1)", "growing memory"),
        ("(mut i32) (i32.const 7)", "(mut i32) (i32.const 6)", "globals"),
    ],
)
def test_the_self_test_notices(old: str, new: str, what: str) -> None:
    changed = bridge.TEST_MODULE.replace(old, new, 1)
    assert changed != bridge.TEST_MODULE
    with pytest.raises(capi.BridgeError, match=what):
        selftest.self_test(engine().compile(wat2wasm(changed)))


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from runtime.wasm import capi\n"
        "capi.VERSION = '49.'\n"
        "from runtime.wasm.bridge import bridge_status\n"
        "status = bridge_status()\n"
        "assert not status.direct, status\n"
        "print(status.reason)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert "instead of 49." in done.stdout


def test_importing_does_not_import_wasmtime_py() -> None:
    code = "import sys, runtime.wasm.bridge as b; assert b.direct(); assert 'wasmtime' not in sys.modules"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
