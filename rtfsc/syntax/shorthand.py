"""Forms as plain data: what stands for those that data have no notation for.

=========== ===========================================
``#(f %)``  ``(fn [%1] (f %1))``
``^{…} x``  a list of the symbol ``^``, the map and x
``{a 1}``   a list of the symbol ``{}``, keys and values in turn, where a key is no map key of data
=========== ===========================================

No text reads as the symbols ``^`` and ``{}``, so that data of programs are never taken for these.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from rtfsc.ir import types as T
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector

META_HEAD: Final = "^"
MAP_HEAD: Final = "{}"
MAX_PARAMETERS: Final = 20
"""Of a short function."""


def short_parameters(items: Sequence[Form]) -> tuple[int, bool] | None:
    """The number of parameters that the body of a short function uses, and whether ``%&``; None if a number
    is not among 1 to `MAX_PARAMETERS`."""
    highest, rest = 0, False
    stack = list(items)
    while stack:
        form = stack.pop()
        if type(form) is Symbol:
            if form.name == "%&":
                rest = True
            elif form.name[:1] == "%" and (form.name == "%" or form.name[1:].isdigit()):
                number = int(form.name[1:3] or 1)
                if not 1 <= number <= MAX_PARAMETERS or len(form.name) > 3:
                    return None
                highest = max(highest, number)
        else:
            stack += parts(form)
    return highest, rest


def parts(form: Form) -> list[Form]:
    """The forms directly inside a form; none in a short function, whose parameters are its own."""
    if type(form) in (List, Vector):
        return form.items  # type: ignore[union-attr]
    if type(form) is Map:
        return [part for pair in form.pairs for part in pair]
    if type(form) is Meta:
        return [form.meta, form.form]
    return []


def short_function(form: ShortFn) -> List | None:
    """A short function as the ``fn`` that it is, None if its parameters are malformed."""
    used = short_parameters(form.items)
    if used is None:
        return None
    span = form.span
    params: list[Form] = [Symbol(f"%{i}", span) for i in range(1, used[0] + 1)]
    if used[1]:
        params += [Symbol("&", span), Symbol("%&", span)]
    body = List([_numbered(item) for item in form.items], span)
    return List([Symbol("fn", span), Vector(params, span), body], span)


def _numbered(form: Form) -> Form:
    """The form with ``%`` written ``%1``."""
    if type(form) is Symbol:
        return Symbol("%1", form.span) if form.name == "%" else form
    if type(form) in (List, Vector):
        return type(form)([_numbered(item) for item in form.items], form.span)  # type: ignore
    if type(form) is Map:
        return Map([(_numbered(key), _numbered(value)) for key, value in form.pairs], form.span)
    if type(form) is Meta:
        return Meta(form.meta, _numbered(form.form), form.span)
    return form


def meta_list(form: Meta) -> List:
    return List([Symbol(META_HEAD, Span(form.span[0], form.span[0] + 1)), form.meta, form.form], form.span)


def map_list(form: Map) -> List:
    mark = Symbol(MAP_HEAD, Span(form.span[0], form.span[0] + 1))
    return List([mark, *(part for pair in form.pairs for part in pair)], form.span)


def is_data_key(form: Form) -> bool:
    """Whether a key of a map is one of data: a keyword, a string or an integer."""
    return type(form) is Keyword or (type(form) is Literal and bool(form.kind & (T.STR | T.INT)))


def with_colons(items: list[Form]) -> list[Form]:
    """``[x:T]`` as ``[x : T]``: that the two touch is lost in data."""
    if not any(_touch(left, right) for left, right in pairwise(items)):
        return items
    spread: list[Form] = []
    for item in items:
        if spread and _touch(spread[-1], item):
            spread.append(Symbol(":", Span(item.span[0], item.span[0] + 1)))
        spread.append(item)
    return spread


def _touch(left: Form, right: Form) -> bool:
    return type(left) is Symbol and type(right) is Keyword and left.span[1] == right.span[0]
