"""Refinements in normal form: bounds of numbers (``> >= < <=``), of lengths of texts in bytes
(``min-length``, ``max-length``), of counts (``min-count``, ``max-count``), ``!=``, ``has-key``, and those
that are compared by name alone (``matches-regex``, ``is-url``, ``is-email``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import Atom, Items, Lit, Predicate, Record, Tuple

_COUNTED: Final = T.VEC | T.LIST | T.MAP | T.STR
APPLIES: Final[dict[str, int]] = {
    **dict.fromkeys((">", ">=", "<", "<="), T.NUM),
    **dict.fromkeys(("min-length", "max-length", "matches-regex", "is-url", "is-email"), T.STR),
    **dict.fromkeys(("min-count", "max-count"), _COUNTED),
    "has-key": T.MAP,
    "!=": T.ANY,
}
"""The kinds of values that can satisfy a predicate."""
_LOWER: Final = {">": True, ">=": False, "min-length": False, "min-count": False}
_UPPER: Final = {"<": True, "<=": False, "max-length": False, "max-count": False}
_MEASURE: Final = {
    **dict.fromkeys((">", ">=", "<", "<="), "value"),
    **dict.fromkeys(("min-length", "max-length"), "length"),
    **dict.fromkeys(("min-count", "max-count"), "count"),
}


def normal(name: str, args: list[Any]) -> Iterator[Predicate]:
    """Predicates that together say what ``[:name args…]`` says, but for ``=`` (a literal)."""
    if name == "in-range":
        yield Predicate(">=", args[0])
        yield Predicate("<=", args[1])
    elif name in ("length", "count"):
        yield Predicate(f"min-{name}", args[0])
        yield Predicate(f"max-{name}", args[0])
    elif name == "non-empty":
        yield Predicate("min-count", 1)
    elif name == "required-keys":
        for key in args[0]:
            yield Predicate("has-key", key)
    else:
        yield Predicate(name, args[0] if args else None)


def proved(a: Atom, p: Predicate) -> bool:
    """Whether every value of the atom satisfies the predicate, as far as can be seen."""
    if type(a) is Predicate:
        return _implies(a, p)
    return _holds(a, p) is True


def excluded(a: Atom, b: Atom) -> bool:
    """Whether it is certain that no value fits both; neither is below the other."""
    if type(a) is Lit or type(b) is Lit:
        known, other = (a, b) if type(a) is Lit else (b, a)
        return type(other) is not Predicate or _holds(known, other) is False
    if type(b) is not Predicate:
        a, b = b, a
    if type(b) is not Predicate:
        return False
    return _contradicts(a, b) if type(a) is Predicate else _holds(a, b) is False


def _implies(a: Predicate, b: Predicate) -> bool:
    if _MEASURE.get(a.name) != _MEASURE.get(b.name) or a.name not in _MEASURE:
        return b.name == "!=" and a.name in _MEASURE and _excludes_value(a, b.argument)
    for side, sign in ((_LOWER, 1), (_UPPER, -1)):
        if a.name in side and b.name in side:
            if a.argument == b.argument:
                return side[a.name] or not side[b.name]
            return bool((a.argument - b.argument) * sign > 0)
    return False


def _excludes_value(a: Predicate, value: Lit) -> bool:
    return _MEASURE[a.name] == "value" and _compare(a, value.value) is False


def _contradicts(a: Predicate, b: Predicate) -> bool:
    """Whether two bounds leave nothing between them."""
    if a.name not in _MEASURE or _MEASURE[a.name] != _MEASURE.get(b.name):
        return False
    if a.name in _UPPER:
        a, b = b, a
    if a.name not in _LOWER or b.name not in _UPPER:
        return False
    if a.argument == b.argument:
        return _LOWER[a.name] or _UPPER[b.name]
    return bool(a.argument > b.argument)


def _compare(p: Predicate, measure: Any) -> bool:
    if p.name in _LOWER:
        return bool(measure > p.argument or (measure == p.argument and not _LOWER[p.name]))
    return bool(measure < p.argument or (measure == p.argument and not _UPPER[p.name]))


def _holds(a: Atom, p: Predicate) -> bool | None:
    """Of all values of the atom: True, of none: False, None if that is not known."""
    measure = _MEASURE.get(p.name)
    if type(a) is Lit:
        return _holds_of_value(a, p, measure)
    if type(a) is Tuple:
        return _compare(p, len(a.items)) if measure == "count" else None
    if type(a) is Items:
        return _compare(p, a.size) if measure == "count" and a.size is not None else None
    return _holds_of_record(a, p) if type(a) is Record else None


def _holds_of_value(a: Lit, p: Predicate, measure: str | None) -> bool | None:
    if measure == "value":
        return _compare(p, a.value)
    if measure is not None:
        return _compare(p, len(a.value.encode()) if measure == "length" else len(a.value))
    if p.name == "!=":
        return not same(a, p.argument)
    if p.name == "is-url":
        return bool(a.value.startswith(("http://", "https://")))
    return None


def same(a: Lit, b: Lit) -> bool:
    """Equality of ``=`` and ``!=`` in types: numbers numerically, all else with its kind."""
    if a.kind & T.NUM and b.kind & T.NUM:
        return bool(a.value == b.value)
    return a == b


def _holds_of_record(a: Record, p: Predicate) -> bool | None:
    from rtfsc.sema.algebra.records import field_of

    if p.name == "has-key":
        found = field_of(a, p.argument)
        if found is None:
            return False if a.closed else None
        return True if found.required else None
    if _MEASURE.get(p.name) == "count":
        required = sum(field.required for field in a.fields)
        if a.closed and required == len(a.fields):
            return _compare(p, required)
        if p.name == "min-count" and required >= p.argument:
            return True
    return None
