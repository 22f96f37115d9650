"""Quoted data and templates: forms that evaluate to forms.

In a template everything is data but ``~x``, which is the value of x, and ``~@x``, which is the elements of
the value of x. Templates nest: each ` inside adds a level, each ~ takes one away, and only those at the
outermost level are evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtfsc.ast.builder import MAP_KEYS, Fault, unique_pairs
from rtfsc.ast.nodes import Collect, Const, Node, Splice
from rtfsc.ir import types as T
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, List, Map, Meta, ShortFn, Symbol, Vector
from rtfsc.syntax.shorthand import is_data_key, map_list, meta_list, short_function, with_colons

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

_MARKS = {"quasiquote": "`", "unquote": "~", "unquote-splicing": "~@"}


def build_quote(b: Builder, form: List) -> Node:
    if len(form.items) != 2:
        raise Fault("F001", "Malformed quote", form.span, hint="write (quote form) or 'form")
    return quoted(b, form.items[1])


def build_template(b: Builder, form: List) -> Node:
    return _template(b, _argument(form), 1)


def refuse_unquote(b: Builder, form: List) -> Node:
    name = form.items[0].name  # type: ignore[union-attr]
    raise Fault("X006", f"{_MARKS[name]} outside of a template", form.span,
                hint="~ and ~@ stand inside of a form that starts with `")  # fmt: skip


def quoted(b: Builder, form: Form) -> Const:
    """A form as data: symbols, lists and all."""
    form = _plain(b, form)
    if type(form) is Symbol:
        return Const(T.SYM, form.name, form.span)
    if type(form) is List:
        return Const(T.LIST, tuple(quoted(b, item) for item in form.items), form.span)
    if type(form) is Vector:
        return Const(T.VEC, tuple(quoted(b, item) for item in _items(b, form)), form.span)
    if type(form) is Map:
        return Const(T.MAP, unique_pairs([(_key(b, k), quoted(b, v)) for k, v in form.pairs]), form.span)
    constant = b.constant(form)
    assert constant is not None
    return constant


def _plain(b: Builder, form: Form) -> Form:
    """The form as one that data have a notation for."""
    if type(form) is ShortFn:
        function = short_function(form)
        if function is None:
            raise Fault("F001", "Parameters of a short function are %1 to %20", form.span)
        return function
    if type(form) is Meta:
        return meta_list(form)
    if b.syntax and type(form) is Map and not all(is_data_key(key) for key, _ in form.pairs):
        return map_list(form)
    return form


def _items(b: Builder, form: List | Vector) -> list[Form]:
    return with_colons(form.items) if b.syntax and type(form) is Vector else form.items


def _key(b: Builder, form: Form) -> Const:
    key = quoted(b, form)
    if not key.kind & MAP_KEYS:
        raise Fault("S011", "Map keys are keywords, strings and integers", key.span)
    return key


def _template(b: Builder, form: Form, level: int) -> Node:
    form = _plain(b, form)
    if type(form) is List:
        mark = _mark(form)
        if mark == "unquote-splicing" and level == 1:
            raise Fault("X006", "~@ has no list or vector around it", form.span, hint="write `(~@xs)")
        if mark == "unquote" and level == 1:
            return b.build(_argument(form))
        step = 0 if mark is None else 1 if mark == "quasiquote" else -1
        return _collect(T.LIST, [_part(b, item, level + step) for item in form.items], form.span)
    if type(form) is Vector:
        return _collect(T.VEC, [_part(b, item, level) for item in _items(b, form)], form.span)
    if type(form) is Map:
        return _map(b, form, level)
    return quoted(b, form)


def _part(b: Builder, form: Form, level: int) -> Node:
    if level == 1 and type(form) is List and _mark(form) == "unquote-splicing":
        return Splice(b.build(_argument(form)), form.span)
    return _template(b, form, level)


def _map(b: Builder, form: Map, level: int) -> Node:
    nodes = [_template(b, part, level) for pair in form.pairs for part in pair]
    pairs = list(zip(nodes[::2], nodes[1::2], strict=True))
    for key, _ in pairs:
        if type(key) is Const and not key.kind & MAP_KEYS:
            raise Fault("S011", "Map keys are keywords, strings and integers", key.span)
    if all(type(node) is Const for node in nodes):
        return Const(T.MAP, unique_pairs(pairs), form.span)  # type: ignore[arg-type]
    return Collect(T.MAP, nodes, form.span)


def _collect(kind: int, parts: Sequence[Node], span: Span) -> Node:
    if all(type(part) is Const for part in parts):
        return Const(kind, tuple(parts), span)
    return Collect(kind, list(parts), span)


def _mark(form: List) -> str | None:
    """The name of a mark that changes the level, if the list is one."""
    head = form.items[0] if len(form.items) == 2 else None
    return head.name if type(head) is Symbol and head.name in _MARKS else None


def _argument(form: List) -> Form:
    if len(form.items) != 2:
        head = form.items[0]
        assert type(head) is Symbol
        raise Fault("F001", f"Malformed {head.name}", form.span, hint=f"write {_MARKS[head.name]}form")
    return form.items[1]


def refuse_macro(b: Builder, form: List) -> Node:
    """Macros at top level are gone before this is built."""
    hint = "macros are defined at the top level of a file or module, before they are used"
    raise Fault("X003", "defmacro below the top level", form.span, hint=hint)


RESERVED: dict[str, Handler] = {
    "defmacro": refuse_macro,
    "quasiquote": build_template,
    "unquote": refuse_unquote,
    "unquote-splicing": refuse_unquote,
}
SOFT: dict[str, Handler] = {"quote": build_quote}
