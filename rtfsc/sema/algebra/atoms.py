"""Subtyping and meet within one kind of value."""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.sema.algebra import predicates, records
from rtfsc.sema.algebra.model import (
    NEVER,
    Atom,
    Dict,
    Function,
    Items,
    Lit,
    Part,
    Predicate,
    Record,
    Tuple,
    Type,
    in_order,
    items,
    map_of,
    part,
    sequence,
)


def part_subtype(a: Part, b: Part) -> bool:
    """An intersection on the right needs all of its atoms, on the left one."""
    if len(b.atoms) == 1 and len(a.atoms) == 1:
        return atom_subtype(a.atoms[0], b.atoms[0])
    return all(any(atom_subtype(x, y) for x in a.atoms) for y in b.atoms)


def part_meet(a: Part, b: Part) -> Part | None:
    """Of one kind; None if nothing is in both."""
    if type(a.atoms[0]) is Lit and type(b.atoms[0]) is Lit and len(a.atoms) == len(b.atoms) == 1:
        return a if a == b else None
    atoms: list[Atom] | None = list(a.atoms)
    for atom in b.atoms:
        atoms = _add(a.kind, atoms, atom)  # type: ignore[arg-type]
        if atoms is None:
            return None
    assert atoms is not None
    return Part(a.kind, tuple(in_order(atoms)))


def _add(kind: int, atoms: list[Atom], new: Atom) -> list[Atom] | None:
    """The intersection with one more atom; atoms that make one together are replaced by it."""
    at = 0
    while at < len(atoms):
        both = atom_meet(kind, atoms[at], new)
        if both is None:
            at += 1
            continue
        if not both.mask:
            return None
        if not both.parts:  # the whole kind
            return atoms
        combined = both.parts[0].atoms[0]
        if combined == atoms[at]:
            return atoms
        del atoms[at]
        new, at = combined, 0
    return [*atoms, new]


def atom_subtype(a: Atom, b: Atom) -> bool:
    if a == b:
        return True
    kind = type(b)
    if kind is Predicate:
        return predicates.proved(a, b)  # type: ignore[arg-type]
    if kind is Items or kind is Tuple:
        return _sequence_subtype(a, b)  # type: ignore[arg-type]
    if kind is Record:
        return records.below_record(a, b)  # type: ignore[arg-type]
    if kind is Dict:
        return records.below_dict(a, b)  # type: ignore[arg-type]
    return kind is Function and type(a) is Function and _function_subtype(a, b)  # type: ignore[arg-type]


def _sequence_subtype(a: Atom, b: Items | Tuple) -> bool:
    from rtfsc.sema.algebra.relations import subtype

    if type(a) is Items:
        if type(b) is Items:
            return (b.size is None or a.size == b.size) and subtype(a.element, b.element)
        assert type(b) is Tuple
        return a.size == len(b.items) and all(subtype(a.element, item) for item in b.items)
    if type(a) is not Tuple:
        return False
    if type(b) is Items:
        fits = b.size is None or b.size == len(a.items)
        return fits and all(subtype(item, b.element) for item in a.items)
    assert type(b) is Tuple
    return len(a.items) == len(b.items) and all(subtype(x, y) for x, y in zip(a.items, b.items, strict=True))


def _function_subtype(a: Function, b: Function) -> bool:
    """Contravariant in parameters and rest, covariant in the result."""
    from rtfsc.sema.algebra.relations import subtype

    if len(a.params) != len(b.params) or (a.rest is None) != (b.rest is None):
        return False
    if a.rest is not None and not subtype(b.rest, a.rest):  # type: ignore[arg-type]
        return False
    return all(subtype(y, x) for x, y in zip(a.params, b.params, strict=True)) and subtype(a.result, b.result)


def atom_meet(kind: int, a: Atom, b: Atom) -> Type | None:
    """The two as one atom, `NEVER` if nothing is in both, None if they must stay two."""
    if atom_subtype(a, b):
        return _type(kind, a)
    if atom_subtype(b, a):
        return _type(kind, b)
    if predicates.excluded(a, b):
        return NEVER
    sorts = {type(a), type(b)}
    if sorts <= {Items, Tuple}:
        return _sequence_meet(kind, a, b)  # type: ignore[arg-type]
    if sorts <= {Record, Dict}:
        return _map_meet(a, b)
    return None


def _type(kind: int, atom: Atom) -> Type:
    return part(kind, atom)


def _sequence_meet(kind: int, a: Items | Tuple, b: Items | Tuple) -> Type:
    from rtfsc.sema.algebra.relations import meet

    if type(a) is Items and type(b) is Items:
        if a.size is not None and b.size is not None and a.size != b.size:
            return NEVER
        return items(meet(a.element, b.element), b.size if a.size is None else a.size, kind)
    length = len(a.items) if type(a) is Tuple else len(b.items)  # type: ignore[union-attr]
    first, second = _spread(a, length), _spread(b, length)
    if first is None or second is None:
        return NEVER
    return sequence(tuple(meet(x, y) for x, y in zip(first, second, strict=True)), kind)


def _spread(atom: Items | Tuple, length: int) -> Sequence[Type] | None:
    """The types of that many items; None if there are never so many."""
    if type(atom) is Tuple:
        return atom.items if len(atom.items) == length else None
    assert type(atom) is Items
    return [atom.element] * length if atom.size in (None, length) else None


def _map_meet(a: Atom, b: Atom) -> Type | None:
    from rtfsc.sema.algebra.relations import meet

    if type(a) is Dict and type(b) is Dict:
        return map_of(meet(a.key, b.key), meet(a.value, b.value))
    if type(a) is Record and type(b) is Record:
        return records.both(a, b)
    mapping, fields = (a, b) if type(a) is Dict else (b, a)
    assert type(mapping) is Dict and type(fields) is Record
    return records.within(fields, mapping)
