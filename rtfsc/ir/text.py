"""The IR as text, and back.

::

    (module "demo"
      (global limit int)
      (site 1 22 29 "fact" 0)
      (export "fact" (func fact) (params "n") (types ":any") (result ":any"))
      (function fact (params n) (result num) (origin "fact" 0)
        (if (lt n 2 @1) 1 (num.mul n (call fact (num.sub n 1 @1) @1) @1))))

Locals are bare names, made unique in their function (``x``, ``x.1``).  A variable is written ``name``
or ``(name type)``; a let binding ``(name value)`` or ``(name type value)``: the type is there unless it
is ``any``.  ``^type`` gives the type of a call or global that is not ``any`` and of a primitive that is
not the declared one, ``@7`` the site, ``!tail`` and ``!checked`` the flags, ``[…]`` an immediate.  An
`If` whose type is wider than its arms is ``(if ^type test then else)``.
`parse` inverts `show` exactly: ``show(parse(show(m))) == show(m)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from rtfsc.ir import types as T
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
)
from rtfsc.ir.sexpr import quote_name, quote_text
from rtfsc.ir.walk import deep
from rtfsc.primitives.ops import OPS

_WIDTH: Final = 100
_DEEPEST: Final = 60
"""Indentation stops here, so that deep trees do not print as squares of blanks."""
TYPE_IMM: Final = frozenset({"is", "as", "check"})
"""Operations whose immediate is a type."""
NARROWING: Final = frozenset({"as", "check"})
CONST_NAMES: Final = {T.SYM: "sym", T.TIMESTAMP: "timestamp", T.UUID: "uuid", T.RESOURCE: "resource"}


def show(module: Module) -> str:
    """The whole module, functions in their order."""
    parts = [f"(module {quote_text(module.name)}"]
    parts += [f"  (global {quote_name(n)} {T.show(t)})" for n, t in module.globals.items()]
    parts += [f"  {_site(i, s)}" for i, s in enumerate(module.sites, 1)]
    parts += ["  " + _export(e) for e in module.exports]
    for f in module.functions.values():
        parts.append("  " + show_function(f).replace("\n", "\n  "))
    return "\n".join(parts) + ")\n"


def show_function(function: Function) -> str:
    with deep():
        return _Printer().function(function)


def show_expr(e: Expr, limit: int = 200) -> str:
    """One expression for messages, cut off after ``limit`` characters; ill-formed ones by their class."""
    try:
        with deep():
            text = " ".join(_Printer().expr(e, 0).split())
    except (LookupError, TypeError, AttributeError, ValueError):
        return f"malformed {type(e).__name__}"
    return text if len(text) <= limit else text[:limit] + "…"


def _site(number: int, s: Site) -> str:
    return f"(site {number} {s.start} {s.end} {quote_text(s.definition)} {s.ordinal})"


def _export(e: Export) -> str:
    fields = [f"export {quote_text(e.name)}"]
    if e.func is not None:
        fields.append(f"(func {quote_name(e.func)})")
    for head, texts in (("params", e.params), ("types", e.param_types)):
        if texts:
            fields.append(f"({head} {' '.join(map(quote_text, texts))})")
    fields.append(f"(result {quote_text(e.result_type)})")
    if e.rest:
        fields.append("(rest)")
    for head, text in (("doc", e.doc), ("def-hash", e.def_hash), ("interface-hash", e.interface_hash)):
        if text:
            fields.append(f"({head} {quote_text(text)})")
    for head, texts in (("effects", list(e.effects)), ("examples", e.examples)):
        if texts:
            fields.append(f"({head} {' '.join(map(quote_text, texts))})")
    for v in e.variants:
        fields.append(f"(variant {' '.join([quote_name(v.func), *map(T.show, v.params)])})")
    return f"({' '.join(fields)})"


class _Printer:
    def __init__(self) -> None:
        self.names: dict[Var, str] = {}
        self.taken: set[str] = set()
        self.next: dict[str, int] = {}

    def name(self, v: Var) -> str:
        """The unique name of a variable, chosen when it is first met."""
        known = self.names.get(v)
        if known is not None:
            return known
        name = v.name
        while name in self.taken:
            n = self.next.get(v.name, 0) + 1
            self.next[v.name] = n
            name = f"{v.name}.{n}"
        self.taken.add(name)
        self.names[v] = quoted = quote_name(name)
        return quoted

    def param(self, v: Var) -> str:
        return self.name(v) if v.type == T.ANY else f"({self.name(v)} {T.show(v.type)})"

    def function(self, f: Function) -> str:
        head = [f"function {quote_name(f.name)}"]
        head.append(f"(params{''.join(' ' + self.param(v) for v in f.params)})")
        if f.result != T.ANY:
            head.append(f"(result {T.show(f.result)})")
        if f.rest:
            head.append("(rest)")
        if f.captures:
            head.append(f"(captures{''.join(' ' + self.param(v) for v in f.captures)})")
        if f.self_var is not None:
            head.append(f"(self {self.param(f.self_var)})")
        if f.display_name:
            head.append(f"(display {quote_text(f.display_name)})")
        if f.origin != ("", 0):
            head.append(f"(origin {quote_text(f.origin[0])} {f.origin[1]})")
        if f.library:
            head.append("(library)")
        if f.pinned:
            head.append("(pinned)")
        return f"({' '.join(head)}\n  {self.expr(f.body, 2)})"

    def expr(self, e: Expr, indent: int) -> str:
        text: str = _SHOW[type(e)](self, e, min(indent, _DEEPEST))
        return text

    def form(self, head: str, operands: list[Expr], indent: int, tail: str = "") -> str:
        """``(head operand… tail)`` in one line if it fits, else an operand a line."""
        parts = [self.expr(x, indent + 2) for x in operands]
        if not any("\n" in p for p in parts):
            line = f"({' '.join([head, *parts])}{tail})"
            if indent + len(line) <= _WIDTH:
                return line
        gap = "\n" + " " * (indent + 2)
        return f"({head}{gap}{gap.join(parts)}{tail})"

    def binding(self, v: Var, value: Expr, indent: int) -> str:
        body = self.expr(value, indent + 2)
        kind = "" if v.type == T.ANY else T.show(v.type) + " "
        gap = "\n" + " " * (indent + 2) if "\n" in body else ""
        return f"({self.name(v)} {kind}{gap}{body})"


def _marks(e: Expr, default: int) -> str:
    marks = "" if e.type == default else f" ^{T.show(e.type)}"
    if getattr(e, "tail", False):
        marks += " !tail"
    return marks + (f" @{e.site}" if e.site else "")


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return f'(float "{value!r}")'


def _const(p: _Printer, e: Const, indent: int) -> str:
    t, value = e.type, e.value
    if t == T.NIL:
        return "nil"
    if t == T.BOOL:
        return "true" if value else "false"
    if t == T.INT:
        return str(value)
    if t == T.FLOAT:
        return _float(value)
    if t == T.STR:
        return quote_text(value)
    if t == T.KW:
        return f"(kw {quote_text(value)})"
    if t in CONST_NAMES:
        return f"({CONST_NAMES[t]} {quote_text(value)})"
    if t == T.MAP:
        flat = [x for pair in value for x in pair]
        return p.form("const-map", flat, indent)
    return p.form("const-vec" if t == T.VEC else "const-list", list(value), indent)


def _global(p: _Printer, e: Global, indent: int) -> str:
    checked = " !checked" if e.checked else ""
    return f"(global {quote_name(e.name)}{checked}{_marks(e, T.ANY)})"


def _let(p: _Printer, e: Let, indent: int) -> str:
    bindings = []
    body: Expr = e
    while type(body) is Let:
        bindings.append(p.binding(body.var, body.value, indent + 2))
        body = body.body
    gap = "\n" + " " * (indent + 2)
    return f"(let {gap.join(bindings)}{gap}{p.expr(body, indent + 2)})"


def _letrec(p: _Printer, e: LetRec, indent: int) -> str:
    for v, _ in e.bindings:
        p.name(v)
    gap = "\n" + " " * (indent + 2)
    bindings = [p.binding(v, c, indent + 2) for v, c in e.bindings]
    return f"(letrec {gap.join(bindings)}{gap}{p.expr(e.body, indent + 2)})"


def _if(p: _Printer, e: If, indent: int) -> str:
    joined = e.then.type | e.orelse.type
    head = "if" if e.type == joined else f"if ^{T.show(e.type)}"
    return p.form(head, [e.test, e.then, e.orelse], indent)


def _loop(p: _Printer, e: Loop, indent: int) -> str:
    inits = [p.expr(x, indent + 4) for x in e.inits]
    names = [p.param(v) for v in e.vars]
    pairs = [f"({n} {x})" for n, x in zip(names, inits, strict=True)]
    gap = "\n" + " " * (indent + 2)
    joint = " " if all("\n" not in x for x in pairs) and sum(map(len, pairs)) < _WIDTH - indent else gap
    bindings = "".join(joint + x for x in pairs)
    return f"(loop {quote_name(e.label)}{bindings}{gap}{p.expr(e.body, indent + 2)})"


def _call(p: _Printer, e: Call, indent: int) -> str:
    marks = _marks(e, T.ANY)
    if e.closure is None:
        return p.form(f"call {quote_name(e.func)}", e.args, indent, marks)
    return p.form(f"call-closure {quote_name(e.func)}", [e.closure, *e.args], indent, marks)


def _imm(op: str, imm: Any) -> str:
    if imm is None:
        return ""
    if op in TYPE_IMM:
        return f" [{T.show(imm)}]"
    return f" [{quote_text(imm) if isinstance(imm, str) else imm}]"


def declared_type(op: str, imm: Any) -> T.Type:
    """The result type of a primitive: that of its declaration, of the immediate for narrowing ones."""
    if op in NARROWING and imm is not None:
        return int(imm)
    return OPS[op].result if op in OPS else T.ANY


def _prim(p: _Printer, e: Prim, indent: int) -> str:
    return p.form(e.op + _imm(e.op, e.imm), e.args, indent, _marks(e, declared_type(e.op, e.imm)))


def _try(p: _Printer, e: Try, indent: int) -> str:
    gap = "\n" + " " * (indent + 2)
    body = p.expr(e.body, indent + 2)
    return f"(try{gap}{body}{gap}({p.name(e.var)})\n{' ' * (indent + 2)}{p.expr(e.handler, indent + 2)})"


_SHOW: Final[dict[type, Callable[..., str]]] = {
    Const: _const,
    Local: lambda p, e, i: p.name(e.var),
    Global: _global,
    SetGlobal: lambda p, e, i: p.form(f"set-global {quote_name(e.name)}", [e.value], i),
    Let: _let,
    LetRec: _letrec,
    Seq: lambda p, e, i: p.form("do", [*e.effects, e.result], i),
    If: _if,
    Loop: _loop,
    Recur: lambda p, e, i: p.form(f"recur {quote_name(e.label)}", e.args, i),
    Call: _call,
    CallValue: lambda p, e, i: p.form("call-value", [e.callee, *e.args], i, _marks(e, T.ANY)),
    Apply: lambda p, e, i: p.form("apply", [e.callee, e.args], i, _marks(e, T.ANY)),
    Closure: lambda p, e, i: p.form(f"closure {quote_name(e.func)}", e.captures, i),
    Prim: _prim,
    Try: _try,
}


def parse(text: str) -> Module:
    """Reads one module; raises IRError."""
    from rtfsc.ir.parser import parse_module

    return parse_module(text)


def parse_function(text: str) -> Function:
    """Reads one ``(function …)``; raises IRError."""
    from rtfsc.ir.parser import parse_function as read_function

    return read_function(text)
