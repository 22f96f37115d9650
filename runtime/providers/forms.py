"""Data in RTFS notation as Python values. Nothing is evaluated: a call is no value, whatever it gives."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any

from runtime.values.atoms import Keyword, List, Resource, Symbol, Timestamp

_MOST = 1 << 20
"""Code points of a text that is looked at."""
_SHORT = 2000
"""Code points of a text whose forms are kept."""


class NoValue(Exception):
    """The text is not one value; the message says why."""


def read_data(text: str, *, symbols: bool = False) -> Any:
    """The one value that the text writes. ``symbols``: those may stand in it unquoted. Raises `NoValue`."""
    if len(text) > _MOST:
        raise NoValue(f"a text of more than {_MOST} characters")
    form, wrong = _short(text) if len(text) <= _SHORT else _form(text)
    if wrong:
        raise NoValue(wrong)
    try:
        return _value(form, symbols)
    except RecursionError:  # the interpreter's limit is that of all threads: it is not changed for an answer
        raise NoValue("nested too deeply") from None


def _form(text: str) -> tuple[Any, str]:
    """The one form, or what is wrong."""
    from rtfsc.diagnostics import Sink
    from rtfsc.source import SourceFile
    from rtfsc.syntax.reader import read

    source = SourceFile("<answer>", text)
    sink = Sink(source)
    try:
        forms = read(source, sink)
    except RecursionError:
        return None, "nested too deeply"
    for found in sink.diagnostics:
        if found.severity == "error":
            return None, f"{found.message} ({found.code})"
    if len(forms) != 1:
        return None, f"there are {len(forms)} values, not one" if forms else "there is no value"
    return forms[0], ""


# An answer is read when a cache asks whether it is of use, when it comes, and whenever the cache has it.
_short = lru_cache(maxsize=512)(_form)


def _value(form: Any, symbols: bool) -> Any:
    from rtfsc.syntax import forms as F

    kind = type(form)
    if kind is F.Literal:
        return _literal(form)
    if kind is F.Keyword:
        return Keyword(form.name)
    if kind is F.Vector:
        return [_value(item, symbols) for item in form.items]
    if kind is F.Map:
        return {_key(key, symbols): _value(value, symbols) for key, value in form.pairs}
    if kind is F.Symbol and symbols:
        return Symbol(form.name)
    if kind is F.List and (not form.items or symbols):
        return List([_value(item, symbols) for item in form.items])
    if kind is F.List and len(form.items) == 2 and getattr(form.items[0], "name", "") == "quote":
        return _value(form.items[1], True)
    raise NoValue(_refusal(kind.__name__, form))


def _refusal(kind: str, form: Any) -> str:
    if kind == "Symbol":
        return f"{form.name} is a name, not a value"
    if kind == "List":
        return "a call is not a value: write its value"
    return "code is not a value"


def _key(form: Any, symbols: bool) -> Any:
    key = _value(form, symbols)
    if isinstance(key, (str, int, Keyword)) and not isinstance(key, bool):
        return key
    raise NoValue("a key of a map is a keyword, a string or an integer")


def _literal(form: Any) -> Any:
    from rtfsc.ir import types as T

    made = {T.TIMESTAMP: Timestamp, T.UUID: uuid.UUID, T.RESOURCE: Resource}.get(form.kind)
    return form.value if made is None else made(form.value)
