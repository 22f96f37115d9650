"""Where string keys of a dict become keywords: at the fields of records in a declared parameter type."""

from __future__ import annotations

import re
from typing import Any, Final

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[][{}()]|[^][{}()\s",]+')
_CLOSER: Final = {"[": "]", "{": "}", "(": ")"}


class Shape:
    """Part of a type that holds records: ``fields`` by name (None: not a record), ``items`` of a tuple,
    ``rest`` of all other elements or values."""

    __slots__ = ("fields", "items", "rest")

    def __init__(self, fields: dict[str, Shape | None] | None = None,
                 items: tuple[Shape | None, ...] = (), rest: Shape | None = None) -> None:  # fmt: skip
        self.fields, self.items, self.rest = fields, items, rest

    def at_key(self, key: Any) -> Shape | None:
        """Shape of the value under a key (a str or a Keyword)."""
        name = getattr(key, "name", key)
        return self.fields[name] if self.fields and name in self.fields else self.rest

    def at_index(self, index: int) -> Shape | None:
        return self.items[index] if index < len(self.items) else self.rest


def shape_of(type_text: str) -> Shape | None:
    """Shape of a type in canonical text, None where it holds no record."""
    if ":map" not in type_text and ":record" not in type_text:
        return None
    return _shape(_read(iter(_TOKEN.findall(type_text))))


def _read(tokens: Any) -> Any:
    """The next form: a token, or a list of forms."""
    token = next(tokens)
    return _read_until(tokens, _CLOSER[token]) if token in _CLOSER else token


def _read_until(tokens: Any, closer: str) -> list[Any]:
    forms: list[Any] = []
    for token in tokens:
        if token == closer:
            return forms
        forms.append(_read_until(tokens, _CLOSER[token]) if token in _CLOSER else token)
    return forms


def _shape(form: Any) -> Shape | None:
    if not isinstance(form, list) or not form:
        return None
    head, parts = form[0], [part for part in form[1:] if part != "?"]
    if head in (":map", ":record"):
        return _record(parts)
    if head in (":vector", ":array") and parts:
        return _wrapped(_shape(parts[0]))
    if head in (":map-of", ":dict") and len(parts) > 1:
        return _wrapped(_shape(parts[1]))
    if head == ":tuple":
        items = tuple(_shape(part) for part in parts)
        return Shape(items=items) if any(items) else None
    if head in (":union", ":and"):
        return _merged([s for s in map(_shape, parts) if s])
    return None


def _wrapped(part: Shape | None) -> Shape | None:
    return Shape(rest=part) if part else None


def _record(parts: list[Any]) -> Shape:
    entries = [part for part in parts if isinstance(part, list) and len(part) > 1]
    if len(parts) == 1 and entries and _is_flat(entries[0]):
        entries = _pairs(entries[0])
    fields = {e[0][1:]: _shape(e[1]) for e in entries if isinstance(e[0], str) and e[0] != ":*"}
    rest = next((_shape(e[1]) for e in entries if e[0] == ":*"), None)
    return Shape(fields=fields, rest=rest)


def _is_flat(entry: list[Any]) -> bool:
    """``{:k T :j U}`` rather than ``[:k T]``: a second field follows."""
    kept = [part for part in entry if part != "?"]
    return len(kept) > 3 and all(isinstance(key, str) and key[0] == ":" for key in kept[::2])


def _pairs(flat: list[Any]) -> list[list[Any]]:
    kept = [part for part in flat if part != "?"]
    return [kept[i : i + 2] for i in range(0, len(kept) - 1, 2)]


def _merged(shapes: list[Shape]) -> Shape | None:
    if len(shapes) < 2:
        return shapes[0] if shapes else None
    fields: dict[str, Shape | None] = {}
    for shape in shapes:
        for name, part in (shape.fields or {}).items():
            fields[name] = _merged([s for s in (fields.get(name), part) if s])
    width = max(len(shape.items) for shape in shapes)
    items = tuple(_merged([s for s in (x.at_index(i) for x in shapes) if s]) for i in range(width))
    return Shape(fields or None, items, _merged([s.rest for s in shapes if s.rest]))
