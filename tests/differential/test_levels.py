"""Random programs mean the same at every optimisation level and on both engines."""

from __future__ import annotations

import pytest
from random_programs import program

from backend_wasm.backend import Wasm32Backend
from rtfsc.diagnostics import DiagnosticError
from rtfsc.driver import compile_text
from rtfsc.ir.backend import IrBackend
from rtfsc.ir.nodes import Module
from rtfsc.passes import run
from runtime.evaluator.executor import IrExecutor
from runtime.values.errors import RtfsError
from runtime.values.limits import Limits
from runtime.wasm.executor import WasmExecutor

LIMITS = Limits(deadline_ms=1500, memory_bytes=64 << 20)
BATCH = 30
CUT_OFF = ("R026", "R027", "R028")
"""Where stack, time or memory end depends on the code; that they end does not."""


def outcome(module: Module, wasm: bool = False) -> str:
    """The printed value, or everything about the error."""
    artifact = (Wasm32Backend() if wasm else IrBackend()).compile(module)
    instance = (WasmExecutor() if wasm else IrExecutor()).instantiate(artifact, limits=LIMITS)
    try:
        return instance.run_printed()
    except RtfsError as error:
        if error.code in CUT_OFF:
            return "cut off"
        return f"{error.code} {error} {error.span}"
    finally:
        instance.close()


@pytest.mark.parametrize("batch", range(6))
def test_levels_and_engines_agree(batch):
    compared = 0
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        source = program(seed)
        try:
            module = compile_text(source).unoptimised
        except DiagnosticError:
            continue
        plain = outcome(module)
        best = run(module, 2, verify=True)
        results = [plain, outcome(run(module, 1, verify=True)), outcome(best), outcome(best, wasm=True)]
        if "cut off" in results or any("Stack overflow" in r for r in results):
            continue
        assert len(set(results)) == 1, f"seed {seed}\n{source}\n" + "\n".join(results)
        compared += 1
    assert compared > BATCH // 2
