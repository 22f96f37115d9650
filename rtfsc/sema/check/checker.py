"""State of the checker, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Label, Sink
from rtfsc.ir import types as T
from rtfsc.sema.algebra.convert import from_data
from rtfsc.sema.algebra.model import ANY, NEVER, Type, of_kinds
from rtfsc.sema.algebra.relations import consistent, subtype
from rtfsc.sema.scopes import GlobalDef, Local
from rtfsc.sema.types import ANY as ANY_EXPR
from rtfsc.sema.types import TypeExpr
from rtfsc.source import Span

DEMAND_LIMIT = 40
"""Most functions that are looked into before their turn because others call them."""


class Want(NamedTuple):
    """What a value must be: the type, as text, what the value is for, and where that is declared."""

    type: Type
    text: str
    what: str
    labels: tuple[Label, ...] = ()


class Checker:
    """``types``: of locals, as known at the place of the walk. ``functions``: types of functions that have
    been walked, None during the walk. ``quiet``: above 0 in code that cannot run."""

    def __init__(self, sink: Sink, *, strict: bool = False) -> None:
        self.sink = sink
        self.strict = strict
        self.types: dict[Local, Type] = {}
        self.globals: dict[GlobalDef, Type] = {}
        self.functions: dict[A.Fn, Type | None] = {}
        self.named: dict[A.Fn, Span] = {}
        self.recur: list[list[Want | None] | None] = [None]
        self.recurred: list[list[Type]] = []
        self.quiet = 0
        self.demanded = 0
        self._declared: dict[str, Type] = {}
        self.constants: dict[tuple[int, Any], Type] = {}

    def visit(self, node: A.Node, want: Want | None = None) -> Type:
        """The type of a node. ``want``: what its value must be; reported where the value comes from."""
        structural = TAILED.get(type(node))
        if structural is not None:
            return structural(self, node, want)
        t = SIMPLE.get(type(node), _unknown_node)(self, node)
        if want is not None:
            self.require(t, want, node.span)
        return t

    def require(self, t: Type, want: Want, span: Span) -> None:
        expected = want.type
        if t is expected or self.quiet or expected.kinds == T.ANY:
            return
        if not t.parts and t.kinds & ~expected.kinds == 0:
            return
        if not consistent(t, expected):
            self.conflict(t, want, span)
        elif self.strict and not subtype(t, expected):
            from rtfsc.sema.algebra.show import describe

            self.sink.warning(
                "N007",
                f"Not proved: {want.what} must be {want.text}, and this may be {describe(t)}",
                span,
                want.labels,
            )

    def conflict(self, t: Type, want: Want, span: Span) -> None:
        from rtfsc.sema.algebra.show import describe

        self.sink.warning(
            "N003",
            f"Type conflict: {want.what} must be {want.text}, but this is {describe(t)}",
            span,
            want.labels,
        )

    def declared(self, expr: Any) -> Type:
        """The type of an annotation. Of functions nothing but that they are functions is tested when the
        program runs, so nothing else can be relied on, unless ``strict`` asks that it be proved."""
        if expr is ANY_EXPR or type(expr) is not TypeExpr:
            return ANY
        if expr.data.type == T.KW and expr.exact:
            return of_kinds(expr.mask)
        found = self._declared.get(expr.text)
        if found is None:
            found = self._declared[expr.text] = from_data(expr.data, functions=self.strict)
        return found

    def want(self, expr: Any, what: str, span: Span | None) -> Want | None:
        """What an annotation asks for; None if that is anything."""
        t = self.declared(expr)
        if t.kinds == T.ANY:
            return None
        return Want(t, expr.text, what, ((span, "declared here"),) if span is not None else ())

    @contextmanager
    def knowing(self, facts: dict[Local, Type]) -> Iterator[None]:
        """With these types of locals; quiet if one of them has no value, for then this code cannot run."""
        if not facts:
            yield
            return
        before = {local: self.types.get(local, ANY) for local in facts}
        dead = any(not t.mask for t in facts.values())
        self.types.update(facts)
        self.quiet += dead
        yield
        self.quiet -= dead
        self.types.update(before)


def _unknown_node(c: Checker, node: A.Node) -> Type:
    """A form that says nothing about types: the nodes in it are checked."""
    for slot in type(node).__slots__:
        _visit_inside(c, getattr(node, slot, None))
    return ANY


def _visit_inside(c: Checker, part: Any) -> None:
    if isinstance(part, A.Node) and type(part) in NODES:
        c.visit(part)
    elif isinstance(part, (list, tuple)):
        for item in part:
            _visit_inside(c, item)


SIMPLE: dict[type, Callable[[Checker, Any], Type]] = {}
TAILED: dict[type, Callable[[Checker, Any, Want | None], Type]] = {}
NODES: set[type] = set()


def ready() -> None:
    """Fills the tables; they name every file of this package, which import this one."""
    if not SIMPLE:
        from rtfsc.sema.check import calls, forms, functions, matching

        for table in (forms, functions):
            SIMPLE.update(table.SIMPLE)
        for table in (calls, forms, functions, matching):
            TAILED.update(table.TAILED)
        NODES.update(SIMPLE, TAILED)


def check_types(program: A.Program, sink: Sink, *, strict: bool = False) -> Checker:
    """Checks a resolved program. Warnings N003 (conflict), N004 (not a function), N006 (unreachable clause)
    and, if ``strict``, N007 (not proved) go to ``sink``."""
    ready()
    c = Checker(sink, strict=strict)
    for node in program.body:
        c.visit(node)
    return c


__all__ = ["NEVER", "Checker", "Want", "check_types"]
