"""What was typed, taken apart: whether it is complete, its top-level forms, what each defines."""

from __future__ import annotations

from typing import NamedTuple

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form, List, Meta, Symbol
from rtfsc.syntax.reader import read

_DEFINING = frozenset(("def", "defn", "defmacro", "defstruct", "declare", "module", "import"))
# Unclosed bracket, string, block comment; a mark that waits for its form.
_OPEN_ENDED = frozenset(("S002", "S005", "S007", "S012"))


class Piece(NamedTuple):
    """A top-level form as typed. ``defines``: what a later definition of the same name replaces, None for
    an expression; ``head``: the form that defines it."""

    text: str
    defines: str | None
    head: str = ""


def is_complete(text: str) -> bool:
    """Whether more lines cannot be meant to belong to it: it reads, or has an error that they cannot mend."""
    sink = Sink()
    read(SourceFile("<repl>", text), sink)
    return any(error.code not in _OPEN_ENDED for error in sink.errors) or not sink.has_errors


def pieces(source: SourceFile) -> list[Piece]:
    """The forms in order; a ``do`` that defines something is its forms. Raises `DiagnosticError`."""
    sink = Sink(source)
    forms = read(source, sink)
    sink.raise_if_errors()
    return [piece for form in forms for piece in _pieces(form, source.text)]


def _pieces(form: Form, text: str) -> list[Piece]:
    inner = form
    while isinstance(inner, Meta):
        inner = inner.form
    head = inner.items[0] if isinstance(inner, List) and inner.items else None
    name = head.name if isinstance(head, Symbol) else ""
    if name == "do" and isinstance(inner, List):
        parts = [part for item in inner.items[1:] for part in _pieces(item, text)]
        if any(part.defines for part in parts):
            return parts
    spelt = text[form.span.start : form.span.end]
    if name not in _DEFINING or not isinstance(inner, List) or len(inner.items) < 2:
        return [Piece(spelt, None)]
    target = inner.items[1]
    while isinstance(target, Meta):
        target = target.form
    if not isinstance(target, Symbol):
        return [Piece(spelt, None)]
    if name in ("module", "import"):
        return [Piece(spelt, f"{name} {target.name}", name)]
    return [Piece(spelt, target.name, name)]
