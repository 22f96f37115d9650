"""What inference knows of a value: its kinds, and the kinds of what it holds, four levels deep.

A known type is an integer whose lowest 16 bits are a type (`rtfsc.ir.types`).  The next 16 bits are the
kinds of the elements of what is a vector or list and of the values of what is a map, the next those of
their elements, and so on: ``vec of vec of int`` is ``VEC | VEC << 16 | INT << 32``.  Join is still ``|``,
and ``a`` is within ``b`` when ``a & ~b == 0``.  Values are immutable, so what is known of elements stays
true.  A type of the IR knows nothing of elements: `deep` of it lets them be anything, `kinds` forgets them.
"""

from __future__ import annotations

from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const

Known = int

_WIDTH: Final = 16
LEVELS: Final = 4
"""Levels of kinds: elements of elements of elements are the last that are known."""
KINDS: Final = (1 << _WIDTH) - 1
_ALL: Final = (1 << _WIDTH * LEVELS) - 1
HOLDERS: Final = T.VEC | T.LIST | T.MAP | T.BUILDER
_TOP_SHIFT: Final = _WIDTH * (LEVELS - 1)
_ANYTHING: Final = sum(T.ANY << _WIDTH * level for level in range(1, LEVELS))

ANY: Final = T.ANY | _ANYTHING
"""Known of any value."""


def kinds(k: Known) -> T.Type:
    """The kinds alone: the type of the IR."""
    return k & KINDS


def deep(t: T.Type) -> Known:
    """A value of type ``t`` that may hold anything."""
    return t | _ANYTHING if t & HOLDERS else t


def elements(k: Known) -> Known:
    """What is known of the elements, or of the values of a map."""
    below = k >> _WIDTH
    return below | T.ANY << _TOP_SHIFT if k >> _TOP_SHIFT & HOLDERS else below


def holding(t: T.Type, element: Known) -> Known:
    """A value of the holders ``t`` whose elements are ``element``."""
    return t | element << _WIDTH & _ALL


def meet(k: Known, t: T.Type) -> Known:
    """``k`` narrowed to the kinds of ``t``."""
    found = k & t
    if not found & HOLDERS:
        return found
    return found | k & ~KINDS


def both(a: Known, b: Known) -> Known:
    """A value of which ``a`` and ``b`` are known."""
    found = a & b
    return found if found & HOLDERS else found & KINDS


def typed_vector(k: Known) -> bool:
    """Certainly a vector, of which more is known than that."""
    return k & KINDS == T.VEC and k != deep(T.VEC)


def of_const(c: Const) -> Known:
    if c.type in (T.VEC, T.LIST):
        return holding(c.type, _join([of_const(x) for x in c.value]))
    if c.type == T.MAP:
        return holding(T.MAP, _join([of_const(x) for _, x in c.value]))
    return c.type


def _join(items: list[Known]) -> Known:
    joined = T.NEVER
    for k in items:
        joined |= k
    return joined
