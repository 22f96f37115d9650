"""Importing is cheap and has no effects; heavy parts load when they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "lark",
    "wasmtime",
    "cryptography",
    "sqlite3",
    "zstandard",
    "asyncio",
    "numpy",
    "argparse",
    "wasm_tools",
}


def loaded_after(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(json.loads(out.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import rtfsc",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n"
        "    from rtfsc.cli.main import main; main(['--help'])\nimport json, sys",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    code = statement.replace("\n", "\n") + "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(json.loads(out.splitlines()[-1])) == set()


def test_a_call_of_a_capability_loads_neither_delegation_nor_search() -> None:
    """Which took the first such call a tenth of a second."""
    loaded = loaded_after(
        "import rtfsc; runtime = rtfsc.Runtime(grant=['ccos.system.random'], store=True);"
        "roll = runtime.compile('(defn roll [] (call :ccos.system.random 6 6))').roll; assert roll() == 6"
    )
    assert {name for name in loaded if name.startswith(("runtime.delegation", "runtime.caches"))} == set()
    assert "runtime.searching" not in loaded


def test_import_opens_no_socket_starts_no_thread_and_writes_nothing() -> None:
    code = """
import sys
events = []
watched = ("socket", "_thread.start_new_thread", "os.mkdir", "os.rename", "subprocess.Popen")
def hook(event, arguments):
    if event.startswith(watched):
        events.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if not str(arguments[0]).endswith(".pyc") and "__pycache__" not in str(arguments[0]):
            events.append((event, str(arguments[0])))
sys.addaudithook(hook)
import rtfsc, rtfsc.driver, rtfsc.lower, rtfsc.passes, backend_wasm.backend
import runtime.engine, runtime.evaluator.executor, runtime.wasm.executor, runtime.store, runtime.trust
print(events)
"""
    out = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"
