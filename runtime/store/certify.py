"""Certification: a module is published only if two engines agree on it.

Both run every function on inputs generated from its declared types and on the examples given.  What they
agreed on is counted in the certificate that goes into the signed statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.store.agreement import Answer, ask, conclusive, release, same_answer, text_of
from runtime.store.errors import StoreError
from runtime.store.inputs import NotGenerable, argument_lists
from runtime.trust.statement import Certificate

DEFAULT_INPUTS = 40


class CertificationError(StoreError):
    """The engines disagree: a defect of the compiler.  ``export``, ``arguments``, ``answers``: on what."""

    code = "ST010"
    exit_code = 70

    def __init__(self, export: str, arguments: tuple[Any, ...], answers: Mapping[str, Answer]) -> None:
        told = ", ".join(f"{engine}: {_told(answer)}" for engine, answer in answers.items())
        super().__init__(f"The engines disagree on {export}({_shown(arguments)}): {told}")
        self.export, self.arguments, self.answers = export, arguments, answers


class Certifiable(Protocol):
    """The part of `rtfsc.backend.Instance` that is needed."""

    def function(self, name: str) -> Callable[..., Any]: ...

    def value(self, name: str) -> Any: ...


@dataclass(slots=True)
class _Tally:
    digest: Any
    inputs: int = 0
    inconclusive: int = 0


def certify(
    engines: Mapping[str, Certifiable],
    exports: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    inputs: int = DEFAULT_INPUTS,
    examples: Mapping[str, Sequence[tuple[Any, ...]]] | None = None,
) -> Certificate:
    """Compares two engines on a module.

    ``engines``: two fresh instances by name, e.g. ``{"evaluator": …, "wasm32": …}``, made with a short
    deadline (50 ms) so that an input on which a function does not end costs no more than that.
    ``exports``: as in the section ``rtfs.interface``; those with effects are left out.  ``inputs``: how
    many argument lists per function.  ``examples``: argument lists by export name.

    Raises `CertificationError` with the first input on which they differ.
    """
    if len(engines) != 2:
        raise ValueError("certify compares two engines")
    tally = _Tally(hashlib.sha256())
    for export in exports:
        if export["kind"] == "value":
            _compare(engines, export["name"], None, tally)
        elif not export.get("effects"):
            given = list((examples or {}).get(export["name"], ()))
            _compare_function(engines, export, [*given, *_generated(export, seed, inputs)], tally)
    names = tuple(engines)
    return Certificate(seed, tally.inputs, tally.inconclusive, names, tally.digest.hexdigest())


def _generated(export: Mapping[str, Any], seed: int, count: int) -> list[tuple[Any, ...]]:
    try:
        return argument_lists(export["param_types"], export["rest"], f"{seed}:{export['name']}", count)
    except NotGenerable:
        return []  # the certificate counts what was compared: the examples


def _compare_function(
    engines: Mapping[str, Certifiable],
    export: Mapping[str, Any],
    argument_lists: Sequence[tuple[Any, ...]],
    tally: _Tally,
) -> None:
    bound: float = float("inf")
    for arguments in argument_lists:
        # Where one argument was too much, larger ones only cost time.
        if (size := _magnitude(arguments)) >= bound:
            continue
        if not _compare(engines, export["name"], arguments, tally):
            bound = min(bound, size)


def _compare(
    engines: Mapping[str, Certifiable], name: str, arguments: tuple[Any, ...] | None, tally: _Tally
) -> bool:
    """One comparison; False if a limit kept it from proving anything."""
    answers = {engine: _answer(instance, name, arguments) for engine, instance in engines.items()}
    a, b = answers.values()
    try:
        tally.digest.update(f"{name} {text_of(arguments)}\n".encode("utf-8", "surrogatepass"))
        if not conclusive(a, b):
            tally.inconclusive += 1
            return False
        if not same_answer(a, b):
            raise CertificationError(name, arguments or (), answers)
        tally.inputs += 1
        return True
    finally:
        release(a.value)
        release(b.value)


def _answer(instance: Certifiable, name: str, arguments: tuple[Any, ...] | None) -> Answer:
    if arguments is None:
        return ask(instance.value, (name,))
    return ask(instance.function(name), arguments)


def _magnitude(arguments: tuple[Any, ...]) -> float:
    """The largest number or length among the arguments."""
    return max((_size(argument) for argument in arguments), default=0.0)


def _size(value: Any) -> float:
    if isinstance(value, (int, float)):
        return abs(value) if value == value else 0.0
    if isinstance(value, (list, tuple)):
        return max(len(value), _magnitude(tuple(value)))
    if isinstance(value, dict):
        return max(len(value), _magnitude(tuple(value.values())))
    return float(len(value)) if isinstance(value, str) else 0.0


def _shown(arguments: tuple[Any, ...]) -> str:
    return ", ".join(f"{argument!r:.200}" for argument in arguments)


def _told(answer: Answer) -> str:
    if answer.error:
        return f"{answer.error[0]} {answer.error[1]!r} at {answer.error[2]}"
    return f"{answer.value!r:.200}"
