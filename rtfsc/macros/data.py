"""Forms to data and back.

What a macro returns is data, without any places in the text. It gets them back by its content: data equal to
an argument, or to a part of one, are that form again; everything else stands where the macro is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.macros.evaluation import Atoms
from rtfsc.macros.limits import NESTING
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector
from rtfsc.syntax.shorthand import (
    MAP_HEAD,
    META_HEAD,
    is_data_key,
    map_list,
    meta_list,
    short_function,
    with_colons,
)

_NAME: Final = re.compile(r"[^\s\d()\[\]{}\"';,`~^#|\\][^\s()\[\]{}\"';,`~^#|\\]*")
GENSYM_MARK: Final = "#"
"""In the symbols that `gensym` makes, and in no name that can be read."""


class NotSyntax(Exception):
    """A value that no form stands for; the text says what it is."""


class TooDeep(Exception):
    """Data nested more than `NESTING` deep."""


class TooMany(Exception):
    """More forms than there is room for."""


class _Node:
    """A value with a number that equal values share."""

    __slots__ = ("number", "parts", "value")

    def __init__(self, number: int, value: Any, parts: list[_Node]) -> None:
        self.number, self.value, self.parts = number, value, parts


class Exchange:
    """The data of one macro call. ``room``: how many forms may still be made."""

    def __init__(self, atoms: Atoms, span: Span, room: int, fresh: Callable[[str], str]) -> None:
        self.atoms = atoms
        self.span = span
        self.room = room
        self._fresh = fresh
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._origins: dict[int, list[Form]] = {}
        self._taken: dict[int, int] = {}
        self._renamed: dict[str, str] = {}

    # --- forms to data

    def data(self, form: Form) -> Any:
        """An argument as data. Raises `NotSyntax`."""
        return self._encode(form)[0]

    def _encode(self, form: Form) -> tuple[Any, int]:
        if type(form) is ShortFn:
            function = short_function(form)
            if function is None:
                raise NotSyntax("a malformed short function")
            return self._encode(function)
        value, number = self._encode_plain(form)
        self._origins.setdefault(number, []).append(form)
        return value, number

    def _encode_plain(self, form: Form) -> tuple[Any, int]:
        if type(form) is Symbol:
            return self.atoms.Symbol(form.name), self._number("symbol", form.name)
        if type(form) is Keyword:
            return self.atoms.Keyword(form.name), self._number("keyword", form.name)
        if type(form) is Literal:
            return self._literal(form), self._number("literal", form.kind, _identity(form.value))
        if type(form) is Meta:
            form = meta_list(form)
        elif type(form) is Map and not all(is_data_key(key) for key, _ in form.pairs):
            form = map_list(form)
        if type(form) is Map:
            return self._encode_map(form)
        assert type(form) in (List, Vector)
        items = with_colons(form.items) if type(form) is Vector else form.items  # type: ignore[union-attr]
        encoded = [self._encode(item) for item in items]
        values, numbers = [value for value, _ in encoded], (number for _, number in encoded)
        if type(form) is List:
            return self.atoms.List(values), self._number("list", *numbers)
        return values, self._number("vector", *numbers)

    def _encode_map(self, form: Map) -> tuple[Any, int]:
        """A key that occurs again keeps its place and gets the last value."""
        pairs = {}
        for key, value in form.pairs:
            at, key_number = self._encode(key)
            data, number = self._encode(value)
            pairs[at] = (data, key_number, number)
        numbers = (n for _, k, v in pairs.values() for n in (k, v))
        return {key: data for key, (data, _, _) in pairs.items()}, self._number("map", *numbers)

    def _literal(self, form: Literal) -> Any:
        made = {T.TIMESTAMP: self.atoms.Timestamp, T.UUID: self.atoms.Uuid, T.RESOURCE: self.atoms.Resource}
        make = made.get(form.kind)
        return form.value if make is None else make(form.value)

    def _number(self, *key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    # --- data to forms

    def form(self, value: Any) -> Form:
        """The form that a macro returned as data. Raises `NotSyntax`, `TooDeep`, `TooMany`."""
        return self._restore(self._node(value, 0))

    def _node(self, value: Any, depth: int) -> _Node:
        if depth > NESTING:
            raise TooDeep
        if self.room == 0:
            raise TooMany
        self.room -= 1
        parts: list[_Node] = []
        if isinstance(value, dict):
            parts = [self._node(part, depth + 1) for pair in value.items() for part in pair]
            key: tuple[Any, ...] = ("map", *(part.number for part in parts))
        elif isinstance(value, (list, self.atoms.List)):
            parts = [self._node(part, depth + 1) for part in value]
            key = ("vector" if isinstance(value, list) else "list", *(part.number for part in parts))
        else:
            value = self._atom(value)
            key = _key(value)
        return _Node(self._number(*key), value, parts)

    def _atom(self, value: Any) -> Form:
        span, atoms = self.span, self.atoms
        kind = type(value)
        if kind is atoms.Symbol:
            return Symbol(self._name(value.name, "symbol"), span)
        if kind is atoms.Keyword:
            return Keyword(self._name(value.name, "keyword"), span)
        if kind in _KINDS:
            return Literal(_KINDS[kind], value, span)
        if kind is atoms.Timestamp or kind is atoms.Resource:
            return Literal(T.TIMESTAMP if kind is atoms.Timestamp else T.RESOURCE, value.name, span)
        if kind is atoms.Uuid:
            return Literal(T.UUID, str(value), span)
        raise NotSyntax("a function" if callable(value) else "an error value")

    def _name(self, name: str, kind: str) -> str:
        stem, mark, _ = name.partition(GENSYM_MARK)
        if mark and kind == "symbol":
            if name not in self._renamed:
                self._renamed[name] = self._fresh(stem)
            name = self._renamed[name]
        if not _NAME.fullmatch(name) and name not in (META_HEAD, MAP_HEAD):
            raise NotSyntax(f"a {kind} that cannot be read: {name!r}")
        return name

    def _restore(self, node: _Node) -> Form:
        known = self._origins.get(node.number)
        if known is not None:
            at = self._taken.get(node.number, 0)
            self._taken[node.number] = min(at + 1, len(known) - 1)
            return known[at]
        if isinstance(node.value, dict):
            parts = [self._restore(part) for part in node.parts]
            return Map(list(zip(parts[::2], parts[1::2], strict=True)), self.span)
        if isinstance(node.value, list):
            return Vector([self._restore(part) for part in node.parts], self.span)
        if isinstance(node.value, self.atoms.List):
            return self._list([self._restore(part) for part in node.parts])
        form: Form = node.value
        return form

    def _list(self, items: list[Form]) -> Form:
        head = items[0].name if items and type(items[0]) is Symbol else ""
        if head == META_HEAD:
            if len(items) != 3 or type(items[1]) is not Map:
                raise NotSyntax("malformed metadata")
            return Meta(items[1], items[2], self.span)
        if head == MAP_HEAD:
            if len(items) % 2 == 0:
                raise NotSyntax("a map with a key that has no value")
            return Map(list(zip(items[1::2], items[2::2], strict=True)), self.span)
        return List(items, self.span)


_KINDS: Final[dict[type, int]] = {
    type(None): T.NIL, bool: T.BOOL, int: T.INT, float: T.FLOAT, str: T.STR,
}  # fmt: skip


def _key(form: Form) -> tuple[Any, ...]:
    if type(form) is Symbol:
        return ("symbol", form.name)
    if type(form) is Keyword:
        return ("keyword", form.name)
    assert type(form) is Literal
    return ("literal", form.kind, _identity(form.value))


def _identity(value: Any) -> Any:
    """Floats by what they look like: 0.0 is not -0.0, and NaN is NaN."""
    return repr(value) if type(value) is float else value
