"""WAT of small modules in IR text. ``pytest tests/golden --update-golden`` rewrites the ``.wat`` files."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from backend_wasm.backend import Wasm32Backend
from rtfsc.ir.parser import parse_module
from rtfsc.ir.verify import verify

CASES = sorted((Path(__file__).parent / "cases/wasm").glob("*.ir"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_wat(path: Path, update_golden: bool) -> None:
    module = parse_module(path.read_text("utf-8"))
    verify(module)
    wat = Wasm32Backend().wat(module)
    wasmtime.Module.validate(wasmtime.Engine(), wasmtime.wat2wasm(wat))
    expected = path.with_suffix(".wat")
    if update_golden:
        expected.write_text(wat, "utf-8")
    assert wat == expected.read_text("utf-8"), f"{expected.name} differs; see --update-golden"


def test_there_are_cases() -> None:
    assert len(CASES) >= 5
