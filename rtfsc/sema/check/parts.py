"""Types of what is inside collections."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.sema.algebra.model import (
    ANY,
    NEVER,
    NIL,
    STRING,
    Atom,
    Dict,
    Items,
    Lit,
    Record,
    Tuple,
    Type,
    literal,
    sequence,
)
from rtfsc.sema.algebra.relations import join, meet, widened

_SEQUENCES = T.VEC | T.LIST


def element(t: Type, *, entries: bool = True) -> Type:
    """Of the elements of vectors, lists and strings, and of the pairs of maps (``entries``)."""
    if t.kinds & (_SEQUENCES | (T.MAP if entries else 0)):
        return ANY
    result = STRING if t.mask & T.STR else NEVER
    for part in t.parts:
        if part.kind & _SEQUENCES:
            result = join(result, _narrowest([_element_of(atom) for atom in part.atoms]))
        elif part.kind == T.MAP and entries:
            result = join(result, _pair(t))
    return widened(result)


def _element_of(atom: Atom) -> Type:
    if type(atom) is Items:
        return atom.element
    if type(atom) is not Tuple:
        return ANY
    result = NEVER
    for item in atom.items:
        result = join(result, item)
    return result


def _narrowest(types: list[Type]) -> Type:
    result = ANY
    for t in types:
        result = meet(result, t)
    return result


def _pair(t: Type) -> Type:
    key, value = key_and_value(t)
    return sequence((key, value))


def key_and_value(t: Type) -> tuple[Type, Type]:
    """Of all entries of the maps of a type."""
    if t.kinds & T.MAP:
        return ANY, ANY
    key = value = NEVER
    for part in t.parts:
        if part.kind == T.MAP:
            known = [_entries_of(atom) for atom in part.atoms]
            key = join(key, _narrowest([k for k, _ in known]))
            value = join(value, _narrowest([v for _, v in known]))
    return widened(key), widened(value)


def _entries_of(atom: Atom) -> tuple[Type, Type]:
    if type(atom) is Dict:
        return atom.key, atom.value
    if type(atom) is not Record or not atom.closed:
        return ANY, ANY
    key = value = NEVER
    for field in atom.fields:
        key, value = join(key, literal(*field.key)), join(value, field.type)
    return key, value


def item(t: Type, index: int) -> Type:
    """Of one element of the vectors and lists of a type."""
    if t.kinds & _SEQUENCES:
        return ANY
    result = NEVER
    for part in t.parts:
        if part.kind & _SEQUENCES:
            result = join(result, _narrowest([_item_of(atom, index) for atom in part.atoms]))
    return result


def _item_of(atom: Atom, index: int) -> Type:
    if type(atom) is Tuple:
        return atom.items[index] if index < len(atom.items) else NEVER
    return atom.element if type(atom) is Items else ANY


def entry(t: Type, key: Lit, *, absent: Type = NIL, exact: bool = False) -> Type:
    """Of the value under ``key`` in the maps of a type, joined with ``absent`` where there may be none. A
    field of a record may stand under a string instead, where the keyword finds nothing; ``exact``: ignore
    that."""
    if t.kinds & T.MAP:
        return ANY
    result = NEVER
    for part in t.parts:
        if part.kind == T.MAP:
            result = join(result, _narrowest([_entry_of(atom, key, absent, exact) for atom in part.atoms]))
    return result


def _entry_of(atom: Atom, key: Lit, absent: Type, exact: bool) -> Type:
    if type(atom) is Dict:
        return join(atom.value, absent)
    if type(atom) is not Record:
        return ANY
    found = next((f for f in atom.fields if f.key == key), None)
    if found is None:
        return absent if atom.closed else ANY
    certain = found.required and (atom.closed or exact)
    return found.type if certain else join(found.type, absent)
