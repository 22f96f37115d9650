"""Subtyping, meet, join and consistency of types."""

from __future__ import annotations

from rtfsc.ir import types as T
from rtfsc.sema.algebra.atoms import part_meet, part_subtype
from rtfsc.sema.algebra.model import NEVER, Part, Type, make, of_kinds


def subtype(a: Type, b: Type) -> bool:
    """Whether every value of ``a`` is one of ``b``. What is unknown (any) is below any alone."""
    if a is b or b.kinds == T.ANY:
        return True
    if a.kinds & ~b.kinds or a.mask & ~b.mask:
        return False
    for part in a.parts:
        if part.kind & b.kinds:
            continue
        if not any(other.kind == part.kind and part_subtype(part, other) for other in b.parts):
            return False
    return True


def join(a: Type, b: Type) -> Type:
    """The union."""
    if a is b or not b.mask:
        return a
    if not a.mask:
        return b
    if not a.parts and not b.parts:
        return of_kinds(a.kinds | b.kinds)
    return make(a.kinds | b.kinds, (*a.parts, *b.parts))


def meet(a: Type, b: Type) -> Type:
    """The intersection."""
    if a is b or b.kinds == T.ANY:
        return a
    if a.kinds == T.ANY:
        return b
    if not a.mask & b.mask:
        return NEVER
    if not a.parts and not b.parts:
        return of_kinds(a.kinds & b.kinds)
    parts: list[Part] = [part for part in a.parts if part.kind & b.kinds]
    parts += [part for part in b.parts if part.kind & a.kinds]
    for part in a.parts:
        for other in b.parts:
            if other.kind == part.kind:
                both = part_meet(part, other)
                if both is not None:
                    parts.append(both)
    return make(a.kinds & b.kinds, parts)


def consistent(a: Type, b: Type) -> bool:
    """Whether some value may be of both: False is a definite conflict (C48). What is unknown is consistent
    with every type that has a value."""
    if not a.mask & b.mask:
        return False
    if a.kinds & b.mask or b.kinds & a.mask:
        return True
    return any(
        part.kind == other.kind and part_meet(part, other) is not None
        for part in a.parts
        for other in b.parts
    )


def either(a: Type, b: Type) -> Type:
    """The union, of at most 16 parts: what the checker says of branches."""
    return widened(join(a, b), 16)


def widened(t: Type, limit: int = 5) -> Type:
    """``t``, or what is above it with at most ``limit`` parts: kinds with many parts become whole."""
    if len(t.parts) <= limit:
        return t
    kinds = t.kinds
    for part in t.parts:
        kinds |= part.kind
    return of_kinds(kinds)
