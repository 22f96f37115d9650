"""A type: a union of whole kinds of values (bits of `rtfsc.ir.types`) and of parts of other kinds.

A part is an intersection of atoms that all speak of one kind: ``[:and [:vector :int] [:min-count 1]]`` is
the part (VEC, {Items(int), min-count 1}). Types are immutable and canonical; make them with `make`,
`of_kinds` and the constructors below, which keep these rules: no part of a kind that is there as a whole,
no part below another one, no part that is known to be empty, everything in one order.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from rtfsc.ir import types as T

FINITE: Final = T.NIL | T.BOOL
CALLABLE: Final = T.FN | T.KW


class Type:
    """``kinds``: of which every value belongs. ``parts``: of other kinds, in order. ``mask``: all kinds that
    occur. ``depth``: how deep types nest in it. Equal types are equal objects or compare equal; hashable."""

    __slots__ = ("_hash", "depth", "kinds", "mask", "parts")

    def __init__(self, kinds: int, parts: tuple[Part, ...], mask: int, depth: int = 0) -> None:
        self.kinds, self.parts, self.mask, self.depth = kinds, parts, mask, depth
        self._hash = hash((kinds, parts))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(other) is Type
            and self._hash == other._hash
            and self.kinds == other.kinds
            and self.parts == other.parts
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        from rtfsc.sema.algebra.show import show

        return show(self)


class Part(NamedTuple):
    """Values of one ``kind`` that fit all ``atoms`` (never none)."""

    kind: int
    atoms: tuple[Atom, ...]


class Lit(NamedTuple):
    """One value of a scalar kind. NaN, which equals nothing, is never one."""

    kind: int
    value: Any


class Items(NamedTuple):
    """Vectors or lists of elements of one type, of a length if ``size`` is not None."""

    element: Type
    size: int | None = None


class Tuple(NamedTuple):
    """Vectors or lists of exactly these items."""

    items: tuple[Type, ...]


class Field(NamedTuple):
    key: Lit
    type: Type
    required: bool


class Record(NamedTuple):
    """Maps with these fields, ordered by key. Open: other entries are allowed, and a field whose key is a
    keyword may stand under the string of that spelling. ``closed``: exactly these keys."""

    fields: tuple[Field, ...]
    closed: bool = False


class Dict(NamedTuple):
    """Maps all of whose keys and values are of two types."""

    key: Type
    value: Type


class Function(NamedTuple):
    """Functions of as many parameters; ``rest``: of each further argument, None if there are none."""

    params: tuple[Type, ...]
    rest: Type | None
    result: Type


class Resource(NamedTuple):
    name: str


class Predicate(NamedTuple):
    """A refinement in normal form (`rtfsc.sema.algebra.predicates`); ``argument``: number, text or key."""

    name: str
    argument: Any


Atom: TypeAlias = "Lit | Items | Tuple | Record | Dict | Function | Resource | Predicate"

_WHOLE: dict[int, Type] = {}


def of_kinds(mask: int) -> Type:
    """All values of these kinds; one object per mask."""
    found = _WHOLE.get(mask)
    if found is None:
        found = _WHOLE[mask] = Type(mask, (), mask)
    return found


ANY: Final = of_kinds(T.ANY)
NEVER: Final = of_kinds(T.NEVER)
NIL: Final = of_kinds(T.NIL)
BOOL: Final = of_kinds(T.BOOL)
INT: Final = of_kinds(T.INT)
FLOAT: Final = of_kinds(T.FLOAT)
NUMBER: Final = of_kinds(T.NUM)
STRING: Final = of_kinds(T.STR)


def make(kinds: int, parts: Sequence[Part]) -> Type:
    """The canonical union."""
    if not parts:
        return of_kinds(kinds)
    kept: list[Part] = []
    values: dict[Part, None] = {}  # many in an enumeration, and never above one another
    for part in parts:
        if part.kind & kinds:
            continue
        if len(part.atoms) == 1 and type(part.atoms[0]) is Lit:
            values[part] = None
        elif not any(_below(part, other) for other in kept):
            kept = [other for other in kept if not _below(other, part)]
            kept.append(part)
    kept = [part for part in kept if len(part.atoms) == 1 or not _narrows_one(part, values)]
    kept += [part for part in values if not any(_below(part, other) for other in kept)]
    truths = [part for part in kept if part.kind == T.BOOL]
    if len(truths) == 2 and all(type(part.atoms[0]) is Lit for part in truths):
        kinds |= T.BOOL
        kept = [part for part in kept if part.kind != T.BOOL]
    if not kept:
        return of_kinds(kinds)
    mask = kinds
    for part in kept:
        mask |= part.kind
    return Type(kinds, tuple(in_order(kept)), mask, max(_depth(p) for p in kept))


def _narrows_one(part: Part, values: Container[Part]) -> bool:
    return any(type(atom) is Lit and Part(part.kind, (atom,)) in values for atom in part.atoms)


def _below(a: Part, b: Part) -> bool:
    from rtfsc.sema.algebra.atoms import part_subtype

    return a.kind == b.kind and part_subtype(a, b)


def in_order(parts: list[Any]) -> list[Any]:
    if len(parts) < 2:
        return parts
    from rtfsc.sema.algebra.show import order

    return sorted(parts, key=order)


def part(kind: int, *atoms: Atom) -> Type:
    one = Part(kind, atoms)
    return Type(0, (one,), kind, _depth(one))


def _depth(part: Part) -> int:
    return max(1 + max((t.depth for t in _inner(atom)), default=-1) for atom in part.atoms)


def _inner(atom: Atom) -> Iterable[Type]:
    kind = type(atom)
    if kind is Lit:
        return ()
    if kind is Tuple:
        return atom.items  # type: ignore[union-attr]
    if kind is Record:
        return [field.type for field in atom.fields]  # type: ignore[union-attr]
    if kind is Items:
        return (atom.element,)  # type: ignore[union-attr]
    if kind is Dict:
        return (atom.key, atom.value)  # type: ignore[union-attr]
    if kind is Function:
        rest = (atom.rest,) if atom.rest is not None else ()  # type: ignore[union-attr]
        return (*atom.params, *rest, atom.result)  # type: ignore[union-attr]
    return ()


# --- constructors


def literal(kind: int, value: Any) -> Type:
    """The type of one value of a scalar kind."""
    if kind == T.NIL or (kind == T.FLOAT and value != value):
        return of_kinds(kind)
    return part(kind, Lit(kind, value))


def items(element: Type, count: int | None = None, kind: int = T.VEC) -> Type:
    """Vectors (or lists: ``kind``) of elements of a type, of exactly ``count`` elements unless None."""
    if count is not None and count <= _SMALL:
        return sequence((element,) * count, kind)
    if element.mask == T.NEVER:
        return NEVER if count else sequence((), kind)
    if element.kinds == T.ANY and count is None:
        return of_kinds(kind)
    return part(kind, Items(element, count))


_SMALL: Final = 16


def sequence(each: tuple[Type, ...], kind: int = T.VEC) -> Type:
    """Vectors (or lists) of exactly these items."""
    if any(item.mask == T.NEVER for item in each):
        return NEVER
    return part(kind, Tuple(each))


def record(fields: Iterable[Field], closed: bool = False) -> Type:
    given = tuple(sorted(fields, key=lambda field: (field.key.kind, field.key.value)))
    if not given and not closed:
        return of_kinds(T.MAP)
    if any(field.required and field.type.mask == T.NEVER for field in given):
        return NEVER
    if closed:
        given = tuple(field for field in given if field.type.mask != T.NEVER)
    return part(T.MAP, Record(given, closed))


def map_of(key: Type, value: Type) -> Type:
    if key.mask & _KEYS == T.NEVER or value.mask == T.NEVER:
        return record((), closed=True)
    if key.kinds & _KEYS == _KEYS and value.kinds == T.ANY:
        return of_kinds(T.MAP)
    return part(T.MAP, Dict(key, value))


_KEYS: Final = T.KW | T.STR | T.INT


def function(params: Iterable[Type], rest: Type | None, result: Type) -> Type:
    return part(T.FN, Function(tuple(params), rest, result))
