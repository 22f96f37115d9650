"""Patterns: which values fit, and what their names are bound to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtfsc.ast import nodes as A
from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import (
    ANY,
    NEVER,
    Field,
    Lit,
    Part,
    Predicate,
    Type,
    items,
    make,
    of_kinds,
    record,
    sequence,
)
from rtfsc.sema.algebra.relations import join, meet
from rtfsc.sema.check.parts import element, entry, item

if TYPE_CHECKING:
    from rtfsc.sema.check.checker import Checker
    from rtfsc.source import Span

_SEQ = of_kinds(T.VEC | T.LIST)
_MAP = of_kinds(T.MAP)
_VECTOR = of_kinds(T.VEC)
_DEEPEST: Final = 6
"""How deep the types of patterns nest at most."""


def bind(c: Checker, pattern: A.Pattern, t: Type, at: Span | None) -> None:
    """Gives the names of a pattern of let or of a parameter their types. ``at``: the value, where one that
    can never fit is reported; None if it has no place."""
    if type(pattern) is A.BindName:
        c.types[pattern.local] = t
    elif type(pattern) is A.VectorPattern:
        _require(c, t, meet(_lengths(pattern), _SEQ), _words(pattern), pattern, at)
        bind_names(c, pattern, t)
        _bind_items(c, pattern, t)
    elif type(pattern) is A.MapPattern:
        _require(c, t, _MAP, "a map", pattern, at)
        for key, part, default in pattern.entries:
            absent = None if default is None else c.visit(default)
            bind(c, part, _entry(c, t, key, absent), None)
        bind_names(c, pattern, t)


def _require(c: Checker, t: Type, expected: Type, words: str, pattern: A.Pattern, at: Span | None) -> None:
    from rtfsc.sema.check.checker import Want

    if at is not None and t.kinds != T.ANY and t.mask:
        c.require(t, Want(expected, words, "the value of this pattern", ((pattern.span, "the pattern"),)), at)


def _words(pattern: A.VectorPattern) -> str:
    least = "" if pattern.rest is None else "at least "
    return f"a vector or list of {least}{len(pattern.items)}"


def bind_names(c: Checker, pattern: A.VectorPattern | A.MapPattern, t: Type) -> None:
    """The names for the rest and for the whole."""
    if type(pattern.rest) is A.BindName:
        c.types[pattern.rest.local] = _VECTOR if type(pattern) is A.VectorPattern else _MAP
    if pattern.whole is not None:
        c.types[pattern.whole.local] = t


def _bind_items(c: Checker, pattern: A.VectorPattern, t: Type) -> None:
    for index, part in enumerate(pattern.items):
        bind(c, part, item(t, index) if t.mask else ANY, None)
    if type(pattern.rest) is A.BindName:
        inner = element(t, entries=False) if not t.mask & T.STR else ANY
        c.types[pattern.rest.local] = items(inner)


def _entry(c: Checker, t: Type, key: A.Const, absent: Type | None = None) -> Type:
    found = entry(t, Lit(key.kind, key.value), exact=c.strict)
    if absent is not None and found.mask & T.NIL:
        found = join(found, absent)
    return found if found.mask else ANY


def bind_matched(c: Checker, pattern: A.Pattern, t: Type) -> None:
    """Gives the names of a pattern of match their types; ``t``: the values that get there."""
    if type(pattern) is A.BindName:
        c.types[pattern.local] = t
    elif type(pattern) is A.AsPattern:
        c.types[pattern.name.local] = t
        bind_matched(c, pattern.pattern, t)
    elif type(pattern) is A.VectorPattern:
        for index, part in enumerate(pattern.items):
            bind_matched(c, part, meet(item(t, index), accepted(c, part)))
        bind_names(c, pattern, t)
    elif type(pattern) is A.MapPattern:
        for key, part, _ in pattern.entries:
            here = entry(t, Lit(key.kind, key.value), absent=NEVER)
            bind_matched(c, part, meet(here, accepted(c, part)))
        bind_names(c, pattern, t)


def accepted(c: Checker, pattern: A.Pattern) -> Type:
    """A type that holds every value that the pattern of a match takes."""
    if type(pattern) is A.LiteralPattern:
        from rtfsc.sema.check.forms import constant

        return constant(c, pattern.value)
    if type(pattern) is A.TypePattern:
        return c.declared(pattern.type)
    if type(pattern) is A.AsPattern:
        return accepted(c, pattern.pattern)
    if type(pattern) is A.VectorPattern:
        if pattern.rest is not None:
            return _lengths(pattern)
        each = tuple(_part_accepted(c, part) for part in pattern.items)
        return join(sequence(each), sequence(each, T.LIST))
    if type(pattern) is A.MapPattern:
        fields = [
            Field(Lit(k.kind, k.value), _part_accepted(c, part), True) for k, part, _ in pattern.entries
        ]
        return record(fields)
    return ANY


def _part_accepted(c: Checker, pattern: A.Pattern) -> Type:
    """A union of two for each level would be twice as long with each."""
    t = accepted(c, pattern)
    return t if t.depth < _DEEPEST else of_kinds(t.mask)


def covered(c: Checker, pattern: A.Pattern) -> Type:
    """A type all of whose values the pattern takes."""
    if type(pattern) is A.VectorPattern:
        return _covered_sequence(c, pattern)
    if type(pattern) is A.MapPattern:
        return NEVER if pattern.entries else _MAP
    if type(pattern) is A.AsPattern:
        return covered(c, pattern.pattern)
    if type(pattern) is A.TypePattern and pattern.type.mask == T.NEVER:
        return NEVER
    t = accepted(c, pattern)
    if type(pattern) is A.LiteralPattern and t.kinds & ~T.NIL:
        return NEVER
    return t


def _covered_sequence(c: Checker, pattern: A.VectorPattern) -> Type:
    each = tuple(covered(c, part) for part in pattern.items)
    if any(t.depth >= _DEEPEST for t in each):
        return NEVER
    if pattern.rest is None:
        return join(sequence(each), sequence(each, T.LIST))
    return _lengths(pattern) if all(t.kinds == T.ANY for t in each) else NEVER


def _lengths(pattern: A.VectorPattern) -> Type:
    """Vectors and lists as long as the pattern wants."""
    count = len(pattern.items)
    if pattern.rest is None:
        each = (ANY,) * count
        return join(sequence(each), sequence(each, T.LIST))
    if not count:
        return _SEQ
    return make(0, [Part(kind, (Predicate("min-count", count),)) for kind in (T.VEC, T.LIST)])
