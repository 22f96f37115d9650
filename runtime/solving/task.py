"""What is asked for: a task in words, the signature, and examples of calls."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.solving.errors import UnsuitableTask
from runtime.store.retrieval import Example
from runtime.values import Limits, RtfsError

if TYPE_CHECKING:
    from rtfsc.syntax.forms import Form, List

NAME = "solution"
"""Of functions whose signature names none."""
MOST_EXAMPLES = 64
HOLD_BACK_FROM = 3
"""With so many examples or more, one is not shown to the model."""
_LIMITS = Limits(deadline_ms=1000, memory_bytes=64 << 20)


@dataclass(frozen=True, slots=True)
class Task:
    """``text``: on one line. ``signature``: the declaration without a doc. ``shown``: the examples that the
    model sees; ``kept``: those that it does not, so that a list of the shown ones does not pass. ``named``:
    whether what is published says what it does, and so is found by others; what it may not say, it may not
    have as a table either."""

    text: str
    name: str
    signature: str
    interface_hash: str
    shown: tuple[Example, ...]
    kept: tuple[Example, ...]
    named: bool = True

    @property
    def examples(self) -> tuple[Example, ...]:
        return (*self.shown, *self.kept)

    @property
    def key(self) -> str:
        """One text per interface and task, hex."""
        return hashlib.sha256(f"{self.interface_hash}\n{self.text.casefold()}".encode()).hexdigest()

    @property
    def doc(self) -> str:
        """Of the published function: by it the next caller finds the function, and tests can run it."""
        if not self.named:
            return ""
        lines = [self.text, *(f"example: {line}" for line in map(self.example_text, self.examples))]
        return "\n".join(lines)

    def example_text(self, example: Example) -> str:
        """``(f 1 2) => 3``"""
        return f"{self.call_text(example.arguments)} => {written(example.result)}"

    def call_text(self, arguments: Sequence[Any]) -> str:
        return f"({' '.join([self.name, *map(written, arguments)])})"


def read_task(text: str, signature: str, examples: Sequence[tuple[Sequence[Any], Any]] = ()) -> Task:
    """``signature``: ``(declare name [a : T …] : R)``, or only ``[a : T …] : R``. Its doc, where it has one,
    may hold further examples, and stands for the task where that is empty.

    Raises `UnsuitableTask`, `DiagnosticError` for a signature or an example that cannot be read. What a
    program would need to meet them is a matter of `confirm`.
    """
    from rtfsc.evaluation import examples_in
    from rtfsc.signature import read_declaration
    from runtime.searching import task_of

    if signature.lstrip().startswith("["):
        signature = f"(declare {NAME} {signature.strip()})"
    declared = read_declaration(signature)
    task = task_of(text) or task_of(declared.doc)
    if not task:
        raise UnsuitableTask("the task is empty", hint="say what the function does, in a sentence")
    bare = _without_doc(signature)
    given = [_example(example) for example in examples]
    given += examples_in(declared.doc) + examples_in(text)
    shown, kept = _split([Example(*example) for example in _distinct(declared.name, given)])
    return Task(task, declared.name, _text(bare), declared.interface_hash, shown, kept)


def confirm(task: Task) -> None:
    """Before a model is asked for what cannot be: every type of the signature is known, every example fits
    it. Raises `UnsuitableTask`, `DiagnosticError`."""
    _refuse_doubts(task.signature)
    declaration = _without_doc(task.signature)
    for example in task.examples:
        _confirm(declaration, example)


def written(value: Any) -> str:
    """The expression whose value this is. Raises `UnsuitableTask` where there is none."""
    from runtime.printing import printed
    from runtime.values import List, Symbol

    kinds = set(_kinds(value))
    unknown = sorted(kind.__name__ for kind in kinds - _writable())
    if unknown:
        raise UnsuitableTask(f"a value of the type {unknown[0]} cannot be written into an example")
    text = printed(value)
    return f"'{text}" if kinds & {List, Symbol} else text


def _writable() -> set[type]:
    from uuid import UUID

    from runtime.values import Keyword, List, Resource, Symbol, Timestamp

    return {
        type(None), bool, int, float, str, list, dict, Keyword, List, Resource, Symbol, Timestamp, UUID,
    }  # fmt: skip


def _kinds(value: Any) -> Iterator[type]:
    from runtime.values import List

    yield type(value)
    if isinstance(value, (list, List)):
        for item in value:
            yield from _kinds(item)
    elif isinstance(value, dict):
        for pair in value.items():
            for item in pair:
                yield from _kinds(item)


def _example(given: Any) -> tuple[tuple[Any, ...], Any]:
    """Tuples in values become lists, as at every boundary. Raises `UnsuitableTask`."""
    pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not pair or not isinstance(given[0], (tuple, list)):
        raise UnsuitableTask(f"an example is a pair of arguments and result, not {given!r:.100}",
                             hint="((100,), 90) for f(100) == 90")  # fmt: skip
    return tuple(map(_plain, given[0])), _plain(given[1])


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    return value


def _distinct(name: str, given: list[tuple[tuple[Any, ...], Any]]) -> list[tuple[tuple[Any, ...], Any]]:
    """Raises `UnsuitableTask` where one call has two results."""
    found: dict[str, tuple[tuple[Any, ...], Any]] = {}
    for arguments, result in given:
        call = f"({' '.join([name, *map(written, arguments)])})"
        known = found.setdefault(call, (arguments, result))
        if written(known[1]) != written(result):
            raise UnsuitableTask(f"two examples of {call} differ: {written(known[1])} and {written(result)}")
    if len(found) > MOST_EXAMPLES:
        raise UnsuitableTask(f"{len(found)} examples; at most {MOST_EXAMPLES}")
    return list(found.values())


def _split(examples: list[Example]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The last one whose result another one has too is kept back, else the last: so that what is shown has
    every result, where that can be."""
    if len(examples) < HOLD_BACK_FROM:
        return tuple(examples), ()
    results = [written(example.result) for example in examples]
    common = [at for at, result in enumerate(results) if results.count(result) > 1]
    at = common[-1] if common else len(examples) - 1
    return (*examples[:at], *examples[at + 1 :]), (examples[at],)


# -- the signature


def _refuse_doubts(signature: str) -> None:
    """Of a type that is unknown, say, there are no values. Raises `DiagnosticError`."""
    from rtfsc.driver import Compilation
    from rtfsc.source import SourceFile

    compilation = Compilation(SourceFile("<signature>", signature))
    _ = compilation.unoptimised
    compilation.refuse_warnings()


def _without_doc(signature: str) -> List:
    from rtfsc.ir.types import STR
    from rtfsc.syntax.forms import List, Literal

    form = _forms(signature)[0]
    assert isinstance(form, List)  # as `read_declaration` has seen
    return List([i for i in form.items if not (isinstance(i, Literal) and i.kind == STR)], form.span)


def _forms(text: str) -> list[Form]:
    from rtfsc.driver import Compilation
    from rtfsc.source import SourceFile

    return Compilation(SourceFile("<signature>", text)).forms


def _text(form: Form) -> str:
    from rtfsc.syntax.printer import print_form

    return print_form(form)


def _confirm(declaration: List, example: Example) -> None:
    """Raises `UnsuitableTask` where arguments or result are not of the declared types."""
    failed = _misfit(declaration, example)
    if failed:
        call = f"({' '.join([_text(declaration.items[1]), *map(written, example.arguments)])})"
        told = f"the example {call} => {written(example.result)} does not fit the signature: {failed}"
        raise UnsuitableTask(told)


def _misfit(declaration: List, example: Example) -> str:
    """A function of this signature that gives the result whatever it is asked; what is wrong when it is
    called, "" if nothing."""
    from rtfsc.driver import Compilation
    from rtfsc.evaluation import instantiate
    from rtfsc.options import CompileOptions
    from rtfsc.source import SourceFile

    head = " ".join(["defn", *map(_text, declaration.items[1:])])
    source = SourceFile("<example>", f"({head} {written(example.result)})")
    compilation = Compilation(source, CompileOptions(level=0, target="rtfs-ir"))
    try:
        with instantiate(compilation, "evaluator", _LIMITS) as instance:
            instance.start()
            instance.function(_text(declaration.items[1]))(*example.arguments)
    except (RtfsError, TypeError, ValueError, OverflowError) as error:
        return str(error)
    return ""
