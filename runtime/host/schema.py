"""Types of capabilities, from Python annotations, and the check of values against them.

The notation and the messages are those of RTFS (docs/language.md, "Types"); values are Python values as
`runtime.values` converts them.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from runtime.values.atoms import HostFunction, Keyword, List, Resource, Symbol, Timestamp
from runtime.values.errors import ErrorValue, RtfsError, error_class

KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "float"), (str, "string"), (Keyword, "keyword"),
    (Symbol, "symbol"), (list, "vector"), (tuple, "vector"), (List, "list"), (dict, "map"),
    (HostFunction, "function"), (ErrorValue, "error"), (Timestamp, "timestamp"), (Resource, "resource"),
)  # fmt: skip
_SCALARS: dict[Any, tuple[str, frozenset[str]]] = {
    int: (":int", frozenset({"integer"})),
    float: (":float", frozenset({"integer", "float"})),
    str: (":string", frozenset({"string"})),
    bool: (":bool", frozenset({"boolean"})),
    None: (":nil", frozenset({"nil"})),
    type(None): (":nil", frozenset({"nil"})),
    Keyword: (":keyword", frozenset({"keyword"})),
    Symbol: (":symbol", frozenset({"symbol"})),
    list: (":vector", frozenset({"vector"})),
    tuple: (":vector", frozenset({"vector"})),
    dict: (":map", frozenset({"map"})),
}


def kind_of(value: Any) -> str:
    """Name of the kind that a value has in RTFS."""
    if value is None:
        return "nil"
    if callable(value):
        return "function"
    return next((name for python, name in KINDS if isinstance(value, python)), "uuid")


@dataclass(frozen=True, slots=True)
class Schema:
    """A type. ``text``: in RTFS notation; ``kinds``: of its values, None for any; ``items``: type of
    elements or map values; ``fields``: types of a tuple's elements, or of a record's fields by name
    (``optional`` may be absent); ``options``: of a union."""

    text: str
    kinds: frozenset[str] | None = None
    items: Schema | None = None
    elements: tuple[Schema, ...] | None = None
    fields: Mapping[str, Schema] | None = None
    optional: frozenset[str] = frozenset()
    options: tuple[Schema, ...] = ()

    def check(self, value: Any, path: str = "") -> None:
        """Raises the RTFS error TypeValidationError, with the path to what does not fit."""
        if self.options:
            if not any(option.holds(value) for option in self.options):
                raise mismatch(path, self.text, kind_of(value))
            return
        kind = kind_of(value)
        if self.kinds is not None and kind not in self.kinds:
            raise mismatch(path, self.text, kind)
        if self.elements is not None:
            if len(value) != len(self.elements):
                raise mismatch(path, self.text, kind)
            for i, (element, item) in enumerate(zip(self.elements, value, strict=True)):
                element.check(item, f"{path}[{i}]")
        elif self.fields is not None:
            self._check_fields(value, path)
        elif self.items is not None:
            entries = value.items() if kind == "map" else enumerate(value)
            for key, item in entries:
                self.items.check(item, f"{path}[{_shown(key)}]")

    def _check_fields(self, value: Any, path: str) -> None:
        assert self.fields is not None
        for name, schema in self.fields.items():
            found = value.get(Keyword(name), value.get(name, value))
            if found is not value:
                schema.check(found, f"{path}[:{name}]")
            elif name not in self.optional:
                raise mismatch(f"{path}[:{name}]", schema.text, "missing field")

    def holds(self, value: Any) -> bool:
        try:
            self.check(value)
        except RtfsError:
            return False
        return True


ANY = Schema(":any")


def mismatch(path: str, expected: str, actual: str) -> RtfsError:
    path = path or "value"
    message = f"Type validation error: Type mismatch at {path}: expected {expected}, got {actual}"
    data = {Keyword("path"): path, Keyword("expected"): expected, Keyword("actual"): actual}
    return error_class("TypeValidationError")("TypeValidationError", message, data)


def schema_of(annotation: Any) -> Schema:
    """The type that a Python annotation means. Raises TypeError for one that means none."""
    if annotation is Any:
        return ANY
    scalar = _SCALARS.get(annotation) if _hashable(annotation) else None
    if scalar is not None:
        return Schema(*scalar)
    if typing.is_typeddict(annotation):
        return _record(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        return _union([schema_of(arg) for arg in args])
    if origin is tuple and not (len(args) == 2 and args[1] is ...):
        elements = tuple(schema_of(arg) for arg in args)
        return Schema(f"[:tuple {_texts(elements)}]", frozenset({"vector", "list"}), elements=elements)
    if origin in (list, tuple, Sequence):
        items = schema_of(args[0])
        return Schema(f"[:vector {items.text}]", frozenset({"vector"}), items=items)
    if origin in (dict, Mapping):
        key, items = schema_of(args[0]), schema_of(args[1])
        if key is ANY and items is ANY:
            return Schema(":map", frozenset({"map"}))
        return Schema(f"[:map-of {key.text} {items.text}]", frozenset({"map"}), items=items)
    if annotation in (Callable, typing.Callable) or origin is Callable:
        return Schema(":fn", frozenset({"function"}))
    raise TypeError(f"no RTFS type for the annotation {annotation!r}")


def _record(annotation: Any) -> Schema:
    hints = typing.get_type_hints(annotation)
    fields = {name: schema_of(hint) for name, hint in hints.items()}
    optional = frozenset(annotation.__optional_keys__)
    shown = [f"[:{name} {s.text}{' ?' if name in optional else ''}]" for name, s in fields.items()]
    return Schema(f"[:map {' '.join(shown)}]", frozenset({"map"}), fields=fields, optional=optional)


def _union(options: list[Schema]) -> Schema:
    options.sort(key=lambda s: (s.text == ":nil", s.text))
    return Schema(f"[:union {_texts(options)}]", options=tuple(options))


def _texts(schemas: Sequence[Schema]) -> str:
    return " ".join(s.text for s in schemas)


def _shown(key: Any) -> str:
    return f":{key.name}" if isinstance(key, Keyword) else f'"{key}"' if isinstance(key, str) else str(key)


def _hashable(annotation: Any) -> bool:
    return isinstance(annotation, type) or annotation is None
