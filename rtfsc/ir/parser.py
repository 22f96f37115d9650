"""Reads the text form of `rtfsc.ir.text`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

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
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Site,
    Try,
    Var,
    Variant,
)
from rtfsc.ir.sexpr import Atom, Sexpr, read
from rtfsc.ir.text import CONST_NAMES, TYPE_IMM, declared_type
from rtfsc.ir.walk import deep

_CONST_HEADS: Final = {name: t for t, name in CONST_NAMES.items()} | {"kw": T.KW}


def parse_module(text: str) -> Module:
    form = _one(text, "module")
    module = Module(_text(form[1]), {})
    for item in form[2:]:
        head, *rest = _list(item)
        kind = _name(head)
        if kind == "global":
            module.globals[_name(rest[0])] = _type(rest[1])
        elif kind == "site":
            module.sites.append(Site(_int(rest[1]), _int(rest[2]), _text(rest[3]), _int(rest[4])))
        elif kind == "export":
            module.exports.append(_export(rest))
        elif kind == "function":
            function = _function(_list(item))
            module.functions[function.name] = function
        else:
            raise IRError(f"unknown part of a module: {kind}")
    return module


def parse_function(text: str) -> Function:
    return _function(_one(text, "function"))


def _one(text: str, head: str) -> list[Sexpr]:
    forms = read(text)
    if len(forms) != 1 or not isinstance(forms[0], list) or not forms[0] or _name(forms[0][0]) != head:
        raise IRError(f"expected one ({head} …)")
    return forms[0]


def _function(form: list[Sexpr]) -> Function:
    reader = _Reader()
    f = Function(_name(form[1]), [], Const(T.NIL, None))
    for item in form[2:-1]:
        head, *rest = _list(item)
        kind = _name(head)
        if kind == "params":
            f.params = [reader.variable(x) for x in rest]
        elif kind == "captures":
            f.captures = [reader.variable(x) for x in rest]
        elif kind == "self":
            f.self_var = reader.variable(rest[0])
        elif kind == "result":
            f.result = _type(rest[0])
        elif kind == "display":
            f.display_name = _text(rest[0])
        elif kind == "origin":
            f.origin = (_text(rest[0]), _int(rest[1]))
        elif kind == "rest":
            f.rest = True
        elif kind == "library":
            f.library = True
        elif kind == "pinned":
            f.pinned = True
        else:
            raise IRError(f"unknown part of a function: {kind}", f.name)
    try:
        with deep():
            f.body = reader.expr(form[-1])
    except IRError as error:
        raise IRError(str(error), f.name) from None
    except (IndexError, KeyError, ValueError, AttributeError) as error:
        raise IRError(f"malformed expression: {error!r}", f.name) from None
    return f


def _export(items: list[Sexpr]) -> Export:
    e = Export(_text(items[0]), None, [], [], ":any")
    for item in items[1:]:
        head, *rest = _list(item)
        kind = _name(head)
        if kind == "func":
            e.func = _name(rest[0])
        elif kind == "params":
            e.params = [_text(x) for x in rest]
        elif kind == "types":
            e.param_types = [_text(x) for x in rest]
        elif kind == "result":
            e.result_type = _text(rest[0])
        elif kind == "rest":
            e.rest = True
        elif kind == "doc":
            e.doc = _text(rest[0])
        elif kind == "def-hash":
            e.def_hash = _text(rest[0])
        elif kind == "interface-hash":
            e.interface_hash = _text(rest[0])
        elif kind == "effects":
            e.effects = tuple(_text(x) for x in rest)
        elif kind == "examples":
            e.examples = [_text(x) for x in rest]
        elif kind == "variant":
            e.variants.append(Variant(_name(rest[0]), tuple(_type(x) for x in rest[1:])))
        else:
            raise IRError(f"unknown part of an export: {kind}")
    return e


def _fail(what: str, got: Sexpr) -> NoReturn:
    shown = got.value if isinstance(got, Atom) else "a list"
    raise IRError(f"expected {what}, got {shown}")


def _list(x: Sexpr) -> list[Sexpr]:
    return x if isinstance(x, list) and x else _fail("a form", x)


def _name(x: Sexpr) -> str:
    return x.value if isinstance(x, Atom) and x.kind == "name" else _fail("a name", x)


def _text(x: Sexpr) -> str:
    return x.value if isinstance(x, Atom) and x.kind == "text" else _fail("a text", x)


def _int(x: Sexpr) -> int:
    if isinstance(x, Atom) and x.kind == "mark":
        return int(x.value)
    return _fail("a number", x)


def _type_of(text: str) -> T.Type:
    try:
        return T.parse(text)
    except KeyError:
        raise IRError(f"unknown type {text}") from None


def _type(x: Sexpr) -> T.Type:
    if isinstance(x, Atom):
        return _type_of(x.value)
    return _fail("a type", x)


class _Marks:
    """The trailing marks of a form, split from its operands."""

    def __init__(self, items: list[Sexpr]) -> None:
        self.operands: list[Sexpr] = []
        self.type: T.Type | None = None
        self.site = 0
        self.flags: list[str] = []
        self.imm: str | None = None
        for x in items:
            if not isinstance(x, Atom) or x.kind != "mark" or x.value[0] not in "^@![":
                self.operands.append(x)
            elif x.value[0] == "^":
                self.type = _type_of(x.value[1:])
            elif x.value[0] == "@":
                self.site = int(x.value[1:])
            elif x.value[0] == "!":
                self.flags.append(x.value[1:])
            else:
                self.imm = x.value[1:-1]


class _Reader:
    def __init__(self) -> None:
        self.vars: dict[str, Var] = {}

    def variable(self, x: Sexpr) -> Var:
        """A binding occurrence: ``name`` or ``(name type)``."""
        if isinstance(x, list):
            return self.bind(_name(x[0]), _type(x[1]) if len(x) > 1 else T.ANY)
        return self.bind(_name(x), T.ANY)

    def bind(self, name: str, t: T.Type) -> Var:
        self.vars[name] = v = Var(name, t)
        return v

    def expr(self, x: Sexpr) -> Expr:
        if isinstance(x, Atom):
            return self.atom(x)
        head = _name(_list(x)[0])
        reader = _READ.get(head)
        if reader is not None:
            return reader(self, x)
        if head in _CONST_HEADS:
            return Const(_CONST_HEADS[head], _text(x[1]))
        return self.prim(head, x)

    def exprs(self, items: list[Sexpr]) -> list[Expr]:
        return [self.expr(x) for x in items]

    def atom(self, x: Atom) -> Expr:
        if x.kind == "name":
            if x.value not in self.vars:
                raise IRError(f"unbound local {x.value}")
            return Local(self.vars[x.value])
        if x.kind == "text":
            return Const(T.STR, x.value)
        if x.value == "nil":
            return Const(T.NIL, None)
        if x.value in ("true", "false"):
            return Const(T.BOOL, x.value == "true")
        try:
            return Const(T.INT, int(x.value))
        except ValueError:
            return Const(T.FLOAT, float(x.value))

    def prim(self, op: str, x: list[Sexpr]) -> Expr:
        m = _Marks(x[1:])
        imm: Any = m.imm
        if imm is not None:
            imm = _type_of(imm) if op in TYPE_IMM else json.loads(imm)
        t = declared_type(op, imm) if m.type is None else m.type
        return Prim(op, self.exprs(m.operands), t, m.site, imm)

    def let(self, x: list[Sexpr]) -> Expr:
        bound: list[tuple[Var, Expr]] = []
        for item in x[1:-1]:
            b = _list(item)
            value = self.expr(b[-1])
            bound.append((self.bind(_name(b[0]), _type(b[1]) if len(b) == 3 else T.ANY), value))
        body = self.expr(x[-1])
        for v, value in reversed(bound):
            body = Let(v, value, body)
        return body

    def letrec(self, x: list[Sexpr]) -> Expr:
        items = [_list(item) for item in x[1:-1]]
        vars = [self.bind(_name(b[0]), _type(b[1]) if len(b) == 3 else T.ANY) for b in items]
        bindings: list[tuple[Var, Closure]] = []
        for v, b in zip(vars, items, strict=True):
            closure = self.expr(b[-1])
            if not isinstance(closure, Closure):
                raise IRError("letrec binds closures only")
            bindings.append((v, closure))
        return LetRec(bindings, self.expr(x[-1]))

    def loop(self, x: list[Sexpr]) -> Expr:
        items = [_list(item) for item in x[2:-1]]
        inits = self.exprs([b[-1] for b in items])
        vars = [self.variable(b[0]) for b in items]
        return Loop(_name(x[1]), vars, inits, self.expr(x[-1]))

    def conditional(self, x: list[Sexpr]) -> Expr:
        m = _Marks(x[1:])
        test, then, orelse = self.exprs(m.operands)
        return If(test, then, orelse, m.type)

    def call(self, x: list[Sexpr]) -> Expr:
        m = _Marks(x[2:])
        args = self.exprs(m.operands)
        closure = args.pop(0) if _name(x[0]) == "call-closure" else None
        t = T.ANY if m.type is None else m.type
        return Call(_name(x[1]), args, t, m.site, "tail" in m.flags, closure)

    def call_value(self, x: list[Sexpr]) -> Expr:
        m = _Marks(x[1:])
        callee, *args = self.exprs(m.operands)
        return CallValue(callee, args, m.site, "tail" in m.flags)

    def apply(self, x: list[Sexpr]) -> Expr:
        m = _Marks(x[1:])
        callee, args = self.exprs(m.operands)
        return Apply(callee, args, m.site, "tail" in m.flags)

    def global_(self, x: list[Sexpr]) -> Expr:
        m = _Marks(x[2:])
        return Global(_name(x[1]), T.ANY if m.type is None else m.type, "checked" in m.flags, m.site)

    def try_(self, x: list[Sexpr]) -> Expr:
        body = self.expr(x[1])
        var = self.bind(_name(_list(x[2])[0]), T.ERR)
        return Try(body, var, self.expr(x[3]))

    def const_map(self, x: list[Sexpr]) -> Expr:
        flat = self.exprs(x[1:])
        if len(flat) % 2:
            raise IRError("const-map needs pairs")
        return Const(T.MAP, tuple(zip(flat[::2], flat[1::2], strict=True)))

    def sequence(self, x: list[Sexpr]) -> Expr:
        *effects, result = self.exprs(x[1:])
        return Seq(effects, result)


_READ: Final[dict[str, Callable[[_Reader, Any], Expr]]] = {
    "let": _Reader.let,
    "letrec": _Reader.letrec,
    "do": _Reader.sequence,
    "if": _Reader.conditional,
    "loop": _Reader.loop,
    "recur": lambda r, x: Recur(_name(x[1]), r.exprs(x[2:])),
    "call": _Reader.call,
    "call-closure": _Reader.call,
    "call-value": _Reader.call_value,
    "apply": _Reader.apply,
    "closure": lambda r, x: Closure(_name(x[1]), r.exprs(x[2:])),
    "global": _Reader.global_,
    "set-global": lambda r, x: SetGlobal(_name(x[1]), r.expr(x[2])),
    "try": _Reader.try_,
    "float": lambda r, x: Const(T.FLOAT, float(_text(x[1]))),
    "const-vec": lambda r, x: Const(T.VEC, tuple(r.exprs(x[1:]))),
    "const-list": lambda r, x: Const(T.LIST, tuple(r.exprs(x[1:]))),
    "const-map": _Reader.const_map,
}
