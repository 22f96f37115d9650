"""Operations on constants are done at compile time, by the exact rules of the language.

Before::

    (num.add (num.mul 2 3 @1) 4 @2)

After::

    10

What would raise (overflow, a zero divisor, a wrong kind) stays in place and raises at run time.  Where
a result depends on the text rules of the runtime library (floats as text, case), nothing is folded.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, Module, Prim
from rtfsc.ir.walk import rewrite

_MIN: Final = -(1 << 63)
_MAX: Final = (1 << 63) - 1


def run(module: Module) -> None:
    for f in module.functions.values():
        f.body = rewrite(f.body, simplify)


def simplify(e: Expr) -> Expr:
    """The constant that ``e`` always yields, or ``e``."""
    if not isinstance(e, Prim):
        return e
    return fold(e.op, e.imm, e.args) or e


def fold(op: str, imm: Any, args: list[Expr]) -> Const | None:
    """None where the operation does not apply to constants, or raises."""
    rule = _RULES.get(op)
    if rule is None:
        return None
    for x in args:
        if not isinstance(x, Const):
            return None
    consts: list[Any] = args
    if op in ("is", "check", "as"):
        return _fold_test(op, imm, consts[0])
    value = rule(*consts)
    if value is None:
        return None
    if type(value) is bool:
        return Const(T.BOOL, value)
    if type(value) is float:
        return Const(T.FLOAT, value)
    return Const(T.INT, value) if _MIN <= value <= _MAX else None


def _fold_test(op: str, imm: T.Type, x: Const) -> Const | None:
    holds = T.subtype(x.type, imm)
    if op == "is":
        return Const(T.BOOL, holds)
    return x if holds else None


def _number(x: Const) -> bool:
    return x.type in (T.INT, T.FLOAT)


def _arithmetic(f: Callable[[Any, Any], Any]) -> Callable[[Const, Const], Any]:
    """Integers exactly; otherwise both as floats."""

    def rule(a: Const, b: Const) -> Any:
        if a.type == T.INT and b.type == T.INT:
            return f(a.value, b.value)
        if _number(a) and _number(b):
            return f(float(a.value), float(b.value))
        return None

    return rule


def _unary(f: Callable[[Any], Any]) -> Callable[[Const], Any]:
    return lambda a: f(a.value) if _number(a) else None


def _ordering(f: Callable[[Any, Any], bool]) -> Callable[[Const, Const], bool | None]:
    """Python compares integers with floats exactly, and strings by code point, as the language does."""

    def rule(a: Const, b: Const) -> bool | None:
        if (_number(a) and _number(b)) or (a.type == T.STR and b.type == T.STR):
            return f(a.value, b.value)
        return None

    return rule


_SCALARS: Final = T.NIL | T.BOOL | T.INT | T.FLOAT | T.STR | T.KW


def _equal(a: Const, b: Const) -> bool | None:
    if a.type != b.type:
        return False
    return bool(a.value == b.value) if a.type & _SCALARS else None


def _different(a: Const, b: Const) -> bool | None:
    same = _equal(a, b)
    return None if same is None else not same


def _mod(a: int | float, b: int | float) -> int | float | None:
    if b == 0 or not isinstance(a, int) or not isinstance(b, int):
        return None
    r = abs(a) % abs(b)
    return r if a >= 0 else -r


def _div(a: int | float, b: int | float) -> int | None:
    """Only the exact integer quotient: rounding is left to the runtime library."""
    if b == 0 or not isinstance(a, int) or not isinstance(b, int) or a % b:
        return None
    return a // b


def _saturate(x: float) -> int:
    if math.isnan(x):
        return 0
    return _MAX if x >= 2.0**63 else _MIN if x < -(2.0**63) else int(x)


def _truthy(a: Const) -> bool:
    return a.type != T.NIL and not (a.type == T.BOOL and a.value is False)


def _integer(f: Callable[[int], bool]) -> Callable[[Const], bool | None]:
    return lambda a: f(a.value) if a.type == T.INT else None


_ADD, _SUB, _MUL = _arithmetic(operator.add), _arithmetic(operator.sub), _arithmetic(operator.mul)
_LT, _LE, _GT, _GE = map(_ordering, (operator.lt, operator.le, operator.gt, operator.ge))

_RULES: Final[dict[str, Callable[..., Any]]] = {
    "num.add": _ADD, "int.add": _ADD, "float.add": _ADD,
    "num.sub": _SUB, "int.sub": _SUB, "float.sub": _SUB,
    "num.mul": _MUL, "int.mul": _MUL, "float.mul": _MUL,
    "num.mod": _arithmetic(_mod), "int.mod": _arithmetic(_mod),
    "num.div": _arithmetic(_div), "int.div": _arithmetic(_div),
    "num.inc": _unary(lambda x: x + 1), "num.dec": _unary(lambda x: x - 1),
    "num.neg": _unary(operator.neg), "int.neg": _unary(operator.neg), "float.neg": _unary(operator.neg),
    "num.abs": _unary(abs), "int.abs": _unary(abs), "float.abs": _unary(abs),
    "lt": _LT, "int.lt": _LT, "float.lt": _LT, "le": _LE, "int.le": _LE, "float.le": _LE,
    "gt": _GT, "int.gt": _GT, "float.gt": _GT, "ge": _GE, "int.ge": _GE, "float.ge": _GE,
    "eq": _equal, "int.eq": _equal, "float.eq": _equal, "bool.eq": _equal, "str.eq": _equal,
    "ne": _different, "int.ne": _different, "float.ne": _different,
    "int.min": _arithmetic(min), "int.max": _arithmetic(max),
    "int.odd": _integer(lambda n: n % 2 == 1), "num.odd": _integer(lambda n: n % 2 == 1),
    "num.even": _integer(lambda n: n % 2 == 0), "num.zero": _integer(lambda n: n == 0),
    "num.pos": _integer(lambda n: n > 0), "num.neg-p": _integer(lambda n: n < 0),
    "int.to-float": lambda a: float(a.value), "float.to-int": lambda a: _saturate(a.value),
    "truthy": _truthy, "not": lambda a: not _truthy(a), "bool.not": lambda a: not a.value,
    "is": _truthy, "check": _truthy, "as": _truthy,
}  # fmt: skip
