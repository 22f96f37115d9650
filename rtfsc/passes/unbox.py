"""Which typed operation does the work of a generic one, once the kinds of its operands are known.

Before (``n`` is an int, ``x`` a float)::

    (num.add n 1 @1)
    (num.mul n x @1)
    (lt n 2 @1)

After::

    (int.add n 1 @1)
    (float.mul (int.to-float n) x)
    (int.lt n 2)

A rule gets the operands with the kinds they are known to have and answers the new expression with its type,
or None.  Mixed comparisons stay generic: they are exact, conversion to float is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Const,
    Expr,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    Try,
    false,
    integer,
    true,
)
from rtfsc.passes.branches import invert, kind_test, sequence, truth
from rtfsc.passes.declared import bound
from rtfsc.passes.fold import fold
from rtfsc.passes.known import Known, both, kinds, of_const
from rtfsc.passes.results import result_of
from rtfsc.primitives.ops import OPS

Typed = tuple[Expr, Known]
Rule = Callable[[Prim, list[Expr], list[T.Type]], Typed | None]

_KEYS: Final = T.KW | T.STR | T.INT
_FILLER: Final[dict[T.Type, Expr]] = {T.INT: integer(0), T.FLOAT: Const(T.FLOAT, 0.0), T.BOOL: false()}


def coerce(e: Expr, known: Known, want: T.Type) -> Expr:
    """``e``, of whose value that is known, as an expression of type ``want`` or narrower."""
    if T.subtype(e.type, want):
        return e
    t = kinds(known)
    if t == T.NEVER:
        return Seq([e], _FILLER.get(want) or Prim("raise.generic", [Const(T.STR, "unreachable")], T.NEVER))
    if T.subtype(t, want):
        return Prim("as", [e], t, 0, t)
    return e


def coerce_tail(e: Expr, t: Known, want: T.Type) -> Expr:
    """Like `coerce`, but of what stands in tail position in ``e``, so that nothing there loses it. Tail
    calls return in the representation of their function, which the caller sees to."""
    if T.subtype(e.type, want) or isinstance(e, Recur) or getattr(e, "tail", False):
        return e
    if isinstance(e, Let | LetRec | Loop):
        e.body = coerce_tail(e.body, t, want)
        e.type = e.body.type
        return e
    if isinstance(e, Seq):
        e.result = coerce_tail(e.result, t, want)
        e.type = e.result.type
        return e
    if isinstance(e, If):
        return If(e.test, coerce_tail(e.then, t, want), coerce_tail(e.orelse, t, want))
    if isinstance(e, Try):
        return Try(coerce(e.body, t, want), e.var, coerce_tail(e.handler, t, want))
    return coerce(e, t, want)


def prim(op: str, args: list[Expr], types: list[T.Type], site: int = 0) -> Typed:
    """A typed operation over operands that are coerced to its parameters, folded if constant."""
    declared = OPS[op]
    args = [coerce(x, t, p) for x, t, p in zip(args, types, declared.params, strict=True)]
    known = fold(op, None, args)
    if known is not None:
        return known, known.type
    return Prim(op, args, declared.result, site if declared.raises else 0), declared.result


def rewrite(e: Prim, args: list[Expr], known: list[Known]) -> Typed:
    """The best operation for ``e`` with these operands."""
    constant = fold(e.op, e.imm, args)
    if constant is not None:
        return constant, of_const(constant)
    types = [kinds(k) for k in known]
    if e.op == "check.type" and isinstance(args[1], Const):
        declared, exact = bound(args[1])
        if exact and not known[0] & ~declared:
            return args[0], known[0]
        return generic(e, args, types), both(known[0], declared)
    rule = RULES.get(e.op)
    better = None if rule is None else rule(e, args, types)
    if better is None:
        declared = e.imm if e.op in _NARROWING else e.type & OPS[e.op].result
        return generic(e, args, types), result_of(e.op, known, declared)
    new, t = better
    for x, k in zip(args, known, strict=True):
        if new is x:
            return new, k
    return new, result_of(e.op, known, t)


_NARROWING: Final = frozenset({"as", "check"})


def generic(e: Prim, args: list[Expr], types: list[T.Type]) -> Expr:
    """The operation as it is."""
    op = OPS[e.op]
    if not op.variadic:
        args = [coerce(x, t, p) for x, t, p in zip(args, types, op.params, strict=True)]
    return Prim(e.op, args, e.imm if e.op in _NARROWING else op.result, e.site, e.imm)


def _as_float(e: Expr, t: T.Type) -> Typed:
    if t == T.FLOAT:
        return e, T.FLOAT
    return prim("int.to-float", [e], [t])


def _floats(op: str, e: Prim, args: list[Expr], types: list[T.Type]) -> Typed:
    pairs = [_as_float(x, t) for x, t in zip(args, types, strict=True)]
    return prim(op, [x for x, _ in pairs], [T.FLOAT] * len(pairs), e.site)


def _arithmetic(name: str) -> Rule:
    def rule(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
        if all(t == T.INT for t in types):
            return prim("int." + name, args, types, e.site)
        if all(t in (T.INT, T.FLOAT) for t in types):
            return _floats("float." + name, e, args, types)
        return None

    return rule


def _step(name: str) -> Rule:
    """inc and dec."""
    add = _arithmetic(name)
    return lambda e, args, types: add(e, [*args, integer(1)], [*types, T.INT])


def _same_kind(name: str) -> Rule:
    """Typed only if all are ints or all are floats; ``name`` is then that of both."""

    def rule(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
        for t, prefix in ((T.INT, "int."), (T.FLOAT, "float.")):
            if all(x == t for x in types) and prefix + name in OPS:
                return prim(prefix + name, args, types, e.site)
        return None

    return rule


_EXACT: Final = 1 << 53


def _comparison(name: str) -> Rule:
    same = _same_kind(name)

    def exact(x: Expr, t: T.Type) -> bool:
        return t == T.FLOAT or (isinstance(x, Const) and t == T.INT and abs(x.value) <= _EXACT)

    def rule(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
        if T.FLOAT in types and all(map(exact, args, types)):
            return _floats("float." + name, e, args, types)
        return same(e, args, types)

    return rule


_EQUALITY: Final = {T.INT: "int.eq", T.FLOAT: "float.eq", T.BOOL: "bool.eq", T.STR: "str.eq"}


def _equal(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    a, b = types
    if a and b and not a & b:
        return sequence(args, false()), T.BOOL
    if a == b and a in _EQUALITY:
        return prim(_EQUALITY[a], args, types)
    for x, y in ((0, 1), (1, 0)):
        if types[x] == T.NIL and isinstance(args[x], Const):
            return _is_nil(args[y], types[y]), T.BOOL
    return None


def _is_nil(x: Expr, t: T.Type) -> Expr:
    return kind_test(x, t, T.NIL) or Prim("is", [x], T.BOOL, 0, T.NIL)


def _different(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    equal = _equal(e, args, types)
    if equal is None:
        return None
    test = equal[0]
    if isinstance(test, Seq):
        return sequence(test.effects, true()), T.BOOL
    return invert(test), T.BOOL


def _sign(op: str) -> Rule:
    """zero?, pos?, neg? by comparison with 0 or 0.0."""

    def rule(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
        if types[0] == T.INT:
            return prim("int." + op, [args[0], integer(0)], [T.INT, T.INT])
        if types[0] == T.FLOAT:
            return prim("float." + op, [args[0], Const(T.FLOAT, 0.0)], [T.FLOAT, T.FLOAT])
        return None

    return rule


def _parity(odd: bool) -> Rule:
    def rule(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
        if types[0] != T.INT:
            return None
        test, _ = prim("int.odd", args, types)
        return (test if odd else invert(test)), T.BOOL

    return rule


def _divide(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    if types == [T.INT, T.INT]:
        return prim("int.div", args, types, e.site)
    return _arithmetic("div")(e, args, types)


def _root(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    return _floats("float.sqrt", e, args, types) if types[0] in (T.INT, T.FLOAT) else None


def _number(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    return (args[0], types[0]) if T.subtype(types[0], T.NUM) else None


def _truthy(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    x = coerce(args[0], types[0], T.BOOL) if types[0] == T.BOOL else args[0]
    known = truth(x, types[0])
    return None if known is None else (known, T.BOOL)


def _not(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    known = _truthy(e, args, types)
    return None if known is None else (invert(known[0]), T.BOOL)


def _is(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    known = kind_test(args[0], types[0], e.imm)
    return None if known is None else (known, T.BOOL)


def _narrow(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    """check and as of what is already known."""
    if T.subtype(types[0], e.imm):
        return args[0], types[0]
    return None


def _to_int(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    if types[0] == T.INT:
        return args[0], T.INT
    return prim("float.to-int", args, types) if types[0] == T.FLOAT else None


def _to_float(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    return _as_float(args[0], types[0]) if types[0] in (T.INT, T.FLOAT) else None


def _length(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    t = types[0]
    if T.subtype(t, T.SEQ):
        return prim("seq.length", args, types)
    return prim("map.length", args, types) if t == T.MAP else None


def _get(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    if types[0] == T.MAP and T.subtype(types[1], _KEYS):
        return prim("map.get", args, types)
    if types[1] == T.INT and T.subtype(types[0], T.SEQ):
        return prim("seq.get", args, types)
    return None


def _nth(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    if types[1] == T.INT and T.subtype(types[0], T.SEQ):
        return prim("seq.at", args, types, e.site)
    return None


def _seq(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    """The elements of a vector are the vector."""
    return (args[0], T.VEC) if types[0] == T.VEC else None


def _keyword_get(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    """Operands change places, so the keyword must be one that can be evaluated at any time."""
    if types == [T.KW, T.MAP] and isinstance(args[0], Const | Local):
        return prim("map.get", args[::-1], types[::-1])
    return None


def _contains(e: Prim, args: list[Expr], types: list[T.Type]) -> Typed | None:
    return prim("map.has", args, types) if types[0] == T.MAP else None


RULES: Final[dict[str, Rule]] = {
    "num.add": _arithmetic("add"),
    "num.sub": _arithmetic("sub"),
    "num.mul": _arithmetic("mul"),
    "num.mod": _arithmetic("mod"),
    "num.div": _divide,
    "num.inc": _step("add"),
    "num.dec": _step("sub"),
    "num.neg": _same_kind("neg"),
    "num.abs": _same_kind("abs"),
    "num.min": _same_kind("min"),
    "num.max": _same_kind("max"),
    "num.sqrt": _root,
    "num.even": _parity(False),
    "num.odd": _parity(True),
    "num.zero": _sign("eq"),
    "num.pos": _sign("gt"),
    "num.neg-p": _sign("lt"),
    "num.check": _number,
    "lt": _comparison("lt"),
    "le": _comparison("le"),
    "gt": _comparison("gt"),
    "ge": _comparison("ge"),
    "eq": _equal,
    "ne": _different,
    "truthy": _truthy,
    "not": _not,
    "bool.not": lambda e, args, types: (invert(args[0]), T.BOOL),
    "is": _is,
    "as": _narrow,
    "check": _narrow,
    "to-int": _to_int,
    "to-float": _to_float,
    "length": _length,
    "count": _length,
    "get": _get,
    "nth": _nth,
    "seq": _seq,
    "kw-get": _keyword_get,
    "contains": _contains,
}
