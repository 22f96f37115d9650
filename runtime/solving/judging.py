"""Whether an answer of a model may be published: it is parsed, compiled, and run on the examples by both
engines.

Everything that a model writes runs here for the first time, without any capability and within limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rtfsc.diagnostics import DiagnosticError
from rtfsc.source import SourceFile
from runtime.searching import SANDBOX, begun, passes, told
from runtime.solving.program import Unfit, code_in, definitions
from runtime.solving.tables import listed
from runtime.store.agreement import ask, conclusive, fairly, release, same_answer
from runtime.store.retrieval import Example
from runtime.values import RtfsError

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from runtime.solving.task import Task

ENGINES: Final = ("evaluator", "wasm")


class Finding(NamedTuple):
    """Why an answer is refused. ``stage``: ``answer``, ``syntax``, ``program``, ``types``, ``interface``,
    ``effects``, ``start``, ``example``, ``kept-back``, ``table``, ``engines`` or ``compiler``; ``text``: for
    the model, which mends it, and for people."""

    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """``source``: of the program that may be published; ``remarks``: for people."""

    source: SourceFile
    remarks: tuple[str, ...] = ()


def judge(task: Task, answer: str) -> Accepted | Finding:
    """Raises nothing for whatever an answer holds."""
    try:
        code = code_in(answer)
    except Unfit as error:
        return Finding("answer", str(error))
    stage = "syntax"
    try:
        written = _compilation(SourceFile("answer.rtfs", code))
        forms = written.forms
        stage = "program"
        source = SourceFile("program.rtfs", definitions(forms, task))
        stage = "types"
        _refuse_warnings(written)
        return _behaviour(task, source)
    except Unfit as error:
        return Finding("program", str(error))
    except DiagnosticError as error:
        return Finding(stage, _rendered(error))
    except RecursionError:
        return Finding("compiler", "The program is nested too deeply.")
    except Exception as error:  # a fault of ours must not end the work of the user
        return Finding("compiler", f"The compiler fails on this program: {type(error).__name__}: {error}")


def _compilation(source: SourceFile) -> Compilation:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions

    return Compilation(source, CompileOptions(keep_modules=False))


def _refuse_warnings(compilation: Compilation) -> None:
    """What the model wrote, with its own lines: warnings count, since they are errors when it runs."""
    _ = compilation.unoptimised
    compilation.refuse_warnings()


def _rendered(error: DiagnosticError) -> str:
    from rtfsc.diagnostics.render import render

    return render(error.diagnostics, error.source, dropped=error.dropped)


def _behaviour(task: Task, source: SourceFile) -> Accepted | Finding:
    compilation = _compilation(source)
    finding = _effects(compilation) or _interface(task, compilation)
    if finding is not None:
        return finding
    from rtfsc.evaluation import instantiate

    def started(engine: str) -> Any:
        return fairly(lambda: begun(instantiate(compilation, engine, SANDBOX)))

    with ExitStack() as stack:
        try:
            instances = [stack.enter_context(started(engine)) for engine in ENGINES]
        except RtfsError as error:
            return Finding("start", f"The definitions cannot be evaluated: {error.kind}: {error}")
        functions = [instance.function(task.name) for instance in instances]
        finding = next(_failures(task, functions), None)
        if finding is not None:
            return finding
        suspicion = listed(task, compilation, functions[0])
    if suspicion and not (task.kept and task.named):
        return Finding("table", suspicion)
    return Accepted(source, (suspicion,) if suspicion else ())


def _interface(task: Task, compilation: Compilation) -> Finding | None:
    for export in compilation.unoptimised.exports:
        if export.name != task.name:
            if export.doc:
                return Finding("program", f"{export.name} must not have a doc.")
            continue
        if export.interface_hash == task.interface_hash:
            return None
        given = list(export.param_types)
        if export.rest:
            given.insert(-1, "&")
        types = " ".join(given)
        text = f"{task.name} has the type [:fn [{types}] {export.result_type}]. It must have exactly that of"
        return Finding("interface", f"{text} {task.signature}: the same types of parameters and result.")
    return Finding("interface", f"The program exports no {task.name}.")


def _effects(compilation: Compilation) -> Finding | None:
    named = sorted({effect for export in compilation.unoptimised.exports for effect in export.effects})
    if not named and not _acts(compilation.artifact):
        return None
    what = f"calls {', '.join(named)}" if named else "asks its host"
    what = "calls what its arguments name" if named == ["*"] else what
    return Finding("effects", f"The program {what}. It must compute its result from its arguments alone.")


def _acts(artifact: bytes) -> bool:
    """Whether it can ask for an operation of the host. A function that it is given it may call."""
    from backend_wasm.imports import read_imports
    from runtime.vouched import HOST_MODULE

    return any((entry.module, entry.name) == (HOST_MODULE, "host") for entry in read_imports(artifact))


def _failures(task: Task, functions: list[Any]) -> Iterator[Finding]:
    for example in task.examples:
        answers = [ask(function, example.arguments) for function in functions]
        try:
            if conclusive(*answers) and not same_answer(*answers):
                yield Finding("engines", f"The engines disagree on {task.call_text(example.arguments)}: "
                              f"{', '.join(told(a, example.result) for a in answers)}")  # fmt: skip
            failed = next((a for a in answers if not passes(a, example.result)), None)
            if failed is not None:
                yield _failure(task, example, told(failed, example.result))
        finally:
            for answer in answers:
                release(answer.value)


def _failure(task: Task, example: Example, what: str) -> Finding:
    if example in task.kept:
        text = f"Every example is met, but not a further call of {task.name}, which is not shown."
        return Finding("kept-back", f"{text} Do what the task says for all arguments.")
    return Finding("example", f"{task.example_text(example)} is asked for; the program {what}.")
