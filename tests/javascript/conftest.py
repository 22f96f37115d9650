from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from javascript import Runner, node, required, run_script, runner

from rtfsc.driver import compile_text
from rtfsc.javascript import loader
from rtfsc.options import CompileOptions


@pytest.fixture(scope="session")
def node_command() -> str:
    command: str = required("Node 20 or later", node())
    return command


@pytest.fixture(scope="session")
def node_runner(node_command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with runner(tmp_path_factory.mktemp("node"), node_command) as process:
        yield process


@pytest.fixture
def in_node(node_command: str, tmp_path: Path) -> Callable[[str, str], Any]:
    """Runs ``script`` with ``m``, the loaded program, and ``R``, all that the loader exports; what it prints
    as JSON comes back."""

    def run(program: str, script: str) -> Any:
        wasm = compile_text(program, CompileOptions(standalone=True)).artifact
        (tmp_path / "program.wasm").write_bytes(wasm)
        (tmp_path / "program.mjs").write_text(loader("program.wasm"), encoding="utf-8")
        return run_script(node_command, tmp_path, script)

    return run
