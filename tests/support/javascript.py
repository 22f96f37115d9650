"""Standalone files in Node: programs in, printed values or errors out."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from conformance_cases import Case

from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.javascript import loader
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile

NODE_MAJOR: Final = 20
"""The first Node whose WebAssembly has tail calls."""
_RUNNER: Final = Path(__file__).with_name("runner.mjs")


@functools.cache
def node() -> str | None:
    """A Node that is new enough: ``$RTFSC_NODE``, else that of the machine."""
    found = os.environ.get("RTFSC_NODE") or shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    digits = version.strip().lstrip("v").split(".")[0]
    return found if digits.isdigit() and int(digits) >= NODE_MAJOR else None


def required(name: str, found: Any) -> Any:
    """What a test needs of the machine. Without it the test is skipped, but not in CI."""
    if found is None:
        reason = f"{name} is not on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Runner:
    """A Node process that runs one standalone file after the other, each in a fresh instance."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, wasm: bytes, **options: Any) -> dict[str, Any]:
        """``{"value": printed}`` or ``{"error": {"kind", "message", "span", "module"}}``."""
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"wasm": base64.b64encode(wasm).decode(), "options": options}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Node ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def runner(folder: Path, command: str) -> Iterator[Runner]:
    (folder / "loader.mjs").write_text(loader("unused.wasm"), encoding="utf-8")
    process = subprocess.Popen(
        [command, str(_RUNNER), (folder / "loader.mjs").as_uri()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Runner(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait(120)


def disagreement(runner: Runner, case: Case, level: int) -> str | None:
    """How what Node answers differs from the expectation of a case; None if it does not."""
    expected = case.expected
    options = CompileOptions(level=level, standalone=True)
    try:
        wasm = Compilation(SourceFile("<program>", case.source), options).artifact
    except DiagnosticError:
        return None  # refused before there is a module: tests/conformance has these
    told = runner.run(wasm)
    if "value" in expected:
        return None if told.get("value") == expected["value"] else f"{told}, not {expected}"
    error = told.get("error", {})
    wanted = {"kind": expected["error"], **{k: expected[k] for k in ("message", "span") if k in expected}}
    return None if {key: error.get(key) for key in wanted} == wanted else f"{told}, not {expected}"


_SCRIPT: Final = """import * as R from "./program.mjs";
const { keyword, Float, List, HostFunction } = R;
const shown = (key, value) => typeof value === "bigint" ? `${value}n` : value instanceof Map ? [...value]
  : value instanceof R.Keyword ? String(value) : typeof value === "function" ? "function" : value;
const print = (...values) => console.log(JSON.stringify(values.length === 1 ? values[0] : values, shown));
const failure = (body) => {
  try { return body(); } catch (error) { return [error.name, error.kind, error.message]; }
};
"""


def run_script(command: str, folder: Path, script: str) -> Any:
    """What a script printed with ``print``, the lines as a list where there are several."""
    (folder / "script.mjs").write_text(_SCRIPT + script, encoding="utf-8")
    done = subprocess.run(
        [command, "--expose-gc", "script.mjs"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[0] if len(lines) == 1 else lines
