"""Meaning in a runtime: what is embedded when a module is published, how a task is looked up, and how a
function that was declared without a body finds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

from runtime.lookups import record
from runtime.store.agreement import Answer, ask, fairly, release, same_value
from runtime.store.index import Entry, Meaning, as_kept
from runtime.store.retrieval import Example, Failed, Retrieval, retrieve
from runtime.values import Limits

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.host.session import Delegation
    from runtime.meaning.embedding import Embedder
    from runtime.store.store import VerifiedArtifact

SANDBOX = Limits(deadline_ms=200, memory_bytes=64 << 20)
"""For candidates that run on examples: without any capability."""
_EXAMPLE = "example:"


def task_of(doc: str) -> str:
    """The part of a doc that says what a function does: without its examples, on one line."""
    lines = [line.strip() for line in doc.splitlines()]
    return " ".join(" ".join(line for line in lines if not line.lower().startswith(_EXAMPLE)).split())


def meanings_of(exports: Iterable[Mapping[str, Any]], embedder: Embedder) -> list[Meaning]:
    """Of the documented functions among exports as in the section ``rtfs.interface``."""
    from runtime.meaning.embedding import to_bytes

    named = [
        (e, task_of(e["doc"])) for e in exports if e["kind"] == "function" and task_of(e.get("doc") or "")
    ]
    vectors = embedder.embed([task for _, task in named])
    return [
        Meaning(e["name"], e["interface_hash"], embedder.tag, as_kept(task), to_bytes(vector))
        for (e, task), vector in zip(named, vectors, strict=True)
    ]


def describe(runtime: Runtime, entry: Entry, artifact: bytes) -> int:
    """Embeds what the exports of an entry are for; returns how many. Of Wasm modules only: they carry
    their docs."""
    if entry.description.target != "wasm32":
        return 0
    from backend_wasm.sections import read_interface

    meanings = meanings_of(read_interface(artifact)["exports"], runtime.embedder)
    if meanings:
        runtime.store.index.add_meanings(entry.id, meanings)
    return len(meanings)


def describe_missing(runtime: Runtime) -> int:
    """Embeds the functions of verified entries that have no vector of this embedder; returns how many.
    Entries that are refused are passed over."""
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError

    tag, index, done = runtime.embedder.tag, runtime.store.index, 0
    for entry in index.all():
        groups = sorted({export.interface_hash for export in entry.description.exports})
        known = {entry_id for group in groups for entry_id, _ in index.meanings(group, tag)}
        if entry.status != "Verified" or entry.id in known:
            continue
        try:
            done += describe(runtime, entry, runtime.store.fetch(entry).artifact)
        except (TrustError, StoreError):
            continue
    return done


def search(runtime: Runtime, interface_hash: str, task: str, examples: Sequence[Example] = ()) -> Retrieval:
    """Looks for a stored function; what was decided goes into the governance log."""
    started = perf_counter()
    found = retrieve(
        runtime.store, interface_hash, task, runtime.embedder,
        read=_task_in, confirm=lambda artifact, export, given: _confirm(runtime, artifact, export, given),
        examples=examples,
    )  # fmt: skip
    if found.hit is not None and found.hit.entry is not None:
        runtime.store.touch(found.hit.entry)
    _log(runtime, found, perf_counter() - started)
    return found


def _log(runtime: Runtime, found: Retrieval, seconds: float) -> None:
    """A hit by its candidate, a miss by the best one that was looked at."""
    shown = found.hit or (found.candidates[0] if found.candidates else None)
    entry = shown.entry if shown is not None else None
    record(
        runtime, "meaning", found.task,
        None if entry is None or found.hit is None else entry,
        "hit" if found.hit else "miss", seconds,
        score=None if shown is None else shown.score,
        detail="" if shown is None else f"{shown.export}: {shown.text} [{'; '.join(shown.reasons)}]",
    )  # fmt: skip


def search_signature(
    runtime: Runtime, signature: str, examples: Sequence[tuple[Sequence[Any], Any]]
) -> Retrieval:
    from rtfsc.diagnostics import Diagnostic, DiagnosticError
    from rtfsc.evaluation import examples_in
    from rtfsc.signature import read_declaration
    from rtfsc.source import SourceFile

    declared = read_declaration(signature)
    task = task_of(declared.doc)
    if not task:
        raise DiagnosticError(
            [Diagnostic("A001", "the declaration does not say what the function does", None, (),
                        '(declare name [a : Int] : Int "what it does")')],
            SourceFile("<signature>", signature),
        )  # fmt: skip
    given = [Example(tuple(arguments), result) for arguments, result in examples]
    given += [Example(*example) for example in examples_in(declared.doc)]
    return search(runtime, declared.interface_hash, task, given)


def _task_in(artifact: VerifiedArtifact, export: str) -> str:
    from backend_wasm.sections import read_interface

    for described in read_interface(artifact.artifact)["exports"]:
        if described["name"] == export:
            return task_of(described.get("doc") or "")
    raise LookupError(f"the module exports no {export}")


def _confirm(
    runtime: Runtime, artifact: VerifiedArtifact, export: str, examples: Sequence[Example]
) -> Failed | None:
    with closing(fairly(lambda: sandboxed(artifact.artifact))) as instance:
        function = instance.function(export)
        for example in examples:
            answer = ask(function, example.arguments)
            try:
                if not passes(answer, example.result):
                    called = " ".join([export, *map(shown, example.arguments)])
                    return Failed(example, f"({called}): {told(answer, example.result)}")
            finally:
                release(answer.value)
    return None


def sandboxed(artifact: bytes) -> Any:
    """An instance without capabilities and within the limits of the `SANDBOX`, its top level evaluated."""
    from rtfsc.registry import executor

    return begun(executor("wasm32").instantiate(artifact, limits=SANDBOX, host=None))


def begun(instance: Any) -> Any:
    """The instance with its top level evaluated; closed where that fails."""
    try:
        instance.start()
    except BaseException:
        instance.close()
        raise
    return instance


def passes(answer: Answer, expected: Any) -> bool:
    """Whether an example is met."""
    if answer.error is not None or answer.limited or answer.fault:
        return False
    # A whole float is as good as its integer: who writes an example seldom means the difference.
    if type(answer.value) in (int, float) and type(expected) in (int, float):
        return bool(answer.value == expected)
    return same_value(answer.value, expected)


def told(answer: Answer, expected: Any) -> str:
    """What came instead of what was expected."""
    if answer.limited:
        return "ran into a limit"
    if answer.error is not None:
        return f"{answer.error[0]}: {answer.error[1]}"
    return f"gave {shown(answer.value)}, not {shown(expected)}"


def shown(value: Any) -> str:
    """As programs print it."""
    from runtime.printing import printed

    return f"{printed(value):.200}"


class Declared:
    """Answers the calls of functions that were declared without a body from the store. What was found is kept
    for the life of the instance; what was not is looked for once."""

    def __init__(self, runtime: Runtime, exports: Mapping[str, Mapping[str, Any]]) -> None:
        """``exports``: of the program, as in the section ``rtfs.interface``, by name."""
        self._runtime, self._exports = runtime, exports
        self._functions: dict[str, Callable[..., Any] | None] = {}

    def __call__(self, delegation: Delegation) -> tuple[bool, Any]:
        if delegation.mode != "declared" or not delegation.model:
            return False, None
        name = delegation.function
        if name not in self._functions:
            self._functions[name] = self._found(name, delegation.model)
        function = self._functions[name]
        return (False, None) if function is None else (True, function(*delegation.arguments))

    def _found(self, name: str, doc: str) -> Callable[..., Any] | None:
        from rtfsc.evaluation import examples_in

        interface = self._exports.get(name)
        if interface is None:
            return None
        examples = [Example(*example) for example in examples_in(doc)]
        found = search(self._runtime, interface["interface_hash"], task_of(doc), examples)
        if found.hit is None or found.hit.entry is None:
            return None
        return self._runtime.load_hit(found)  # type: ignore[no-any-return]
