"""Tests of `If` as jumps, without making the boolean where an instruction compares and jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import Const, Expr, If, Prim
from runtime.evaluator.code import Label

if TYPE_CHECKING:
    from runtime.evaluator.function import FunctionCompiler

_OPPOSITE: Final = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_MIRROR: Final = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
_INT: Final = {f"int.{name}": name for name in _OPPOSITE}
_FLOAT: Final = {f"float.{name}": name for name in _OPPOSITE}
_ANY: Final = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})

_BY_IDENTITY: Final = T.NIL | T.BOOL | T.KW | T.SYM
"""Kinds of which equal values are the same 64 bits."""


def compile_branch(c: FunctionCompiler, test: Expr, to: Label, sense: bool) -> None:
    """Jumps to the label if the test comes out as ``sense``, else goes on. Keeps no temporaries."""
    top = c.top
    if type(test) is Const:
        if bool(test.value) == sense:
            c.asm.jump("jump", to=to)
    elif type(test) is If:
        _conditional(c, test, to, sense)
    elif type(test) is Prim:
        _primitive(c, test, to, sense)
    else:
        _boolean(c, c.operand(test, "i32"), to, sense)
    c.top = top


def _conditional(c: FunctionCompiler, test: If, to: Label, sense: bool) -> None:
    orelse, end = Label(), Label()
    compile_branch(c, test.test, orelse, False)
    compile_branch(c, test.then, to, sense)
    c.asm.jump("jump", to=end)
    c.asm.place(orelse)
    compile_branch(c, test.orelse, to, sense)
    c.asm.place(end)


def _primitive(c: FunctionCompiler, test: Prim, to: Label, sense: bool) -> None:
    if test.op == "bool.not":
        compile_branch(c, test.args[0], to, not sense)
    elif test.op in ("truthy", "not"):
        s = c.operand(test.args[0], "val")
        c.asm.jump("jump_truthy" if sense == (test.op == "truthy") else "jump_falsy", s, to=to)
    elif test.op == "routed":
        c.asm.jump("jump_routed" if sense else "jump_unrouted", test.imm, to=to)
    elif test.op in _INT:
        _integers(c, test, to, sense)
    elif test.op in _FLOAT:
        _floats(c, test, to, sense)
    elif test.op in ("eq", "ne") and any(T.subtype(x.type, _BY_IDENTITY) for x in test.args):
        a, b = c.operands(test.args, ["val", "val"])
        c.asm.jump("jump_int_eq" if sense == (test.op == "eq") else "jump_int_ne", a, b, to=to)
    elif test.op in _ANY:
        name, wanted = ("eq", not sense) if test.op == "ne" else (test.op, sense)
        a, b = c.operands(test.args, ["val", "val"])
        c.asm.jump(f"jump_{name}", a, b, int(wanted), to=to, site=test.site)
    else:
        _other(c, test, to, sense)


def _integers(c: FunctionCompiler, test: Prim, to: Label, sense: bool) -> None:
    comparison = _INT[test.op] if sense else _OPPOSITE[_INT[test.op]]
    left, right = test.args
    if type(left) is Const and type(right) is not Const:
        left, right, comparison = right, left, _MIRROR[comparison]
    a = c.operand(left, "i64")
    if type(right) is Const and -(2**31) <= right.value < 2**31:
        c.asm.jump(f"jump_int_{comparison}_imm", a, right.value, to=to)
    else:
        c.asm.jump(f"jump_int_{comparison}", a, c.operand(right, "i64"), to=to)


def _floats(c: FunctionCompiler, test: Prim, to: Label, sense: bool) -> None:
    comparison = _FLOAT[test.op]
    a, b = c.operands(test.args, ["f64", "f64"])
    if comparison in ("gt", "ge"):
        a, b, comparison = b, a, _MIRROR[comparison]
    elif comparison == "ne":
        comparison, sense = "eq", not sense
    c.asm.jump(f"jump_float_{comparison}", a, b, int(sense), to=to)


def _other(c: FunctionCompiler, test: Prim, to: Label, sense: bool) -> None:
    """An operation whose result may be a boxed boolean: tested as it comes."""
    slot = c.reserve()
    if c.prim(test, slot, "i32") == "i32":
        _boolean(c, slot, to, sense)
    elif test.type != T.NEVER:
        c.asm.jump("jump_truthy" if sense else "jump_falsy", slot, to=to)


def _boolean(c: FunctionCompiler, slot: int, to: Label, sense: bool) -> None:
    c.asm.jump("jump_true" if sense else "jump_false", slot, to=to)
