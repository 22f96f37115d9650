"""What a program gives is of the type that the checker says."""

from __future__ import annotations

from random import Random

import pytest
from conformance_cases import CASES
from random_programs import program
from typed_programs import typed_program

from rtfsc.diagnostics import DiagnosticError, Sink
from rtfsc.driver import Compilation, compiling
from rtfsc.evaluation import evaluate_compiled
from rtfsc.options import CompileOptions
from rtfsc.sema.algebra import Type, consistent
from rtfsc.sema.check.checker import Checker, check_types
from rtfsc.source import SourceFile
from runtime.values.limits import Limits

OPTIONS = CompileOptions(level=0, target="rtfs-ir")
PROGRAMS = [
    *((case.id, case.source) for case in CASES if "value" in case.expected),
    *((f"random {seed}", program(seed)) for seed in range(80)),
    *((f"typed {seed}", typed_program(Random(seed))) for seed in range(40)),
]


def type_of_program(compilation: Compilation) -> Type:
    compilation.check()
    with compiling():
        checker = check_types(compilation.ast, Sink())
        return checker.visit(compilation.ast.body[-1])


def type_of_value(printed: str) -> Type | None:
    """None for what has no notation, as functions."""
    compilation = Compilation(SourceFile("<value>", f"'{printed}"), OPTIONS)
    try:
        return Checker(Sink()).visit(compilation.ast.body[0])
    except DiagnosticError:
        return None


@pytest.mark.parametrize("text", [text for _, text in PROGRAMS], ids=[name for name, _ in PROGRAMS])
def test_the_value_is_of_the_type(text: str) -> None:
    compilation = Compilation(SourceFile("<test>", text), OPTIONS)
    try:
        expected = type_of_program(compilation)
        outcome = evaluate_compiled(compilation, "evaluator", Limits(deadline_ms=2000))
    except (DiagnosticError, IndexError):
        return  # refused, or nothing in it
    value = type_of_value(outcome.value) if outcome.value is not None else None
    if value is not None:
        assert consistent(value, expected), f"{text} gives {outcome.value}, which is not of {expected}"
