"""Patterns: those that bind (let, parameters, loop, for) and those of match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtfsc.ast.annotations import is_type_expression
from rtfsc.ast.builder import Fault
from rtfsc.ast.nodes import (
    AsPattern,
    BindName,
    Const,
    LiteralPattern,
    MapPattern,
    Node,
    Pattern,
    TypePattern,
    VectorPattern,
    Wildcard,
)
from rtfsc.ir import types as T
from rtfsc.syntax.forms import Form, Keyword, List, Map, Symbol, Vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtfsc.ast.builder import Builder


def binding_pattern(b: Builder, form: Form) -> Pattern:
    """``_``, a name, ``[a b & r :as v]`` or ``{:keys [a] :k pattern name :k & r :as m :or {a 1}}``."""
    if type(form) is Symbol:
        return _name(b, form)
    if type(form) is Vector:
        return _vector(b, form, binding_pattern)
    if type(form) is Map:
        return _binding_map(b, form)
    raise Fault("F005", "A name or a pattern is expected here", form.span)


def match_pattern(b: Builder, form: Form) -> Pattern:
    """A pattern of match: also literals, types and ``(:as name pattern)``."""
    if type(form) is Symbol:
        return _name(b, form)
    constant = b.constant(form)
    if constant is not None:
        return LiteralPattern(constant)
    if type(form) is Vector:
        if is_type_expression(form, b.structs):
            return TypePattern(form, form.span)
        return _vector(b, form, match_pattern)
    if type(form) is Map:
        return _match_map(b, form)
    if type(form) is List:
        return _list_pattern(b, form)
    raise Fault("F005", "This is no pattern", form.span)


def reject_duplicates(patterns: Sequence[Pattern]) -> None:
    seen: set[str] = set()
    for pattern in patterns:
        for bound in bound_names(pattern):
            if bound.name in seen:
                raise Fault("F007", f"{bound.name} is bound twice", bound.span)
            seen.add(bound.name)


def bound_names(pattern: Pattern) -> Iterator[BindName]:
    """The names that a pattern binds, left to right."""
    stack: list[Pattern | None] = [pattern]
    while stack:
        item = stack.pop()
        if type(item) is BindName:
            yield item
        elif type(item) is VectorPattern:
            stack += [item.whole, item.rest, *reversed(item.items)]
        elif type(item) is MapPattern:
            stack += [item.whole, item.rest, *(p for _, p, _ in reversed(item.entries))]
        elif type(item) is AsPattern:
            stack += [item.pattern, item.name]


def _name(b: Builder, form: Symbol) -> Pattern:
    if form.name == "_":
        return Wildcard(form.span)
    if form.name in (":", "&"):
        raise Fault("F005", f"Unexpected {form.name} in a pattern", form.span)
    return b.bind_name(form.name, form.span)


def _plain(b: Builder, form: Form | None, after: Form) -> BindName:
    if type(form) is not Symbol or form.name in (":", "&"):
        raise Fault("F005", "A name is expected here", (form or after).span)
    return b.bind_name(form.name, form.span)


def _rest(b: Builder, form: Form | None, after: Form) -> Pattern:
    if type(form) is Symbol and form.name == "_":
        return Wildcard(form.span)
    return _plain(b, form, after)


def _vector(b: Builder, form: Vector, element: Callable[[Builder, Form], Pattern]) -> VectorPattern:
    items: list[Pattern] = []
    rest: Pattern | None = None
    whole: BindName | None = None
    forms, at = form.items, 0
    while at < len(forms):
        item = forms[at]
        following = forms[at + 1] if at + 1 < len(forms) else None
        if type(item) is Symbol and item.name == "&" and rest is None:
            rest = _rest(b, following, item)
            at += 2
        elif type(item) is Keyword and item.name == "as" and whole is None and type(following) is Symbol:
            whole = _plain(b, following, item)
            at += 2
        elif rest is not None or whole is not None:
            raise Fault("F005", "Nothing may follow the rest of a vector pattern", item.span)
        else:
            items.append(element(b, item))
            at += 1
    return VectorPattern(items, rest, whole, form.span)


def _binding_map(b: Builder, form: Map) -> MapPattern:
    entries: list[tuple[Const, Pattern]] = []
    rest = whole = None
    defaults: dict[str, Node] = {}
    for key, value in form.pairs:
        if type(key) is Symbol and key.name == "&":
            rest = _plain(b, value, key)
        elif type(key) is Symbol:
            entries.append((b.map_key(value), _name(b, key)))
        elif type(key) is Keyword and key.name == "keys":
            entries += _keys(b, value)
        elif type(key) is Keyword and key.name == "as":
            whole = _plain(b, value, key)
        elif type(key) is Keyword and key.name == "or" and type(value) is Map:
            defaults = _defaults(b, value)
        else:
            entries.append((b.map_key(key), binding_pattern(b, value)))
    full = [(key, p, defaults.get(p.name) if type(p) is BindName else None) for key, p in entries]
    return MapPattern(full, rest, whole, form.span)


def _keys(b: Builder, value: Form) -> list[tuple[Const, Pattern]]:
    if type(value) is not Vector or any(type(name) is not Symbol for name in value.items):
        raise Fault("F005", ":keys takes a vector of names", value.span)
    return [(Const(T.KW, name.name, name.span), _name(b, name)) for name in value.items]  # type: ignore[arg-type, union-attr]


def _defaults(b: Builder, form: Map) -> dict[str, Node]:
    if any(type(name) is not Symbol for name, _ in form.pairs):
        raise Fault("F005", ":or takes a map from name to default", form.span)
    return {name.name: b.build(value) for name, value in form.pairs}  # type: ignore[union-attr]


def _match_map(b: Builder, form: Map) -> MapPattern:
    entries: list[tuple[Const, Pattern, Node | None]] = []
    rest = None
    for key, value in form.pairs:
        if type(key) is Symbol and key.name == "&":
            rest = _plain(b, value, key)
        else:
            entries.append((b.map_key(key), match_pattern(b, value), None))
    return MapPattern(entries, rest, None, form.span)


def _list_pattern(b: Builder, form: List) -> Pattern:
    items = form.items
    if len(items) == 3 and type(items[0]) is Keyword and items[0].name == "as":
        name = _plain(b, items[1], form)
        return AsPattern(name, match_pattern(b, items[2]), form.span)
    if len(items) == 2 and type(items[0]) is Symbol and items[0].name == "quote":
        from rtfsc.ast.templates import quoted

        return LiteralPattern(quoted(b, items[1]))
    raise Fault("F005", "A pattern in parentheses is (:as name pattern)", form.span)
