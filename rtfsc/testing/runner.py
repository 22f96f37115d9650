"""Runs tests, each in a fresh instance of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rtfsc.ast.tests import FAILED
from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.evaluation import TARGETS, World, alone, evaluate_compiled, in_turn, outcomes_agree
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile, Span
from rtfsc.testing.collect import Test, TestFile


@dataclass(frozen=True, slots=True)
class Failure:
    """``is_error``: something else than an ``is`` that did not hold. ``expected``, ``actual``: printed, None
    where there is none. ``source``: what the diagnostics are about."""

    diagnostics: Sequence[Diagnostic]
    source: SourceFile | None
    is_error: bool
    expected: str | None = None
    actual: str | None = None

    @property
    def message(self) -> str:
        return next(d for d in self.diagnostics if d.severity == "error").message


@dataclass(frozen=True, slots=True)
class Result:
    """``test`` is None for a file that could not be compiled at all."""

    file: str
    line: int
    test: Test | None
    engine: str
    seconds: float
    failure: Failure | None

    @property
    def name(self) -> str:
        return self.test.name if self.test else "(file)"


class Runner:
    """``engines``: in order; each test runs on all of them. ``path``: where modules are looked for.
    ``worlds``: makes the world of each test."""

    def __init__(
        self,
        engines: Sequence[str],
        level: int,
        limits: Any,
        path: Sequence[str] = (),
        worlds: Callable[[], World] = lambda: alone,
    ) -> None:
        self.engines, self.level, self.limits = engines, level, limits
        self.path, self._worlds = tuple(path), worlds

    def unreadable(self, name: str, error: DiagnosticError) -> Result:
        """What stands for the tests of a file that could not be read."""
        failure = Failure(error.diagnostics, error.source, is_error=True)
        return Result(name, 1, None, self.engines[0], 0.0, failure)

    def run(self, file: TestFile, tests: Sequence[Test]) -> Iterator[Result]:
        broken = self._compile_failure(file)
        if broken is not None:
            yield Result(file.source.name, 1, None, self.engines[0], 0.0, broken)
            return
        for test in tests:
            yield from self._run_test(file, test)

    def _compile_failure(self, file: TestFile) -> Failure | None:
        """What is wrong without any test."""
        try:
            self._compilation(file.program(None), self.engines[0]).check()
        except DiagnosticError as error:
            return _refused(error, file)
        return None

    def _run_test(self, file: TestFile, test: Test) -> Iterator[Result]:
        outcomes: list[Any] = []
        worlds = in_turn(self._worlds(), len(self.engines))
        for engine, world in zip(self.engines, worlds, strict=True):
            start = perf_counter()
            outcome, failure = self._evaluate(file, test, engine, world)
            outcomes.append(outcome)
            if failure is None and not outcomes_agree(outcomes[0], outcome):
                failure = _disagreement(file, test, outcomes)
            seconds = perf_counter() - start
            yield Result(file.source.name, file.line(test), test, engine, seconds, failure)

    def _evaluate(self, file: TestFile, test: Test, engine: str, world: World) -> tuple[Any, Failure | None]:
        compilation = self._compilation(file.program(test), engine)
        try:
            outcome = evaluate_compiled(compilation, engine, self.limits, world)
        except DiagnosticError as error:
            return None, _refused(error, file)
        return outcome, outcome.error and _raised(outcome.error, compilation, file)

    def _compilation(self, program: SourceFile, engine: str) -> Compilation:
        options = CompileOptions(level=self.level, target=TARGETS[engine], path=self.path)
        return Compilation(program, options)


def _refused(error: DiagnosticError, file: TestFile) -> Failure:
    source = error.source
    if source is not None and source.name == file.source.name:
        source = file.source
    return Failure(error.diagnostics, source, is_error=True)


def _raised(error: Any, compilation: Compilation, file: TestFile) -> Failure:
    from runtime.printing import printed

    source = file.source if error.module is None else compilation.sources.get(error.module)
    span = Span(*error.span) if error.span else None
    diagnostic = Diagnostic(error.code, str(error.message), span)
    if getattr(error.type, "name", None) != FAILED or not isinstance(error.data, dict):
        return Failure([diagnostic], source, is_error=True)
    found = {key.name: printed(value) for key, value in error.data.items()}
    return Failure(
        [diagnostic], source, is_error=False, expected=found.get("expected"), actual=found.get("actual")
    )


def _disagreement(file: TestFile, test: Test, outcomes: Sequence[Any]) -> Failure:
    first, second = outcomes[0], outcomes[-1]
    diagnostic = Diagnostic("R014", f"The engines disagree: {first} and {second}", test.head)
    return Failure([diagnostic], file.source, is_error=True)
