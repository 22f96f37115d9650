"""Evaluates a whole program afresh on one engine and tells what came out, in printed form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.driver import Compilation
from rtfsc.options import CompileOptions
from rtfsc.registry import executor
from rtfsc.source import SourceFile

if TYPE_CHECKING:
    from rtfsc.ir.nodes import Export, Module
    from rtfsc.modules.unit import Unit

TARGETS = {"evaluator": "rtfs-ir", "wasm": "wasm32"}
Hosted = tuple[Any, Callable[[Any], None] | None]
"""The host of an instance, None for one that has nothing to offer, and what is given the instance before it
runs."""
World = Callable[[Compilation], Hosted]
"""What a program that is about to run may do outside, and who answers calls of its functions. May put guards
into it."""
# Errors that depend on how much of a resource an engine itself uses.
RESOURCE_KINDS = frozenset(
    {"DeadlineExceeded", "MemoryLimit", "FuelExhausted", "OutputLimit", "StackOverflow"}
)


@dataclass(slots=True)
class Outcome:
    """``value``: the printed value, or None with ``error``: the `RtfsError` that was raised. ``units``: the
    modules that were imported. Outcomes are equal when value or error kind, message and place are."""

    value: str | None
    error: Any = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and self._key() == other._key()

    def _key(self) -> tuple[Any, ...]:
        error = self.error
        return (self.value, error and (error.kind, error.message, error.span, error.module))


def outcomes_agree(first: Any, second: Any) -> bool:
    """Equal, or one of them ended at a limit, which proves nothing."""
    return bool(first == second) or _at_limit(first) or _at_limit(second)


def _at_limit(outcome: Any) -> bool:
    return isinstance(outcome, Outcome) and outcome.error is not None and outcome.error.kind in RESOURCE_KINDS


def alone(_: Compilation) -> Hosted:
    """The world of programs that may do nothing outside."""
    return None, None


def granting(grant: Iterable[str]) -> World:
    """A world in which programs may do what is granted. They share its state."""
    from runtime.host.access import Deferred

    def session() -> Any:
        from runtime.host.policy import Policy
        from runtime.host.session import Session

        return Session(Policy.of(grant))

    host = Deferred(session)
    return lambda _: (host, None)


def in_turn(world: World, engines: int) -> Iterator[World]:
    """The world for each of one or two engines that evaluate a program. The second one is answered what the
    first one was: effects happen once, and models are asked once."""
    from runtime.host.replay import Recording, Replay

    if engines == 1:
        yield world
        return
    recorded: list[Recording] = []

    # Two engines must ask alike, so neither is told what has been decided.
    def first(compilation: Compilation) -> Hosted:
        host, _ = world(compilation)
        recorded.append(Recording(host))
        return recorded[0], None

    def again(compilation: Compilation) -> Hosted:
        world(compilation)  # the same guards
        return Replay(recorded[0].answers), None

    yield from (first, again)


def evaluate(
    source: SourceFile, engine: str, level: int, limits: Any, path: tuple[str, ...] = (), world: World = alone
) -> Outcome:
    """Raises `DiagnosticError` if the program is refused."""
    options = CompileOptions(level=level, target=TARGETS[engine], path=path)
    return evaluate_compiled(Compilation(source, options), engine, limits, world)


def evaluate_compiled(compilation: Compilation, engine: str, limits: Any, world: World = alone) -> Outcome:
    """Raises `DiagnosticError` if the program is refused."""
    from runtime.values import RtfsError

    host, ready = world(compilation)
    try:
        with instantiate(compilation, engine, limits, host) as instance:
            if ready is not None:
                ready(instance)
            value = instance.run_printed()
    except RtfsError as error:
        error.sources = compilation.sources
        return Outcome(None, error, compilation.sink.diagnostics, compilation.units)
    return Outcome(value, None, compilation.sink.diagnostics, compilation.units)


def instantiate(compilation: Compilation, engine: str, limits: Any, host: Any = None) -> Any:
    """An instance of the compiled program. The evaluator takes the IR as it is, without serialising."""
    run_by = executor(TARGETS[engine])
    if engine == "evaluator":
        return run_by.instantiate_module(compilation.ir, limits=limits, host=host)  # type: ignore[attr-defined]
    if compilation.options.separate:
        from runtime.linked import modules_of

        modules = modules_of(compilation)
        return run_by.instantiate(compilation.artifact, limits=limits, host=host, modules=modules)  # type: ignore[call-arg]
    instance: Any = run_by.instantiate(compilation.artifact, limits=limits, host=host)
    instance.locate = compilation.locate
    return instance


def exports_of(module: Module) -> dict[str, Mapping[str, Any]]:
    """The exports by name, each as in the section ``rtfs.interface``."""
    from backend_wasm.interface import describe_export

    return {export.name: describe_export(module, export) for export in module.exports}


def read_value(text: str) -> Any:
    """The Python value of an RTFS expression, from the evaluator. Raises `DiagnosticError`, `RtfsError`."""
    from runtime.values.limits import Limits

    compilation = Compilation(SourceFile("<value>", text), CompileOptions(level=0, target="rtfs-ir"))
    with instantiate(compilation, "evaluator", Limits(deadline_ms=1000)) as instance:
        return instance.run()


def examples_in(doc: str) -> list[tuple[tuple[Any, ...], Any]]:
    """Arguments and result of the lines ``example: (call) => value`` in a doc. Raises `DiagnosticError`,
    `RtfsError` for what cannot be read."""
    from rtfsc.sema.interface import example_lines

    return [read_example(call, value) for call, value in example_lines(doc) if value]


def read_example(call: str, value: str) -> tuple[tuple[Any, ...], Any]:
    """Of the call ``(f a b)``: what it calls does not matter."""
    from rtfsc.syntax.forms import List

    source = SourceFile("<example>", call)
    forms = Compilation(source).forms
    form = forms[0] if len(forms) == 1 else None
    if not isinstance(form, List) or not form.items:
        found = Diagnostic("A001", "an example is a call and its value", form.span if form else None, (),
                           "(f 1 2) => 3")  # fmt: skip
        raise DiagnosticError([found], source)
    arguments = read_value(f"[{call[form.items[0].span.end : form.span.end - 1]}]")
    return tuple(arguments), read_value(value)


def example_arguments(export: Export) -> list[tuple[Any, ...]]:
    """The arguments of the example calls ``(f a b)`` in the doc of an exported function."""
    from rtfsc.syntax.forms import List, Symbol

    found = []
    for text in export.examples:
        forms = Compilation(SourceFile("<example>", text)).forms
        call = forms[0] if len(forms) == 1 else None
        head = call.items[0] if isinstance(call, List) and call.items else None
        if call is not None and isinstance(head, Symbol) and head.name == export.name:
            found.append(tuple(read_value(f"[{text[head.span.end : call.span.end - 1]}]")))
    return found
