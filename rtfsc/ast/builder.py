"""Builds the syntax tree from forms: special forms are a table over the head symbol of a list (C49).

A handler raises `Fault` for a malformed form; it is reported and the form stands for nil, so that one run
finds several faults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from rtfsc.ast.annotations import PRIMITIVES, is_type_name
from rtfsc.ast.nodes import (
    BindName,
    Call,
    Const,
    Def,
    Do,
    MapExpr,
    ModuleHead,
    Name,
    Node,
    PrimCall,
    Program,
    VectorExpr,
)
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.source import Span, covering
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector

CHAIN_LIMIT = 1000
"""Most clauses, bindings or steps of one form: each is one level of the tree."""

MAP_KEYS = T.KW | T.STR | T.INT


class Fault(Exception):
    """A form that cannot be understood; becomes a diagnostic."""

    def __init__(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.code, self.message, self.span, self.hint = code, message, span, hint


Handler = Callable[["Builder", List], Node]


@cache
def _tables() -> tuple[dict[str, Handler], dict[str, Handler]]:
    """Handlers of names that are always reserved, and of those that a program may define itself (C23)."""
    from rtfsc.ast import control, core, declare, host, modules, sugar, templates

    return (
        core.RESERVED | control.RESERVED | modules.RESERVED | templates.RESERVED | host.RESERVED,
        core.SOFT | control.SOFT | sugar.SOFT | templates.SOFT | host.SOFT | declare.SOFT,
    )


def reserved_names() -> frozenset[str]:
    """Heads of special forms that no program can define otherwise."""
    return frozenset(_tables()[0])


def special_names() -> frozenset[str]:
    """Heads of all special forms."""
    return frozenset().union(*_tables())


class Builder:
    """``user``: the names that the program defines at top level; they hide special forms that are not
    reserved. ``soft_locals``: names of such forms that are bound around the current form. ``syntax``: quoted
    data stand for forms, as in the body of a macro."""

    def __init__(self, sink: Sink, *, library: bool = False, syntax: bool = False) -> None:
        self.sink = sink
        self.syntax = syntax
        self.library = library
        self.reserved, self.soft = _tables()
        self.user: set[str] = set()
        self.structs: dict[str, Form] = {}
        self.soft_locals: list[str] = []
        self.recur_targets: list[list[bool]] = []
        self.short_fn = False

    def program(self, forms: Sequence[Form]) -> Program:
        from rtfsc.ast.modules import is_module

        if len(forms) == 1 and is_module(forms[0]):
            return self.module(forms[0])  # type: ignore[arg-type]
        span = covering(forms[0].span, forms[-1].span) if forms else Span(0, 0)
        return self._program(forms, span)

    def module(self, form: List) -> Program:
        """The program in a module form; its value tells what it is."""
        from rtfsc.ast.modules import module_head

        try:
            head, forms = module_head(form)
        except Fault as fault:
            self.fault(fault)
            return Program([], {}, form.span)
        program = self._program(forms, form.span)
        program.head = head
        program.body.append(module_value(head))
        return program

    def _program(self, forms: Sequence[Form], span: Span) -> Program:
        from rtfsc.ast.modules import names_of_imports

        self._collect(forms)
        self.user.update(names_of_imports(forms))
        program = Program([], self.structs, span)
        for form in forms:
            program.body.append(self._top(form, program))
        return program

    def _top(self, form: Form, program: Program) -> Node:
        """A top-level form; modules and imports stand nowhere else."""
        from rtfsc.ast.modules import build_import, head_of, is_module

        if is_module(form):
            inner = Builder(self.sink).module(form)  # type: ignore[arg-type]
            program.modules.append(inner)
            return inner.body[-1] if inner.head else Const(T.NIL, None, form.span)
        if type(form) is List and head_of(form) == "import":
            try:
                program.imports.append(build_import(form))
            except Fault as fault:
                self.fault(fault)
            return Const(T.NIL, None, form.span)
        return self.build(form)

    def build(self, form: Form) -> Node:
        return _BUILD[type(form)](self, form)

    def body(self, forms: Sequence[Form], span: Span) -> Node:
        """The forms of a body as one node; names that it defines end with it."""
        mark = len(self.soft_locals)
        nodes = [self.build(form) for form in forms]
        if any(type(node) is Do for node in nodes):
            nodes = _flat(nodes)
        del self.soft_locals[mark:]
        return nodes[0] if len(nodes) == 1 else Do(nodes, span)

    def fault(self, fault: Fault) -> None:
        self.sink.error(fault.code, fault.message, fault.span, hint=fault.hint)

    def bind_name(self, name: str, span: Span) -> BindName:
        if name in self.soft:
            self.soft_locals.append(name)
        return BindName(name, span)

    def knows_type(self, name: str) -> bool:
        return is_type_name(name, self.structs)

    def handler(self, name: str) -> Handler | None:
        found = self.reserved.get(name)
        if found is None:
            found = self.soft.get(name)
            if found is not None and (name in self.user or name in self.soft_locals):
                return None
        return found

    def _collect(self, forms: Sequence[Form]) -> None:
        for form in forms:
            while type(form) is Meta:
                form = form.form
            if type(form) is not List or not form.items or type(form.items[0]) is not Symbol:
                continue
            head = form.items[0].name
            if head == "do":
                self._collect(form.items[1:])
            elif head in ("def", "defn", "defstruct") and len(form.items) > 1:
                target = form.items[1]
                while type(target) is Meta:
                    target = target.form
                if type(target) is Symbol:
                    self.user.add(target.name)
                    if head == "defstruct" and target.name.lower() not in PRIMITIVES:
                        self.structs[target.name] = form

    # --- forms

    def _list(self, form: List) -> Node:
        items = form.items
        if not items:
            return Const(T.LIST, (), form.span)
        head = items[0]
        if type(head) is Symbol:
            name = head.name
            handler = self.handler(name)
            if handler is not None:
                try:
                    return handler(self, form)
                except Fault as fault:
                    self.fault(fault)
                    return Const(T.NIL, None, form.span)
            if name[0] == "%" and self.library and len(name) > 1:
                return self._primitive(name[1:], form)
            if name[0] == "." and len(items) > 1:
                head, items = self._method(head, items)
        return Call(self.build(head), [self.build(item) for item in items[1:]], form.span)

    def _method(self, head: Symbol, items: list[Form]) -> tuple[Symbol, list[Form]]:
        """``(.m target a)`` and ``(. m target a)`` are ``(m target a)``."""
        if len(head.name) > 1:
            return Symbol(head.name[1:], head.span), items
        method = items[1]
        if type(method) is not Symbol or len(items) < 3:
            self.sink.error(
                "F001", "Malformed method call", head.span, hint="write (.method target arguments …)"
            )
            return head, items
        return method, items[1:]

    def _primitive(self, op: str, form: List) -> PrimCall:
        from rtfsc.primitives.ops import OPS

        args, imm = form.items[1:], None
        if op != "apply" and OPS[op].imm:
            last = args.pop()
            assert type(last) is Literal and isinstance(last.value, str), f"%{op} needs a literal text"
            imm = last.value
        return PrimCall(op, [self.build(arg) for arg in args], imm, form.span)

    def _symbol(self, form: Symbol) -> Node:
        name = form.name
        if name == "%" and self.short_fn:
            name = "%1"
        if name in (":", "&"):
            self.sink.error("F001", f"Unexpected {name!r} in an expression", form.span)
        return Name(name, form.span)

    def _literal(self, form: Literal) -> Node:
        return Const(form.kind, form.value, form.span)

    def _keyword(self, form: Keyword) -> Node:
        return Const(T.KW, form.name, form.span)

    def _vector(self, form: Vector) -> Node:
        items = [self.build(item) for item in form.items]
        if all(type(item) is Const for item in items):
            return Const(T.VEC, tuple(items), form.span)
        return VectorExpr(items, form.span)

    def _map(self, form: Map) -> Node:
        pairs = [(self.map_key(key), self.build(value)) for key, value in form.pairs]
        if all(type(value) is Const for _, value in pairs):
            return Const(T.MAP, unique_pairs(pairs), form.span)
        return MapExpr(pairs, form.span)

    def map_key(self, form: Form) -> Const:
        key = self.constant(form)
        if key is None or not key.kind & MAP_KEYS:
            self.sink.error("S011", "Map keys are keywords, strings and integers", form.span)
            return Const(T.NIL, None, form.span)
        return key

    def constant(self, form: Form) -> Const | None:
        """A literal or keyword, None for anything else."""
        if type(form) is Literal:
            return Const(form.kind, form.value, form.span)
        if type(form) is Keyword:
            return Const(T.KW, form.name, form.span)
        return None

    def _meta(self, form: Meta) -> Node:
        from rtfsc.ast.host import with_hints

        return with_hints(self, form)

    def _short(self, form: ShortFn) -> Node:
        from rtfsc.ast.core import build_short_fn

        try:
            return build_short_fn(self, form)
        except Fault as fault:
            self.fault(fault)
            return Const(T.NIL, None, form.span)


def module_value(head: ModuleHead) -> Const:
    """``{"name" "a.b" "exports" ["x"]}``"""
    exports = tuple(Const(T.STR, name, span) for name, span in head.exports)
    pairs = (
        (Const(T.STR, "name", head.span), Const(T.STR, head.name, head.span)),
        (Const(T.STR, "exports", head.span), Const(T.VEC, exports, head.span)),
    )
    return Const(T.MAP, pairs, head.span)


def _flat(nodes: list[Node]) -> list[Node]:
    """The forms of a body with those of a do that defines something in its place: do opens no scope."""
    flat: list[Node] = []
    for node in nodes:
        inner = _flat(node.body) if type(node) is Do else [node]
        flat += inner if any(type(x) is Def for x in inner) else [node]
    return flat


def unique_pairs(pairs: Sequence[tuple[Const, Node]]) -> tuple[tuple[Const, Node], ...]:
    """Constant pairs as a map holds them: the last value of a key, at the place of the first."""
    unique: dict[tuple[int, object], tuple[Const, Node]] = {}
    for key, value in pairs:
        at = (key.kind, key.value)
        unique[at] = (unique[at][0] if at in unique else key, value)
    return tuple(unique.values())


_BUILD: dict[type, Callable[[Builder, Any], Node]] = {
    List: Builder._list,
    Symbol: Builder._symbol,
    Literal: Builder._literal,
    Keyword: Builder._keyword,
    Vector: Builder._vector,
    Map: Builder._map,
    Meta: Builder._meta,
    ShortFn: Builder._short,
}


def build(forms: Sequence[Form], sink: Sink, *, library: bool = False, syntax: bool = False) -> Program:
    """The tree of a program. Faults go to ``sink`` as errors (F…, S011)."""
    return Builder(sink, library=library, syntax=syntax).program(forms)
