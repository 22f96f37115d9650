"""Bytes to IR: every length, index and number is checked, nesting is bounded, nothing is evaluated.

What comes out is well-formed as a data structure only; `verify` decides whether it makes sense."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn

from rtfsc.ir import types as T
from rtfsc.ir.encode import KINDS, TEXT_CONSTS
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import (
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Export,
    Expr,
    Function,
    Global,
    Guard,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Site,
    Try,
    Var,
    Variant,
)
from rtfsc.ir.walk import MAX_DEPTH

_ALL_TYPES: Final = T.ANY | T.BUILDER
_MAX_NUMBER: Final = 1 << 70


class Reader:
    """Reads from ``data[position:end]``."""

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end
        self.strings: list[str] = []

    def fail(self, what: str) -> NoReturn:
        raise IRError(f"corrupt IR at byte {self.position}: {what}")

    def u(self) -> int:
        data, at, end = self.data, self.position, self.end
        result = shift = 0
        while at < end:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                if (byte == 0 and shift) or result >= _MAX_NUMBER:
                    self.fail("number not in canonical form")
                self.position = at
                return result
            shift += 7
            if shift > 70:
                self.fail("number too long")
        return self.fail("unexpected end")

    def i(self) -> int:
        n = self.u()
        return ~(n >> 1) if n & 1 else n >> 1

    def count(self) -> int:
        """Of things that take at least a byte each."""
        n = self.u()
        if n > self.end - self.position:
            self.fail("count beyond the end")
        return n

    def raw(self, n: int) -> bytes:
        if n > self.end - self.position:
            self.fail("length beyond the end")
        at = self.position
        self.position = at + n
        return self.data[at : at + n]

    def read_strings(self) -> None:
        for _ in range(self.count()):
            try:
                self.strings.append(self.raw(self.u()).decode())
            except UnicodeDecodeError:
                self.fail("text is not UTF-8")

    def s(self) -> str:
        n = self.u()
        if n >= len(self.strings):
            self.fail("no such string")
        return self.strings[n]

    def texts(self) -> list[str]:
        return [self.s() for _ in range(self.count())]

    def t(self) -> T.Type:
        n = self.u()
        t = n - 1 if n else T.ANY
        if t & ~_ALL_TYPES:
            self.fail("no such type")
        return t

    def done(self) -> None:
        if self.position != self.end:
            self.fail("unexpected bytes after the end")


def decode_function(data: bytes, position: int = 0, end: int | None = None) -> Function:
    r = _FunctionReader(data, position, end)
    r.read_strings()
    name, display, definition, ordinal = r.s(), r.s(), r.s(), r.u()
    flags = r.u()
    result = r.t()
    params, captures = r.vars_(), r.vars_()
    self_var = r.var() if flags & 4 else None
    body = r.expr()
    r.done()
    return Function(
        name, params, body, result, bool(flags & 1), captures, self_var, display,
        (definition, ordinal), bool(flags & 2), bool(flags & 8),
    )  # fmt: skip


def decode_export(r: Reader) -> Export:
    name, flags = r.s(), r.u()
    func = r.s() if flags & 2 else None
    params, types = r.texts(), r.texts()
    result, doc, def_hash, interface_hash = r.s(), r.s(), r.s(), r.s()
    effects, examples = tuple(r.texts()), r.texts()
    variants = []
    for _ in range(r.count()):
        target = r.s()
        variants.append(Variant(target, tuple(r.t() for _ in range(r.count()))))
    return Export(
        name, func, params, types, result, bool(flags & 1), doc, effects,
        def_hash, interface_hash, variants, examples,
    )  # fmt: skip


def decode_guard(r: Reader) -> Guard:
    symbol, export, described = r.s(), r.s(), r.u()
    if described > 1:
        r.fail("malformed guard")
    return Guard(symbol, export, decode_export(r) if described else None)


def decode_site(r: Reader) -> Site:
    return Site(r.u(), r.u(), r.s(), r.u())


class _FunctionReader(Reader):
    def __init__(self, data: bytes, position: int, end: int | None) -> None:
        super().__init__(data, position, end)
        self.vars: list[Var] = []
        self.depth = 0

    def var(self) -> Var:
        v = Var(self.s(), self.t())
        self.vars.append(v)
        return v

    def vars_(self) -> list[Var]:
        return [self.var() for _ in range(self.count())]

    def nest(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("nested too deeply")

    def expr(self) -> Expr:
        if self.position >= self.end:
            self.fail("unexpected end")
        tag = self.data[self.position]
        self.position += 1
        if tag >= len(_READ):
            self.fail("no such node")
        self.nest()
        e = _READ[tag](self)
        self.depth -= 1
        return e

    def exprs(self) -> list[Expr]:
        return [self.expr() for _ in range(self.count())]

    def local(self) -> Expr:
        n = self.u()
        if n >= len(self.vars):
            self.fail("no such variable")
        return Local(self.vars[n])

    def const(self) -> Const:
        t = self.t()
        value: Any = None
        if t == T.BOOL:
            value = bool(self.u())
        elif t == T.INT:
            value = self.i()
        elif t == T.FLOAT:
            value = struct.unpack("<d", self.raw(8))[0]
        elif t in TEXT_CONSTS:
            value = self.s()
        elif t in (T.MAP, T.VEC, T.LIST):
            value = self.items(t)
        elif t != T.NIL:
            self.fail("no such constant")
        return Const(t, value)

    def items(self, t: T.Type) -> tuple[Any, ...]:
        self.nest()
        n = self.count()
        if t == T.MAP:
            value: tuple[Any, ...] = tuple([(self.const(), self.const()) for _ in range(n)])
        else:
            value = tuple([self.const() for _ in range(n)])
        self.depth -= 1
        return value

    def global_(self) -> Expr:
        name, t, flags = self.s(), self.t(), self.u()
        return Global(name, t, bool(flags & 1), flags >> 1)

    def let(self) -> Expr:
        value = self.expr()
        v = self.var()
        return Let(v, value, self.expr())

    def letrec(self) -> Expr:
        vars = self.vars_()
        bindings = [(v, self.closure()) for v in vars]
        return LetRec(bindings, self.expr())

    def conditional(self) -> Expr:
        t = self.t()
        return If(self.expr(), self.expr(), self.expr(), t)

    def loop(self) -> Expr:
        label, inits, vars = self.s(), self.exprs(), self.vars_()
        return Loop(label, vars, inits, self.expr())

    def call(self) -> Expr:
        func, t, flags = self.s(), self.t(), self.u()
        closure = self.expr() if flags & 1 else None
        return Call(func, self.exprs(), t, flags >> 2, bool(flags & 2), closure)

    def call_value(self) -> Expr:
        flags = self.u()
        callee = self.expr()
        return CallValue(callee, self.exprs(), flags >> 1, bool(flags & 1))

    def apply(self) -> Expr:
        flags = self.u()
        callee = self.expr()
        return Apply(callee, self.expr(), flags >> 1, bool(flags & 1))

    def closure(self) -> Closure:
        return Closure(self.s(), self.exprs())

    def prim(self) -> Expr:
        op, t, flags = self.s(), self.t(), self.u()
        imm: Any = None
        if flags & 3 == 1:
            imm = self.i()
        elif flags & 3 == 2:
            imm = self.s()
        return Prim(op, self.exprs(), t, flags >> 2, imm)

    def try_(self) -> Expr:
        body = self.expr()
        v = self.var()
        return Try(body, v, self.expr())


_READERS: Final[dict[type, Callable[[_FunctionReader], Expr]]] = {
    Const: _FunctionReader.const,
    Local: _FunctionReader.local,
    Global: _FunctionReader.global_,
    SetGlobal: lambda r: SetGlobal(r.s(), r.expr()),
    Let: _FunctionReader.let,
    LetRec: _FunctionReader.letrec,
    Seq: lambda r: Seq(r.exprs(), r.expr()),
    If: _FunctionReader.conditional,
    Loop: _FunctionReader.loop,
    Recur: lambda r: Recur(r.s(), r.exprs()),
    Call: _FunctionReader.call,
    CallValue: _FunctionReader.call_value,
    Apply: _FunctionReader.apply,
    Closure: _FunctionReader.closure,
    Prim: _FunctionReader.prim,
    Try: _FunctionReader.try_,
}
_READ: Final = [_READERS[kind] for kind in KINDS]
