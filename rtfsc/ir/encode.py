"""IR to bytes. The format is described in `serial`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from rtfsc.ir import types as T
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
)
from rtfsc.ir.text import CONST_NAMES

# Tags of expressions. The order is part of the format.
KINDS: Final[tuple[type[Expr], ...]] = (
    Const, Local, Global, SetGlobal, Let, LetRec, Seq, If, Loop, Recur, Call, CallValue, Apply, Closure,
    Prim, Try,
)  # fmt: skip
TAGS: Final = {kind: i for i, kind in enumerate(KINDS)}
TEXT_CONSTS: Final = frozenset({T.STR, T.KW, *CONST_NAMES})


class Writer:
    """Bytes with LEB128 numbers and a table of the strings used, written before the rest."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.strings: dict[str, int] = {}

    def u(self, n: int) -> None:
        out = self.out
        while n > 0x7F:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)

    def i(self, n: int) -> None:
        self.u(n << 1 if n >= 0 else ~(n << 1))

    def s(self, text: str) -> None:
        self.u(self.strings.setdefault(text, len(self.strings)))

    def texts(self, items: list[str] | tuple[str, ...]) -> None:
        self.u(len(items))
        for x in items:
            self.s(x)

    def t(self, t: T.Type) -> None:
        self.u(0 if t == T.ANY else t + 1)

    def finish(self) -> bytes:
        """The string table and what was written."""
        head = Writer()
        head.u(len(self.strings))
        for text in self.strings:
            data = text.encode()
            head.u(len(data))
            head.out += data
        return bytes(head.out + self.out)


def encode_function(f: Function) -> bytes:
    w = FunctionWriter()
    w.s(f.name)
    w.s(f.display_name)
    w.s(f.origin[0])
    w.u(f.origin[1])
    w.u(f.rest | f.library << 1 | (f.self_var is not None) << 2 | f.pinned << 3)
    w.t(f.result)
    w.vars(f.params)
    w.vars(f.captures)
    if f.self_var is not None:
        w.var(f.self_var)
    w.expr(f.body)
    return w.finish()


def encode_export(w: Writer, e: Export) -> None:
    w.s(e.name)
    w.u(e.rest | (e.func is not None) << 1)
    if e.func is not None:
        w.s(e.func)
    w.texts(e.params)
    w.texts(e.param_types)
    for text in (e.result_type, e.doc, e.def_hash, e.interface_hash):
        w.s(text)
    w.texts(e.effects)
    w.texts(e.examples)
    w.u(len(e.variants))
    for v in e.variants:
        w.s(v.func)
        w.u(len(v.params))
        for t in v.params:
            w.t(t)


def encode_guard(w: Writer, g: Guard) -> None:
    w.s(g.symbol)
    w.s(g.export)
    w.u(g.interface is not None)
    if g.interface is not None:
        encode_export(w, g.interface)


def encode_site(w: Writer, s: Site) -> None:
    w.u(s.start)
    w.u(s.end)
    w.s(s.definition)
    w.u(s.ordinal)


class FunctionWriter(Writer):
    """What is written for names, labels and sites can be overridden (`canonical` leaves them out)."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[Var, int] = {}

    def var(self, v: Var) -> None:
        """A binding occurrence: variables are numbered as they are bound."""
        self.numbers[v] = len(self.numbers)
        self.s(v.name)
        self.t(v.type)

    def vars(self, vars: list[Var]) -> None:
        self.u(len(vars))
        for v in vars:
            self.var(v)

    def site(self, e: Expr) -> int:
        return e.site

    def function_name(self, name: str) -> None:
        self.s(name)

    def global_name(self, name: str) -> None:
        self.s(name)

    def label(self, name: str) -> None:
        self.s(name)

    def expr(self, e: Expr) -> None:
        kind = type(e)
        if kind not in TAGS:
            raise IRError(f"unknown node {kind.__name__}")
        self.out.append(TAGS[kind])
        _WRITE[kind](self, e)

    def exprs(self, items: list[Any]) -> None:
        self.u(len(items))
        for x in items:
            self.expr(x)

    def local(self, e: Local) -> None:
        number = self.numbers.get(e.var)
        if number is None:
            raise IRError(f"unbound local {e.var.name}")
        self.u(number)

    def const(self, e: Const) -> None:
        self.t(e.type)
        value = e.value
        if e.type == T.BOOL:
            self.u(bool(value))
        elif e.type == T.INT:
            self.i(value)
        elif e.type == T.FLOAT:
            self.out += struct.pack("<d", value)
        elif e.type in TEXT_CONSTS:
            self.s(value)
        elif e.type == T.MAP:
            self.u(len(value))
            for k, v in value:
                self.const(k)
                self.const(v)
        elif e.type in (T.VEC, T.LIST):
            self.u(len(value))
            for x in value:
                self.const(x)
        elif e.type != T.NIL:
            raise IRError(f"constant of type {T.show(e.type)}")

    def global_(self, e: Global) -> None:
        self.global_name(e.name)
        self.t(e.type)
        self.u(self.site(e) << 1 | e.checked)

    def set_global(self, e: SetGlobal) -> None:
        self.global_name(e.name)
        self.expr(e.value)

    def let(self, e: Let) -> None:
        self.expr(e.value)
        self.var(e.var)
        self.expr(e.body)

    def letrec(self, e: LetRec) -> None:
        self.vars([v for v, _ in e.bindings])
        for _, c in e.bindings:
            self.closure(c)
        self.expr(e.body)

    def seq(self, e: Seq) -> None:
        self.exprs(e.effects)
        self.expr(e.result)

    def conditional(self, e: If) -> None:
        self.t(e.type)
        self.expr(e.test)
        self.expr(e.then)
        self.expr(e.orelse)

    def loop(self, e: Loop) -> None:
        self.label(e.label)
        self.exprs(e.inits)
        self.vars(e.vars)
        self.expr(e.body)

    def recur(self, e: Recur) -> None:
        self.label(e.label)
        self.exprs(e.args)

    def call(self, e: Call) -> None:
        self.function_name(e.func)
        self.t(e.type)
        self.u(self.site(e) << 2 | e.tail << 1 | (e.closure is not None))
        if e.closure is not None:
            self.expr(e.closure)
        self.exprs(e.args)

    def call_value(self, e: CallValue) -> None:
        self.u(self.site(e) << 1 | e.tail)
        self.expr(e.callee)
        self.exprs(e.args)

    def apply(self, e: Apply) -> None:
        self.u(self.site(e) << 1 | e.tail)
        self.expr(e.callee)
        self.expr(e.args)

    def closure(self, e: Closure) -> None:
        self.function_name(e.func)
        self.exprs(e.captures)

    def prim(self, e: Prim) -> None:
        self.s(e.op)
        self.t(e.type)
        self.u(self.site(e) << 2 | (0 if e.imm is None else 2 if isinstance(e.imm, str) else 1))
        if isinstance(e.imm, str):
            self.s(e.imm)
        elif e.imm is not None:
            self.i(e.imm)
        self.exprs(e.args)

    def try_(self, e: Try) -> None:
        self.expr(e.body)
        self.var(e.var)
        self.expr(e.handler)


_WRITE: Final[dict[type, Callable[..., None]]] = {
    Const: FunctionWriter.const,
    Local: FunctionWriter.local,
    Global: FunctionWriter.global_,
    SetGlobal: FunctionWriter.set_global,
    Let: FunctionWriter.let,
    LetRec: FunctionWriter.letrec,
    Seq: FunctionWriter.seq,
    If: FunctionWriter.conditional,
    Loop: FunctionWriter.loop,
    Recur: FunctionWriter.recur,
    Call: FunctionWriter.call,
    CallValue: FunctionWriter.call_value,
    Apply: FunctionWriter.apply,
    Closure: FunctionWriter.closure,
    Prim: FunctionWriter.prim,
    Try: FunctionWriter.try_,
}
