"""State of lowering: the module under construction, a definition, a function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.ir.nodes import INIT, Expr, Function, Local, Module, Prim, Site, Var
from rtfsc.lower.library import Linker
from rtfsc.primitives.ops import OPS
from rtfsc.sema.scopes import GlobalDef
from rtfsc.sema.scopes import Local as Binding
from rtfsc.sema.types import TypeExpr
from rtfsc.source import Span


class LoopTarget(NamedTuple):
    """Where a ``recur`` goes: the label and how many values it takes."""

    label: str
    arity: int


class Tail(NamedTuple):
    """``calls``: tail position of the function, so the result check applies and calls may be tail calls.
    ``loop``: the loop of which this is the tail position."""

    calls: bool
    loop: LoopTarget | None


NOT_TAIL = Tail(False, None)


class Definition:
    """Counts sites and functions of one top-level definition ('' for other forms)."""

    __slots__ = ("functions", "name", "sites")

    def __init__(self, name: str) -> None:
        self.name = name
        self.sites = 0
        self.functions = 0


class ModuleContext:
    """``prefix``: what the names of the module start with, "" for those of a program."""

    def __init__(
        self, module: Module, sink: Sink, linker: Linker, *, library: bool = False, prefix: str = ""
    ) -> None:
        self.prefix = prefix
        self.module = module
        self.sink = sink
        self.linker = linker
        self.library = library
        self.taken: set[str] = set(module.functions)
        self.function_names: dict[A.Fn, str] = {}
        self.global_types: dict[GlobalDef, T.Type] = {}

    def definition(self, found: GlobalDef) -> Definition:
        return Definition(found.ir_name)

    def fresh(self, name: str) -> str:
        """``name``, or with a number if it is taken; reserved from now on."""
        unique, n = name, 1
        while unique in self.taken:
            n += 1
            unique = f"{name}.{n}"
        self.taken.add(unique)
        return unique

    def add(self, function: Function) -> None:
        self.module.functions[function.name] = function


class FunctionContext:
    """One function being lowered. ``frame`` holds the closures bound in it, which direct calls may name."""

    def __init__(
        self, m: ModuleContext, definition: Definition, fn: A.Fn | None, result: TypeExpr | None
    ) -> None:
        self.m = m
        self.definition = definition
        self.fn = fn
        self.result = result
        self.vars: dict[Binding, Var] = {}
        self.frame: set[Binding] = set()
        self.self_local: Binding | None = None
        self.loops = 0

    def site(self, span: Span) -> int:
        """The id of a new site; library code has none."""
        m = self.m
        if m.library:
            return 0
        definition = self.definition
        m.module.sites.append(Site(span[0], span[1], definition.name, definition.sites))
        definition.sites += 1
        return len(m.module.sites)

    def label(self) -> str:
        self.loops += 1
        return f"L{self.loops}"

    def read(self, binding: Binding) -> Local:
        return Local(self.vars[binding])

    def name_function(self, fn: A.Fn) -> str:
        """The IR name of a nested function, chosen when it is first needed."""
        names = self.m.function_names
        if fn not in names:
            base = self.definition.name or INIT
            names[fn] = self.m.fresh(f"{base}/{fn.name or 'fn'}")
        return names[fn]


def boxed_result(declared: object) -> T.Type:
    """The type of a function's result before the passes: what is declared, if that travels boxed. So every
    tail call is one, whatever the callee declares; the passes unbox results."""
    mask = declared.mask if isinstance(declared, TypeExpr) else T.ANY
    return mask if mask and T.rep(mask) == "val" else T.ANY


def prim(
    op: str, args: Iterable[Expr], site: int = 0, imm: object = None, type: T.Type | None = None
) -> Prim:
    """An operation with its declared result type, ``type`` where the immediate decides it."""
    return Prim(op, list(args), OPS[op].result if type is None else type, site, imm)


def narrow(e: Expr, mask: T.Type) -> Expr:
    """``e``, of which a test before proved that its kind is in ``mask``."""
    return e if T.subtype(e.type, mask) else Prim("as", [e], mask, 0, mask)


def has_kind(e: Expr, mask: T.Type) -> Prim:
    return Prim("is", [e], T.BOOL, 0, mask)
