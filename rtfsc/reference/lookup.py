"""Descriptions of names as text, as ``rtfsc doc`` and ``:doc`` print them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from rtfsc.reference.library import Usage, usages
from rtfsc.reference.special_forms import SpecialForm, special_forms

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.ir.nodes import Export
    from rtfsc.primitives.library import LibraryFunction


class UnknownName(LookupError):
    """No such name; the message suggests others."""


@cache
def known_names() -> tuple[str, ...]:
    """Of the library and of special forms."""
    from rtfsc.primitives.library import LIBRARY

    return (*special_forms(), *LIBRARY)


def describe_name(name: str, others: Iterable[str] = ()) -> str:
    """A library function or special form. ``others``: further names to suggest. Raises `UnknownName`."""
    from rtfsc.primitives.library import LIBRARY

    form, function = special_forms().get(name), LIBRARY.get(name)
    if form is None and function is None:
        raise UnknownName(_unknown(name, [*known_names(), *others]))
    parts = []
    if form is not None:
        parts.append("\n".join(_form_lines(form)))
    if function is not None:
        parts.append("\n".join(_function_lines(function)))
    return "\n\n".join(parts)


def describe_export(compilation: Compilation, name: str) -> str:
    """A definition of a program. Raises `UnknownName`, `DiagnosticError`."""
    exports = {export.name: export for export in compilation.unoptimised.exports}
    if name in exports:
        return "\n".join(_export_lines(exports[name]))
    raise UnknownName(_unknown(name, exports))


def _unknown(name: str, known: Iterable[str]) -> str:
    from rtfsc.diagnostics.suggest import close_names

    close = close_names(name, known, 3)
    return f"there is no '{name}'" + (f"; did you mean {' or '.join(close)}?" if close else "")


def _form_lines(form: SpecialForm) -> Iterator[str]:
    yield f"{form.name}: special form"
    yield from (f"  {call}" for call in form.calls)
    yield f"  {form.doc}"
    if form.example is not None:
        yield _row("example", f"{form.example[0]} => {form.example[1]}")


def _function_lines(function: LibraryFunction) -> Iterator[str]:
    from rtfsc.primitives.signatures import text_of

    usage = usages().get(function.name, Usage((f"({function.name} …)",), (), None))
    yield f"{function.name}: library function"
    yield from (f"  {call}" for call in usage.calls)
    yield f"  {function.doc}"
    yield _row("arguments", arities(function.name))
    for label, text in zip(_labels("types"), text_of(function.name), strict=False):
        yield _row(label, text.partition("-> @")[0].strip())  # a rule of the checker tells nobody anything
    yield _row("effects", _effects(function.name))
    yield _row("errors", " ".join(("ArityMismatch", *usage.errors)))
    if usage.example is not None:
        yield _row("example", f"{usage.example[0]} => {usage.example[1]}")


def arities(name: str) -> str:
    """``2 or 3``, ``1 or more``, ``any number``"""
    from rtfsc.primitives.signatures import signatures

    counts: set[int] = set()
    least: int | None = None
    for signature in signatures(name):
        if signature.rest is not None:
            least = min(len(signature.params), least if least is not None else len(signature.params))
        counts.add(len(signature.params))
    if least is not None and all(count in counts for count in range(min(counts), least)):
        return f"{min(counts)} or more" if min(counts) else "any number"
    texts = [str(count) for count in sorted(counts) if least is None or count < least]
    return " or ".join([*texts, *([f"{least} or more"] if least is not None else [])])


def _effects(name: str) -> str:
    usage = usages().get(name)
    return "goes through the host" if usage and "SecurityViolation" in usage.errors else "none"


def _export_lines(export: Export) -> Iterator[str]:
    if export.func is None:
        yield f"{export.name}: value"
        yield _row("type", export.result_type)
    else:
        names = [f"& {n}" if export.rest and n == export.params[-1] else n for n in export.params]
        count = len(export.params) - export.rest
        yield f"{export.name}: function"
        yield f"  ({' '.join([export.name, *names])})"
        yield _row("arguments", f"{count} or more" if export.rest else str(count))
        types = [f"& {t}" if export.rest and i == count else t for i, t in enumerate(export.param_types)]
        yield _row("types", f"{' '.join([*types, '->'])} {export.result_type}")
    yield _row("effects", " ".join(export.effects) or "none")
    yield from (f"  {line.strip()}" for line in export.doc.splitlines())


def _row(label: str, text: str) -> str:
    return f"  {f'{label}:' if label else '':<11}{text}"


def _labels(first: str) -> Iterator[str]:
    yield first
    while True:
        yield ""
