"""The domain of a distilled function: the arguments that are like those it was made from.

What a value is like is told by its kind:

============== ===========================================================================
int, float     between the least and the greatest that were seen; NaN only if it was seen
text           as long, in characters, as the shortest to the longest; letters a-z, other letters,
               digits and white space where such were seen; any other character only if it was seen
vector, list   as long as the shortest to the longest, of items like those that were seen in any place
map            exactly the keys of one that was seen; each value like those seen under that key
all else       one of those that were seen: truth values, nil, keywords, times, ids
============== ===========================================================================

Kinds are apart: where only integers were seen, 2.0 is outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from runtime.values import List


class Domain(Protocol):
    """Of values of one kind, or of several."""

    def holds(self, value: Any) -> bool: ...

    def describe(self) -> str:
        """For people, in few words."""


def domain_of(values: Iterable[Any]) -> Union:
    return Union(list(values))


class Arguments:
    """Of whole calls: one domain per position, and as many arguments as one of the calls had."""

    def __init__(self, calls: Sequence[Sequence[Any]]) -> None:
        self._counts = {len(call) for call in calls}
        most = max(self._counts, default=0)
        self._positions = [domain_of(call[at] for call in calls if at < len(call)) for at in range(most)]

    def holds(self, arguments: Sequence[Any]) -> bool:
        if len(arguments) not in self._counts:
            return False
        return all(
            domain.holds(argument) for domain, argument in zip(self._positions, arguments, strict=False)
        )

    def describe(self) -> list[str]:
        return [domain.describe() for domain in self._positions]


class Union:
    """One domain per kind."""

    def __init__(self, values: list[Any]) -> None:
        groups: dict[str, list[Any]] = {}
        for value in values:
            groups.setdefault(_kind(value), []).append(value)
        self._kinds: dict[str, Domain] = {
            kind: _MADE.get(kind, Values)(group) for kind, group in groups.items()
        }

    def holds(self, value: Any) -> bool:
        domain = self._kinds.get(_kind(value))
        return domain is not None and domain.holds(value)

    def describe(self) -> str:
        return " or ".join(f"{kind} {domain.describe()}".strip() for kind, domain in self._kinds.items())


class Range:
    """Of numbers."""

    def __init__(self, values: list[Any]) -> None:
        ordered = [value for value in values if value == value]
        self._nan = len(ordered) < len(values)
        self._least: float = min(ordered, default=1)
        self._most: float = max(ordered, default=0)

    def holds(self, value: Any) -> bool:
        return bool(self._least <= value <= self._most) if value == value else self._nan

    def describe(self) -> str:
        return f"{self._least} to {self._most}{' or NaN' if self._nan else ''}"


class Texts:
    def __init__(self, values: list[str]) -> None:
        self._least, self._most = min(map(len, values)), max(map(len, values))
        self._classes = {_class(char) for value in values for char in value}

    def holds(self, value: str) -> bool:
        return self._least <= len(value) <= self._most and all(
            _class(char) in self._classes for char in value
        )

    def describe(self) -> str:
        return f"of {self._least} to {self._most} characters ({' '.join(sorted(self._classes)) or 'none'})"


class Sequences:
    def __init__(self, values: list[Any]) -> None:
        lengths = [len(value) for value in values]
        self._least, self._most = min(lengths), max(lengths)
        self._items = domain_of(item for value in values for item in value)

    def holds(self, value: Any) -> bool:
        return self._least <= len(value) <= self._most and all(self._items.holds(item) for item in value)

    def describe(self) -> str:
        items = f" of {self._items.describe()}" if self._most else ""
        return f"of length {self._least} to {self._most}{items}"


class Maps:
    def __init__(self, values: list[dict[Any, Any]]) -> None:
        self._shapes = {_shape(value) for value in values}
        keys = dict.fromkeys(key for value in values for key in value)
        self._fields = {_key(k): domain_of(v[k] for v in values if k in v) for k in keys}

    def holds(self, value: dict[Any, Any]) -> bool:
        return _shape(value) in self._shapes and all(self._fields[_key(k)].holds(v) for k, v in value.items())

    def describe(self) -> str:
        return "of " + ", ".join(f"{key[1]}: {domain.describe()}" for key, domain in self._fields.items())


class Values:
    def __init__(self, values: list[Any]) -> None:
        self._values = {_key(value) for value in values}

    def holds(self, value: Any) -> bool:
        return _key(value) in self._values

    def describe(self) -> str:
        return "one of " + " ".join(sorted(text for _, text in self._values))


def _kind(value: Any) -> str:
    if isinstance(value, List):
        return "list"
    if isinstance(value, list):
        return "vector"
    return _NAMES.get(type(value), type(value).__name__.lower())


def _class(char: str) -> str:
    if char.isascii():
        return "a-z" if char.isalpha() else "0-9" if char.isdigit() else "blank" if char.isspace() else char
    return "letter" if char.isalpha() else "blank" if char.isspace() else char


def _key(value: Any) -> tuple[str, str]:
    """1, 1.0 and true are three values."""
    from runtime.printing import printed

    return type(value).__name__, printed(value)


def _shape(value: dict[Any, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(_key(key) for key in value)


_NAMES = {type(None): "nil", bool: "bool", int: "int", float: "float", str: "text", dict: "map"}
_MADE: dict[str, Any] = {
    "int": Range, "float": Range, "text": Texts, "vector": Sequences, "list": Sequences, "map": Maps,
}  # fmt: skip
