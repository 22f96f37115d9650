"""Binaryen's ``wasm-opt`` as a last step, for those who have it: ``rtfsc build --optimizer binaryen``.

Nothing else needs it. What it may use is named feature by feature: what it might write beyond that, our hosts
would not take. Custom sections stay as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from backend_wasm.sections import raw_sections

LEVEL: Final = "-O3"
OLDEST: Final = 132
"""The oldest version that was tried with success; 108 lacks ``table.init``."""
FEATURES: Final = (
    "bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext",
    "tail-call",
)  # fmt: skip
_TIMEOUT_S: Final = 600


class OptimizerMissing(Exception):
    """``wasm-opt`` is not here, or cannot do what is asked; the message says what to do."""


def optimised(module: bytes) -> bytes:
    """The module after `LEVEL` of Binaryen. The same module and version of Binaryen give the same bytes.
    Raises `OptimizerMissing`."""
    core = b"".join([module[:8], *(module[s:e] for kind, s, _, e in raw_sections(module) if kind)])
    custom = b"".join(module[s:e] for kind, s, _, e in raw_sections(module) if not kind)
    with tempfile.TemporaryDirectory(prefix="rtfsc-binaryen-") as folder:
        before, after = Path(folder, "before.wasm"), Path(folder, "after.wasm")
        before.write_bytes(core)
        features = [f"--enable-{feature}" for feature in FEATURES]
        try:
            _run([_command(), "--mvp-features", *features, LEVEL, str(before), "-o", str(after)])
        except OptimizerMissing as error:
            raise OptimizerMissing(
                f"{error}; this is Binaryen {version()}, {OLDEST} and later are known to work"
            ) from None
        return after.read_bytes() + custom


@cache
def version() -> str:
    """Of the ``wasm-opt`` that is used: part of the action key. Raises `OptimizerMissing`."""
    said = _run([_command(), "--version"])
    found = re.search(r"version[ _]?(\d+)", said)
    if found is None:
        raise OptimizerMissing(f"{_command()} does not tell its version: {said.strip()[:80]!r}")
    return found[1]


def _command() -> str:
    found = os.environ.get("RTFSC_WASM_OPT") or shutil.which("wasm-opt")
    if found is None:
        raise OptimizerMissing(
            "--optimizer binaryen runs wasm-opt, which is not on the PATH: install it "
            "(npm install -g binaryen), or name the program in RTFSC_WASM_OPT"
        )
    return found


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptimizerMissing(f"{command[0]} cannot be run: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise OptimizerMissing(f"{command[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout
