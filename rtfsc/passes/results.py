"""What is known of the result of an operation, from what is known of its operands.

Before (``v`` is a vector of ints)::

    (num.inc (nth v 0 @1) @2)

After, because elements of ``v`` are ints::

    (int.add (as [int] (seq.at v 0 @1)) 1 @2)

A rule answers a known type; the declared type of the operation bounds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtfsc.ir import types as T
from rtfsc.passes.known import ANY, Known, deep, elements, holding, kinds, meet

Rule = Callable[[list[Known]], Known]


def result_of(op: str, operands: list[Known], declared: T.Type) -> Known:
    """Known of a value of ``declared`` that ``op`` makes of these operands."""
    rule = RESULTS.get(op)
    if rule is None:
        return deep(declared)
    return meet(rule(operands), declared)


def _sum_type(operands: list[Known]) -> Known:
    """Of an operation on numbers that gives an int for ints alone, else a float."""
    numeric = [k & T.NUM for k in operands]
    if T.NEVER in numeric:
        return T.NEVER
    ints = T.INT
    floats = 0
    for t in numeric:
        ints &= t
        floats |= t & T.FLOAT
    return ints | floats


def _pick_type(operands: list[Known]) -> Known:
    numeric = [k & T.NUM for k in operands]
    return T.NEVER if T.NEVER in numeric else numeric[0] | numeric[1]


def _power_type(operands: list[Known]) -> Known:
    t = _sum_type(operands)
    return t | T.FLOAT if t else t


def element(k: Known, of: T.Type = T.SEQ | T.STR) -> Known:
    """Of one element of ``k``, which must be one of the kinds ``of``, else anything."""
    if kinds(k) & ~of:
        return ANY
    return elements(k) | k & T.STR


def _vector_of(k: Known) -> Known:
    return holding(T.VEC, k)


def _same(position: int) -> Rule:
    """A part or another order of a vector, list or text."""

    def rule(operands: list[Known]) -> Known:
        k = operands[position]
        return k if not kinds(k) & ~(T.SEQ | T.STR) else ANY

    return rule


def _as_vector(k: Known) -> Known:
    """The elements of any collection, as `seq` gives them: the pairs of a map."""
    pairs = deep(T.VEC) if k & T.MAP else T.NEVER
    return _vector_of(elements(k) | k & T.STR | pairs)


def _spread(operands: list[Known]) -> Known:
    """concat: elements of vectors and lists, characters, anything else as it is."""
    joined = T.NEVER
    for k in operands:
        joined |= element(k)
    return _vector_of(joined)


def _assoc(operands: list[Known]) -> Known:
    c, _, value = operands
    return holding(kinds(c), elements(c) | value) if kinds(c) in (T.MAP, T.VEC) else ANY


def _pairs(operands: list[Known]) -> Known:
    joined = T.NEVER
    for k in operands[1::2]:
        joined |= k
    return holding(T.MAP, joined)


def _same_map(operands: list[Known]) -> Known:
    return operands[0] if kinds(operands[0]) == T.MAP else ANY


def _merge(operands: list[Known]) -> Known:
    if any(kinds(k) != T.MAP for k in operands):
        return ANY
    return holding(T.MAP, elements(operands[0]) | elements(operands[1]))


def _into(operands: list[Known]) -> Known:
    to, source = operands
    if kinds(to) != T.VEC or kinds(source) & ~T.SEQ:
        return ANY
    return _vector_of(elements(to) | elements(source))


def _gathered(operands: list[Known]) -> Known:
    joined = T.NEVER
    for k in operands:
        joined |= k
    return joined


_HELD: Final = T.SEQ | T.MAP | T.NIL

RESULTS: Final[dict[str, Rule]] = {
    **dict.fromkeys(["num.add", "num.sub", "num.mul", "num.mod", "num.inc", "num.dec", "num.neg", "num.abs",
                     "num.check"], _sum_type),
    "num.min": _pick_type,
    "num.max": _pick_type,
    "num.pow": _power_type,
    "as": lambda k: k[0],
    "check": lambda k: k[0],
    "vector": lambda k: _vector_of(_gathered(k)),
    "list": lambda k: holding(T.LIST, _gathered(k)),
    "seq": lambda k: _as_vector(k[0]),
    "seq.nth": lambda k: elements(k[0]),
    "seq.at": lambda k: elements(k[0]),
    "seq.get": lambda k: elements(k[0]) | T.NIL,
    "seq.slice": lambda k: _vector_of(elements(k[0])),
    "seq.to-list": lambda k: holding(T.LIST, element(k[0])),
    "destructure.vec": lambda k: _vector_of(element(k[0])),
    "subvec": lambda k: _vector_of(element(k[0])),
    "subvec3": lambda k: _vector_of(element(k[0])),
    "nth": lambda k: element(k[0]),
    "nth3": lambda k: element(k[0]) | k[2],
    "first": lambda k: element(k[0]) | T.NIL,
    "last": lambda k: element(k[0]) | T.NIL,
    "get": lambda k: element(k[0], _HELD) | T.NIL,
    "get-or": lambda k: element(k[0], _HELD) | k[2],
    "kw-get": lambda k: element(k[1], T.MAP | T.NIL) | T.NIL,
    "kw-get-or": lambda k: element(k[1], T.MAP | T.NIL) | k[2],
    "map.get": lambda k: elements(k[0]) | T.NIL,
    "take": _same(1),
    "drop": _same(1),
    **dict.fromkeys(["rest", "reverse", "sort", "distinct"], _same(0)),
    "partition": lambda k: _vector_of(_vector_of(element(k[1]))),
    "cons": lambda k: _vector_of(element(k[1]) | k[0]),
    "conj": lambda k: _vector_of(element(k[0]) | k[1]),
    "concat": _spread,
    "into": _into,
    **dict.fromkeys(["range1", "range", "range3", "numbers"], lambda k: _vector_of(T.INT)),
    **dict.fromkeys(["str.split", "re.seq"], lambda k: _vector_of(T.STR)),
    "builder": lambda k: T.BUILDER,
    "builder.push": lambda k: holding(T.BUILDER, elements(k[0]) | k[1]),
    "builder.done": lambda k: _vector_of(elements(k[0])),
    "map": _pairs,
    "keys": lambda k: _vector_of(T.KW | T.STR | T.INT),
    "vals": lambda k: _vector_of(element(k[0], T.MAP)),
    "frequencies": lambda k: holding(T.MAP, T.INT),
    "assoc": _assoc,
    "dissoc": _same_map,
    "select-keys": _same_map,
    "rename-keys": _same_map,
    "merge": _merge,
}  # fmt: skip
