"""The syntax tree: forms with their meaning as special forms, sugar removed.

Every node has a ``span``. Fields typed ``Any`` and named ``type`` hold a form until `rtfsc.sema.resolve`
replaces it by a `rtfsc.sema.types.TypeExpr`; ``Name.binding`` is set there too.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from rtfsc.source import Span
from rtfsc.syntax.forms import Form


class Node:
    __slots__ = ("span",)
    span: Span


class Const(Node):
    """``value`` as in `rtfsc.ir.nodes.Const`, with nested `Const` nodes in collections."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: int, value: Any, span: Span) -> None:
        self.kind, self.value, self.span = kind, value, span


class Name(Node):
    """``checked``, set by resolution: the global may be read before it is set."""

    __slots__ = ("binding", "checked", "name")

    def __init__(self, name: str, span: Span) -> None:
        self.name, self.span = name, span
        self.binding: Any = None
        self.checked = True


class VectorExpr(Node):
    __slots__ = ("items",)

    def __init__(self, items: list[Node], span: Span) -> None:
        self.items, self.span = items, span


class MapExpr(Node):
    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[Const, Node]], span: Span) -> None:
        self.pairs, self.span = pairs, span


class Collect(Node):
    """A collection of a template. ``kind`` VEC or LIST with `Splice` nodes among its parts, or MAP, whose
    parts are keys and values in turn."""

    __slots__ = ("kind", "parts")

    def __init__(self, kind: int, parts: list[Node], span: Span) -> None:
        self.kind, self.parts, self.span = kind, parts, span


class Splice(Node):
    """The elements of a value, in the place of one part of a `Collect`."""

    __slots__ = ("value",)

    def __init__(self, value: Node, span: Span) -> None:
        self.value, self.span = value, span


class Call(Node):
    __slots__ = ("args", "callee")

    def __init__(self, callee: Node, args: list[Node], span: Span) -> None:
        self.callee, self.args, self.span = callee, args, span


class PrimCall(Node):
    """``(%op args)``, only in library source; ``op`` "apply" is the Apply node of the IR."""

    __slots__ = ("args", "imm", "op")

    def __init__(self, op: str, args: list[Node], imm: str | None, span: Span) -> None:
        self.op, self.args, self.imm, self.span = op, args, imm, span


class HostCall(Node):
    """An operation of the host, see `runtime.host.session`."""

    __slots__ = ("args", "operation")

    def __init__(self, operation: str, args: list[Node], span: Span) -> None:
        self.operation, self.args, self.span = operation, args, span


class ContextRef(Node):
    """A name or, where the program binds none, a value of the host's context; else ``absent``. ``found``, set
    by resolution: the name."""

    __slots__ = ("absent", "found", "name")

    def __init__(self, name: str, absent: Const, span: Span) -> None:
        self.name, self.absent, self.span = name, absent, span
        self.found: Name | None = None


class If(Node):
    """``orelse`` None: nil."""

    __slots__ = ("orelse", "test", "then")

    def __init__(self, test: Node, then: Node, orelse: Node | None, span: Span) -> None:
        self.test, self.then, self.orelse, self.span = test, then, orelse, span


class Do(Node):
    """Forms in order; a `Def` among them is visible in those after it. Empty: nil."""

    __slots__ = ("body",)

    def __init__(self, body: list[Node], span: Span) -> None:
        self.body, self.span = body, span


class Logic(Node):
    """Short-circuit ``and`` (``conjunction``) or ``or``."""

    __slots__ = ("args", "conjunction")

    def __init__(self, conjunction: bool, args: list[Node], span: Span) -> None:
        self.conjunction, self.args, self.span = conjunction, args, span


class Bind(Node):
    """One ``pattern [: type] value`` of let, loop and for."""

    __slots__ = ("pattern", "type", "value")

    def __init__(self, pattern: Pattern, type: Any, value: Node, span: Span) -> None:
        self.pattern, self.type, self.value, self.span = pattern, type, value, span


class Let(Node):
    """``plan``, set by resolution: the order of binding, see `rtfsc.sema.recursive`."""

    __slots__ = ("binds", "body", "plan")

    def __init__(self, binds: list[Bind], body: Node, span: Span) -> None:
        self.binds, self.body, self.span = binds, body, span
        self.plan: list[Any] = []


class Param(Node):
    __slots__ = ("pattern", "type")

    def __init__(self, pattern: Pattern, type: Any, span: Span) -> None:
        self.pattern, self.type, self.span = pattern, type, span


class Fn(Node):
    """``name`` is the name of a definition, None if anonymous. ``recurs``: a ``recur`` in its body, outside
    every loop, means the function itself. ``captures``, set by resolution: the free locals, in order.
    ``pinned``: its author says where it runs (``^:delegation``)."""

    __slots__ = ("body", "captures", "name", "params", "pinned", "recurs", "rest", "result")

    def __init__(self, name: str | None, params: list[Param], rest: Param | None, result: Any, body: Node,
                 span: Span) -> None:  # fmt: skip
        self.name, self.params, self.rest, self.result, self.body = name, params, rest, result, body
        self.span = span
        self.recurs = self.pinned = False
        self.captures: dict[Any, None] = {}


class Def(Node):
    """``value`` is a `Fn` for defn and for ``(def f (fn …))``. ``doc`` is the docstring, ``meta`` what stood
    in ``^{…}`` and ``^:delegation``, as forms. ``binding`` is set by resolution."""

    __slots__ = ("binding", "doc", "meta", "name", "name_span", "type", "value")

    def __init__(self, name: str, name_span: Span, type: Any, value: Node, doc: str, meta: dict[str, Form],
                 span: Span) -> None:  # fmt: skip
        self.name, self.name_span, self.type, self.value = name, name_span, type, value
        self.doc, self.meta, self.span = doc, meta, span
        self.binding: Any = None


class StructCheck(Node):
    """The body of a constructor made by defstruct: the value, checked to be a map of the record type."""

    __slots__ = ("name", "type", "value")

    def __init__(self, name: str, type: Any, value: Node, span: Span) -> None:
        self.name, self.type, self.value, self.span = name, type, value, span


class Loop(Node):
    __slots__ = ("binds", "body")

    def __init__(self, binds: list[Bind], body: Node, span: Span) -> None:
        self.binds, self.body, self.span = binds, body, span


class Recur(Node):
    __slots__ = ("args",)

    def __init__(self, args: list[Node], span: Span) -> None:
        self.args, self.span = args, span


class For(Node):
    __slots__ = ("binds", "body")

    def __init__(self, binds: list[Bind], body: Node, span: Span) -> None:
        self.binds, self.body, self.span = binds, body, span


class Dotimes(Node):
    __slots__ = ("body", "count", "pattern")

    def __init__(self, pattern: Pattern, count: Node, body: Node, span: Span) -> None:
        self.pattern, self.count, self.body, self.span = pattern, count, body, span


class Case(Node):
    __slots__ = ("clauses", "default", "subject")

    def __init__(
        self, subject: Node, clauses: list[tuple[Const, Node]], default: Node | None, span: Span
    ) -> None:
        self.subject, self.clauses, self.default, self.span = subject, clauses, default, span


class MatchClause(Node):
    __slots__ = ("body", "guard", "pattern")

    def __init__(self, pattern: Pattern, guard: Node | None, body: Node, span: Span) -> None:
        self.pattern, self.guard, self.body, self.span = pattern, guard, body, span


class Match(Node):
    __slots__ = ("clauses", "subject")

    def __init__(self, subject: Node, clauses: list[MatchClause], span: Span) -> None:
        self.subject, self.clauses, self.span = subject, clauses, span


class Catch(Node):
    """``selector``: None for every error, a keyword (`Const`) for its ``:type``, else the name of a kind or
    group. ``patterns`` are the names that the error is bound to."""

    __slots__ = ("body", "patterns", "selector")

    def __init__(
        self, selector: Const | str | None, patterns: list[BindName], body: Node, span: Span
    ) -> None:
        self.selector, self.patterns, self.body, self.span = selector, patterns, body, span


class Try(Node):
    """``finalizer`` is a function without parameters, so that its code exists once."""

    __slots__ = ("body", "catches", "finalizer")

    def __init__(self, body: Node, catches: list[Catch], finalizer: Fn | None, span: Span) -> None:
        self.body, self.catches, self.finalizer, self.span = body, catches, finalizer, span


# --- patterns


class Wildcard(Node):
    __slots__ = ()

    def __init__(self, span: Span) -> None:
        self.span = span


class BindName(Node):
    """``local`` is set by resolution."""

    __slots__ = ("local", "name")

    def __init__(self, name: str, span: Span) -> None:
        self.name, self.span = name, span
        self.local: Any = None


class LiteralPattern(Node):
    __slots__ = ("value",)

    def __init__(self, value: Const) -> None:
        self.value, self.span = value, value.span


class TypePattern(Node):
    __slots__ = ("type",)

    def __init__(self, type: Any, span: Span) -> None:
        self.type, self.span = type, span


class VectorPattern(Node):
    """``rest``: None if closed, a `Wildcard` if the rest is not named. ``whole``: the ``:as`` name."""

    __slots__ = ("items", "rest", "whole")

    def __init__(
        self, items: list[Pattern], rest: Pattern | None, whole: BindName | None, span: Span
    ) -> None:
        self.items, self.rest, self.whole, self.span = items, rest, whole, span


class MapPattern(Node):
    """``entries``: key, pattern and the default of ``:or`` (None: nil, or no match)."""

    __slots__ = ("entries", "rest", "whole")

    def __init__(self, entries: list[tuple[Const, Pattern, Node | None]], rest: BindName | None,
                 whole: BindName | None, span: Span) -> None:  # fmt: skip
        self.entries, self.rest, self.whole, self.span = entries, rest, whole, span


class AsPattern(Node):
    __slots__ = ("name", "pattern")

    def __init__(self, name: BindName, pattern: Pattern, span: Span) -> None:
        self.name, self.pattern, self.span = name, pattern, span


Pattern: TypeAlias = (
    Wildcard | BindName | LiteralPattern | TypePattern | VectorPattern | MapPattern | AsPattern
)


class Import(Node):
    """``(import module)``; ``alias`` is that of ``:as``, ``only`` the names of ``:only`` and their places."""

    __slots__ = ("alias", "module", "module_span", "only")

    def __init__(self, module: str, module_span: Span, alias: str | None,
                 only: list[tuple[str, Span]] | None, span: Span) -> None:  # fmt: skip
        self.module, self.module_span, self.span = module, module_span, span
        self.alias, self.only = alias, only


class ModuleHead:
    """Name of a module and the names that it exports, with where they stand."""

    __slots__ = ("exports", "name", "span")

    def __init__(self, name: str, span: Span, exports: list[tuple[str, Span]]) -> None:
        self.name, self.span, self.exports = name, span, exports


class Program(Node):
    """``structs``: record types of defstruct by name, as lists of ``[key type]`` forms. ``head``: set if the
    program is the body of a module form. ``modules``: those that stand in the text beside other forms."""

    __slots__ = ("body", "head", "imports", "modules", "structs")

    def __init__(self, body: list[Node], structs: dict[str, Form], span: Span) -> None:
        self.body, self.structs, self.span = body, structs, span
        self.head: ModuleHead | None = None
        self.imports: list[Import] = []
        self.modules: list[Program] = []
