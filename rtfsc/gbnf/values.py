"""The grammar of the values of a type, as they are written in a program: so that a constrained answer is
one of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rtfsc.ast.annotations import OptionalType, explicit_type
from rtfsc.diagnostics import Sink
from rtfsc.gbnf.writing import Rules, quoted
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const
from rtfsc.sema.types import TypeExpr, TypeParser, show_data
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form
from rtfsc.syntax.reader import read

_ANY_DEPTH: Final = 3
_SPACE: Final = ' " " '
_MOST_COUNTED: Final = 500
"""Elements that a grammar counts; beyond them it only says that there are many."""
_KEYS: Final = ("keyword", "string", "int")
_COUNTS: Final = frozenset({"min-count", "max-count", "count", "non-empty"})


class UnwritableType(ValueError):
    """Values of this type have no text: functions, resources, types that hold nothing."""


def gbnf_for(type_: TypeExpr | str, *, most: int | None = None) -> str:
    """The grammar. ``type_``: as a type or in the notation of annotations, with names of structs expanded.
    ``most``: elements of a vector or map, and characters of a text; without it there is no end to them.
    Predicates but those of counting are not enforced. Raises `UnwritableType`; ValueError for a text that is
    no type."""
    data = (_parsed(type_) if isinstance(type_, str) else type_).data
    writer = _Values(most)
    writer.rules.add("root", "")
    writer.rules.add("root", writer.of(data))
    return writer.rules.text()


def annotation(text: str) -> tuple[Form | OptionalType, Sink]:
    """The type that a text writes, and where faults of it go. Raises ValueError where it is not one type."""
    # In a definition: a type such as `[:vector Int]?` is two forms.
    source = SourceFile("<type>", f"(def x : {text}\n nil)")
    sink = Sink(source)
    forms = read(source, sink)
    items = getattr(forms[0], "items", []) if len(forms) == 1 else []
    found = explicit_type(items, 2)
    if sink.errors or found is None or found[1] != len(items) - 1:
        raise ValueError(f"{text!r} is no type")
    return found[0], sink


def _parsed(text: str) -> TypeExpr:
    form, sink = annotation(text)
    parsed = TypeParser(sink, {}).parse(form)
    if sink.diagnostics:
        raise ValueError(f"{text!r} is no type: {sink.diagnostics[0].message}")
    return parsed


class _Values:
    def __init__(self, most: int | None) -> None:
        self.rules = Rules()
        self.most = most

    def of(self, data: Const) -> str:
        """The grammar of a type, as an expression."""
        if data.type == T.KW:
            return self._plain(str(data.value))
        head, *parts = data.value
        match head.value:
            case "vector":
                return self._vector(self.of(parts[0]), 0, self.most)
            case "array":
                return self._array(parts[0], parts[1].value)
            case "tuple":
                return _in_row('"["', [self.of(part) for part in parts], '"]"')
            case "map":
                return self._record(parts)
            case "map-of":
                return self._map_of(parts[0], parts[1])
            case "enum" | "val":
                return _either(quoted(show_data(part)) for part in parts)
            case "union":
                return self._union(parts)
            case "and":
                return self._and(parts)
        raise UnwritableType(f"no text gives a value of the type {show_data(data)}")

    def _plain(self, name: str) -> str:
        if name not in self.rules:
            match name:
                case "int":
                    body = '"-"? ("0" | [1-9] [0-9]{0,17})'
                case "float":
                    body = f'{self._plain("int")} ("." [0-9]{{1,17}} ([eE] [+-]? [0-9]{{1,2}})?)?'
                case "string":
                    times = "*" if self.most is None else f"{{0,{self.most}}}"
                    body = f'"\\"" ([^"\\\\\\x00-\\x1F\\x7F\\uD800-\\uDFFF] | "\\\\" [nrt"\\\\]){times} "\\""'
                case "bool":
                    body = '"true" | "false"'
                case "nil":
                    body = '"nil"'
                case "keyword":
                    body = '":" [a-zA-Z] [a-zA-Z0-9_-]{0,40}'
                case "symbol":
                    # Not t, f and n: what begins with these could be read as true, false and nil.
                    body = "[a-eg-mo-su-zA-Z] [a-zA-Z0-9_-]{0,40}"
                case "any":
                    return self._any(_ANY_DEPTH)
                case _:
                    raise UnwritableType(f"no text gives a value of the type :{name}")
            self.rules.add(name, body)
        return name

    def _any(self, depth: int) -> str:
        name = f"any{depth}"
        if name not in self.rules:
            self.rules.add(name, "")
            ways = [self._plain(kind) for kind in ("nil", "bool", "float", "string", "keyword")]
            if depth > 0:
                element = self._any(depth - 1)
                ways.append(self._vector(element, 0, self.most))
                ways.append(self._entries(_either(self._plain(key) for key in _KEYS), element))
            self.rules.add(name, " | ".join(ways))
        return name

    def _vector(self, element: str, least: int, most: int | None) -> str:
        if most == 0:
            return '"[]"'
        least = min(least, _MOST_COUNTED)
        most = None if most is not None and most > _MOST_COUNTED else most
        more = f'(" " {element})' + _times(max(least - 1, 0), None if most is None else most - 1)
        inside = f"{element} {more}"
        return f'"[" {inside} "]"' if least else f'"[" ({inside})? "]"'

    def _entries(self, key: str, value: str) -> str:
        entry = f'{key} " " {value}'
        more = f'(" " {entry})' + _times(0, None if self.most is None else max(self.most - 1, 0))
        return f'"{{" ({entry} {more})? "}}"'

    def _array(self, element: Const, dims: tuple[Const, ...]) -> str:
        """Of its shape, only the first number counts (docs/abi.md)."""
        count = int(dims[0].value) if dims and dims[0].type == T.INT else None
        return self._vector(self.of(element), count or 0, self.most if count is None else count)

    def _record(self, fields: list[Const]) -> str:
        """The fields in the order in which they are declared, those that may be absent at the end."""
        required: list[str] = []
        optional: list[str] = []
        for field in fields:
            key, declared, *mark = field.value
            entry = f"{quoted(show_data(key) + ' ')} {self.of(declared)}"
            (optional if mark else required).append(entry)
        return _in_row('"{"', required, "".join(f'(" " {entry})? ' for entry in optional) + '"}"')

    def _map_of(self, key: Const, value: Const) -> str:
        """Keys of maps are keywords, texts and whole numbers, whatever else the type of the key allows."""
        members = key.value[1:] if key.type == T.VEC and key.value[0].value == "union" else (key,)
        ways = []
        for member in members:
            name = member.value if member.type == T.KW else None
            if name == "any":
                ways += [self._plain(kind) for kind in _KEYS]
            elif name in _KEYS or name is None:
                ways.append(self.of(member))
        if not ways:
            return '"{}"'
        return self._entries(_either(dict.fromkeys(ways)), self.of(value))

    def _union(self, parts: list[Const]) -> str:
        """The members that can be written."""
        ways, last = [], None
        for part in parts:
            try:
                ways.append(self.of(part))
            except UnwritableType as error:
                last = error
        if not ways and last is not None:
            raise last
        return _either(ways)

    def _and(self, parts: list[Const]) -> str:
        """The first part that is a type; counts of its elements are those that predicates demand."""
        types = [part for part in parts if not _is_predicate(part)]
        base = types[0] if types else Const(T.KW, "any")
        if base.type != T.VEC or base.value[0].value != "vector":
            return self.of(base)
        least, most = 0, self.most
        for part in parts:
            if not _is_predicate(part) or part.value[0].value not in _COUNTS:
                continue
            name = part.value[0].value
            count = int(part.value[1].value) if len(part.value) > 1 else 1
            if name != "max-count":
                least = max(least, count)
            if name in ("max-count", "count"):
                most = count if most is None else min(most, count)
        if most is not None and most < least:
            most = least
        return self._vector(self.of(base.value[1]), least, most)


_PREDICATES: Final = frozenset(
    {">", ">=", "<", "<=", "=", "!=", "in-range", "min-length", "max-length", "length", "min-count",
     "max-count", "count", "non-empty", "has-key", "required-keys", "is-url", "is-email", "matches-regex"}
)  # fmt: skip


def _is_predicate(data: Const) -> bool:
    return data.type == T.VEC and data.value[0].value in _PREDICATES


def _times(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else f"{{{least},}}"
    return f"{{{least},{max(least, most)}}}"


def _in_row(start: str, parts: list[str], end: str) -> str:
    return f"{start} {_SPACE.join(parts)} {end}"


def _either(ways: Iterable[str]) -> str:
    found = list(ways)
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"
