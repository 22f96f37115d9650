"""Forms to text that reads back as the same forms.

One line a form. Iterative, since forms made by macros have no limit on depth.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isinf, isnan
from typing import Final

from rtfsc.ir import types
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector

_PREFIXES: Final = {
    "quote": "'",
    "quasiquote": "`",
    "unquote": "~",
    "unquote-splicing": "~@",
    "context-ref": "@",
}
_BRACKETS: Final = {List: ("(", ")"), Vector: ("[", "]"), ShortFn: ("#(", ")")}
_ESCAPES: Final = str.maketrans({"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'})


def print_forms(forms: Iterable[Form]) -> str:
    """A line per form, each with its line end."""
    return "".join(f"{print_form(form)}\n" for form in forms)


def print_form(form: Form) -> str:
    """The text of one form on one line."""
    out: list[str] = []
    work: list[Form | str] = [form]
    while work:
        item = work.pop()
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, Literal):
            out.append(print_literal(item))
        elif isinstance(item, Symbol):
            out.append(item.name)
        elif isinstance(item, Keyword):
            out.append(f":{item.name}")
        else:
            work.extend(reversed(_parts(item)))
    return "".join(out)


def print_literal(literal: Literal) -> str:
    value = literal.value
    if literal.kind == types.NIL:
        return "nil"
    if literal.kind == types.BOOL:
        return "true" if value else "false"
    if isinstance(value, float):
        return print_float(value)
    if literal.kind == types.STR:
        return f'"{str(value).translate(_ESCAPES)}"'
    return str(value)


def print_float(value: float) -> str:
    """Shortest digits that read back, always with a point: ``1.5``, ``1.0e16``, ``##-Inf``."""
    if isnan(value):
        return "##NaN"
    if isinf(value):
        return "##Inf" if value > 0 else "##-Inf"
    mantissa, mark, exponent = repr(value).partition("e")
    if not mark:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent)}"


def _parts(form: Form) -> list[Form | str]:
    """A form with parts, as texts and forms in order."""
    if isinstance(form, Meta):
        return ["^", form.meta, " ", form.form]
    if isinstance(form, Map):
        return _joined("{", [item for pair in form.pairs for item in pair], "}")
    prefix = _prefix(form)
    if prefix is not None:
        return [prefix, form.items[1]]  # type: ignore[union-attr]
    opener, closer = _BRACKETS[type(form)]  # type: ignore[index]
    return _joined(opener, form.items, closer)  # type: ignore[union-attr]


def _prefix(form: Form) -> str | None:
    """The prefix that the list is written with, None if it is written with parentheses."""
    if not isinstance(form, List) or len(form.items) != 2 or not isinstance(form.items[0], Symbol):
        return None
    name, target = form.items[0].name, form.items[1]
    if name == "context-ref" and not isinstance(target, Symbol | Keyword):
        return None
    prefix = _PREFIXES.get(name)
    if prefix == "~" and _prefix(target) == "@":
        return "~ "  # without the blank it would read as ~@
    return prefix


def _joined(opener: str, items: list[Form], closer: str) -> list[Form | str]:
    parts: list[Form | str] = [opener]
    for position, item in enumerate(items):
        if position and not _touch(items[position - 1], item):
            parts.append(" ")
        parts.append(item)
    if items and _ends_in_handle(items[-1]):
        parts.append(" ")
    parts.append(closer)
    return parts


def _touch(left: Form, right: Form) -> bool:
    """``x:T`` is an annotation where ``x :T`` may be a value, so the missing blank is kept."""
    return isinstance(left, Symbol) and isinstance(right, Keyword) and left.span.end == right.span.start


def _ends_in_handle(form: Form) -> bool:
    """Whether the text ends in a resource handle, which would swallow a bracket."""
    while True:
        if isinstance(form, Meta):
            form = form.form
        elif _prefix(form) is not None:
            form = form.items[1]  # type: ignore[union-attr]
        else:
            return isinstance(form, Literal) and form.kind == types.RESOURCE
