"""Every line ``program ==> result`` of ``cases/*.txt``, on each engine.

The result is the printed value, or the start of ``!Kind: message @(start, end)`` of the error that is
raised, or the start of ``#CODE message`` of the diagnostic that refuses the program.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rtfsc.diagnostics import DiagnosticError
from rtfsc.evaluation import evaluate
from rtfsc.source import SourceFile
from runtime.values.limits import Limits

CASES = [
    pytest.param(program, want, id=f"{path.stem}-{number}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.txt"))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    if line and not line.startswith(";;")
    for program, _, want in [line.rpartition(" ==> ")]
]


def outcome(program: str, engine: str, level: int) -> str:
    try:
        result = evaluate(SourceFile("<case>", program), engine, level, Limits(deadline_ms=60_000))
    except DiagnosticError as refused:
        return f"#{refused.code} {refused.message}"
    if result.error is None:
        return str(result.value)
    span = tuple(result.error.span) if result.error.span else None
    return f"!{result.error.kind}: {result.error.message} @{span}"


@pytest.mark.parametrize(("engine", "level"), [("evaluator", 0), ("evaluator", 2), ("wasm", 2)])
@pytest.mark.parametrize(("program", "want"), CASES)
def test_case(program: str, want: str, engine: str, level: int) -> None:
    got = outcome(program, engine, level)
    assert got == want or (want[0] in "!#" and got.startswith(want))
