"""Results of tests as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtfsc.diagnostics.render import render
from rtfsc.testing.runner import Failure, Result


def heading(result: Result, engines: int) -> str:
    """``FAIL  name  (file:line)``: the line of the test."""
    word = "ERROR" if result.failure and result.failure.is_error else "FAIL"
    engine = f" on {result.engine}" if engines > 1 else ""
    return f"{word}  {result.name}{engine}  ({result.file}:{result.line})"


def details(failure: Failure, style: Any = "full", *, colour: bool = False) -> str:
    """The diagnostics, which tell where, and what was compared."""
    lines = [render(list(failure.diagnostics), failure.source, style, colour=colour).rstrip("\n")]
    if failure.expected is not None:
        lines.append(f"  expected: {failure.expected}")
    if failure.actual is not None:
        lines.append(f"    actual: {failure.actual}")
    return "\n".join(lines)


def summary(results: Sequence[Result]) -> str:
    """``3 passed, 1 failed``"""
    failures = [result.failure for result in results if result.failure]
    errors = sum(failure.is_error for failure in failures)
    counts = {
        "passed": len(results) - len(failures),
        "failed": len(failures) - errors,
        "broken": errors,
    }
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n or word == "passed")
