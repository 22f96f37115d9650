"""Runs the code of macros: compiled like any program, on the evaluator, within limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from rtfsc.diagnostics import Sink
from rtfsc.macros import Atoms, Compiled, MacroFailure, expand
from rtfsc.source import Span

if TYPE_CHECKING:
    from rtfsc.ir.nodes import Export
    from rtfsc.syntax.forms import Form

FUEL: Final = 20_000_000
"""Steps of one macro call: the same on every machine, so that a program compiles everywhere or nowhere."""
DEADLINE_MS: Final = 20_000
"""Of one macro call, should its steps be slow."""
MEMORY: Final = 128 << 20
OUTPUT: Final = 32 << 20


def expand_macros(forms: Sequence[Form], sink: Sink) -> list[Form]:
    """The forms with macros expanded; faults go to ``sink``."""
    from rtfsc.ast.builder import reserved_names

    with MacroTime(sink) as load:
        return expand(forms, sink, load, reserved_names())


class MacroTime:
    """`rtfsc.macros.Load` on the evaluator; closing it frees what was loaded."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._instances: list[Any] = []

    def __enter__(self) -> MacroTime:
        return self

    def __exit__(self, *unused: object) -> None:
        for instance in self._instances:
            instance.close()

    @cached_property
    def atoms(self) -> Atoms:
        from uuid import UUID

        from runtime.values import Keyword, List, Resource, Symbol, Timestamp

        return Atoms(Symbol, Keyword, List, Timestamp, Resource, UUID)

    def __call__(self, definitions: Sequence[Form], names: Sequence[str]) -> Mapping[str, Compiled]:
        from rtfsc.ast import build
        from rtfsc.lower import lower_program
        from rtfsc.registry import executor
        from runtime.values import Limits, RtfsError

        sink = Sink(self._sink.source)
        program = build(definitions, sink, syntax=True)
        module = None if sink.has_errors else lower_program(program, sink, module_name="macros")
        for diagnostic in sink.diagnostics:
            self._sink.add(diagnostic)
        if module is None or sink.has_errors:
            return {}
        limits = Limits(deadline_ms=DEADLINE_MS, memory_bytes=MEMORY, fuel=FUEL, output_bytes=OUTPUT)
        run_by: Any = executor("rtfs-ir")
        instance = run_by.instantiate_module(module, limits=limits)
        self._instances.append(instance)
        exports = {export.name: export for export in module.exports}
        try:
            return {name: _compiled(exports[name], instance.function(name)) for name in names}
        except RtfsError as error:
            raise _failure(error) from None


def _compiled(export: Export, function: Callable[..., Any]) -> Compiled:
    from runtime.values import RtfsError

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except RtfsError as error:
            raise _failure(error) from None

    return Compiled(call, len(export.params) - export.rest, export.rest)


def _failure(error: Any) -> MacroFailure:
    span = Span(*error.span) if error.span else None
    return MacroFailure(error.message, span)
