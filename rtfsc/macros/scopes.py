"""Names in forms: those that a form binds, and those that code mentions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rtfsc.syntax.forms import Form, List, Map, Meta, ShortFn, Symbol, Vector

_LETS: Final = frozenset({"let", "loop", "if-let", "when-let", "for", "dotimes"})
_FUNCTIONS: Final = frozenset({"fn", "λ", "defn"})
DEFINITIONS: Final = frozenset({"def", "defn", "defstruct"})


def head_of(form: Form) -> str | None:
    """The name at the head of a list."""
    if type(form) is not List or not form.items or type(form.items[0]) is not Symbol:
        return None
    return form.items[0].name


def defined_name(form: Form) -> str | None:
    """The name that a definition defines; None if the form is none."""
    form = bare(form)
    if head_of(form) not in DEFINITIONS or len(form.items) < 2:  # type: ignore[union-attr]
        return None
    target = bare(form.items[1])  # type: ignore[union-attr]
    return target.name if type(target) is Symbol else None


def bare(form: Form) -> Form:
    """The form without metadata."""
    while type(form) is Meta:
        form = form.form
    return form


def bound_names(form: List) -> Iterator[str]:
    """The names that are local to a special form; some that are not, as names in types, do not matter."""
    head, items = head_of(form), form.items
    if head in _LETS:
        yield from _pattern_names(items[1:2])
    elif head in _FUNCTIONS:
        parameters = next((item for item in items[1:] if type(item) is Vector), None)
        yield from _pattern_names([parameters] if parameters is not None else [])
    elif head == "catch":
        yield from _pattern_names(items[1:3] if len(items) > 3 else items[1:2])
    elif head == "match":
        yield from _match_names(items)
    else:
        return
    yield from (name for item in items[1:] if (name := defined_name(item)) is not None)


def _match_names(items: Sequence[Form]) -> Iterator[str]:
    at = 2
    while at < len(items):
        yield from _pattern_names(items[at : at + 1])
        guarded = at + 1 < len(items) and type(w := items[at + 1]) is Symbol and w.name == "when"
        at += 4 if guarded else 2


def _pattern_names(forms: Sequence[Form]) -> Iterator[str]:
    """Names outside of lists."""
    stack = list(forms)
    while stack:
        form = stack.pop()
        if type(form) is Symbol:
            yield form.name
        elif type(form) is Vector:
            stack += form.items
        elif type(form) is Map:
            stack += [part for pair in form.pairs for part in pair]
        elif type(form) is Meta:
            stack.append(form.form)


def mentioned(form: Form) -> set[str]:
    """The names in a form that are code, not data of quotes and templates."""
    found: set[str] = set()
    stack: list[tuple[Form, int]] = [(form, 0)]
    while stack:
        form, level = stack.pop()
        if type(form) is Symbol:
            if level == 0:
                found.add(form.name)
        elif type(form) in (List, Vector, ShortFn):
            head = head_of(form)
            if head == "quote" and level == 0:
                continue
            if head == "quasiquote":
                level += 1
            elif head in ("unquote", "unquote-splicing"):
                level -= 1
            stack += [(item, level) for item in form.items]  # type: ignore[union-attr]
        elif type(form) is Map:
            stack += [(part, level) for pair in form.pairs for part in pair]
        elif type(form) is Meta:
            stack += [(form.meta, level), (form.form, level)]
    return found
