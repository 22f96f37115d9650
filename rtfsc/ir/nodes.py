"""The IR: typed expression trees with structured control flow.

One tree serves both engines.  Operands are evaluated left to right.  Every expression has a `type`
(see `types`) and, where it can raise, a `site`: the id of the source span that an error raised here
reports (0 = none: the error takes the site of the nearest enclosing call that has one).

A `Module` is the unit of compilation: its functions, and one function named ``INIT`` that evaluates
the top-level forms in order, sets the globals and returns the value of the last form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rtfsc.ir.types import ANY, BOOL, ERR, FN, INT, NEVER, NIL, Type

INIT = "$init"
MODULE = "$module/"
"""What the names of a linked module start with: ``$module/a.b/f`` is the f of the module a.b. No other
name of a program starts so."""


class Var:
    """A local variable, assigned once where it is bound (loop variables: once per iteration)."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type: Type = ANY) -> None:
        self.name = name
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.name})"


class Expr:
    __slots__ = ("site", "type")
    type: Type
    site: int


class Const(Expr):
    """A literal. ``value`` by type: NIL None, BOOL bool, INT int, FLOAT float, STR str; KW, SYM,
    TIMESTAMP, UUID and RESOURCE hold their spelling as str (keywords without the colon);
    VEC and LIST hold a tuple of Const, MAP a tuple of (Const, Const) pairs."""

    __slots__ = ("value",)

    def __init__(self, type: Type, value: Any) -> None:
        self.type, self.value, self.site = type, value, 0


class Local(Expr):
    __slots__ = ("var",)

    def __init__(self, var: Var) -> None:
        self.var, self.type, self.site = var, var.type, 0


class Global(Expr):
    """The value of a top-level ``def``. ``checked``: it may not be set yet, then UndefinedSymbol."""

    __slots__ = ("checked", "name")

    def __init__(self, name: str, type: Type = ANY, checked: bool = False, site: int = 0) -> None:
        self.name, self.type, self.checked, self.site = name, type, checked, site


class SetGlobal(Expr):
    """Sets a global and yields the value; only in ``INIT``."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: Expr) -> None:
        self.name, self.value, self.type, self.site = name, value, value.type, 0


class Let(Expr):
    __slots__ = ("body", "value", "var")

    def __init__(self, var: Var, value: Expr, body: Expr) -> None:
        self.var, self.value, self.body, self.type, self.site = var, value, body, body.type, 0


class LetRec(Expr):
    """Local functions that may capture each other: all closures are made first, then filled."""

    __slots__ = ("bindings", "body")

    def __init__(self, bindings: list[tuple[Var, Closure]], body: Expr) -> None:
        self.bindings, self.body, self.type, self.site = bindings, body, body.type, 0


class Seq(Expr):
    """Evaluates ``effects`` for what they may raise or do, then yields ``result``."""

    __slots__ = ("effects", "result")

    def __init__(self, effects: list[Expr], result: Expr) -> None:
        self.effects, self.result, self.type, self.site = effects, result, result.type, 0


class If(Expr):
    """``test`` has type BOOL (lowering wraps other tests in the op ``truthy``)."""

    __slots__ = ("orelse", "test", "then")

    def __init__(self, test: Expr, then: Expr, orelse: Expr, type: Type | None = None) -> None:
        self.test, self.then, self.orelse, self.site = test, then, orelse, 0
        self.type = then.type | orelse.type if type is None else type


class Loop(Expr):
    """Binds ``vars`` to ``inits`` and evaluates ``body``; a `Recur` of the same ``label`` rebinds all
    at once and evaluates ``body`` again. ``label`` is unique in its function."""

    __slots__ = ("body", "inits", "label", "vars")

    def __init__(self, label: str, vars: list[Var], inits: list[Expr], body: Expr) -> None:
        self.label, self.vars, self.inits, self.body = label, vars, inits, body
        self.type, self.site = body.type, 0


class Recur(Expr):
    """Only in tail position of its loop; its type is NEVER."""

    __slots__ = ("args", "label")

    def __init__(self, label: str, args: list[Expr]) -> None:
        self.label, self.args, self.type, self.site = label, args, NEVER, 0


class Call(Expr):
    """Direct call of the module's function ``func``; ``args`` match its parameters one to one (the
    rest list of a variadic function is built by the caller). If the function has captures,
    ``closure`` yields the closure that carries them. ``tail``: must not grow the stack."""

    __slots__ = ("args", "closure", "func", "tail")

    def __init__(self, func: str, args: list[Expr], type: Type = ANY, site: int = 0,
                 tail: bool = False, closure: Expr | None = None) -> None:  # fmt: skip
        self.func, self.args, self.closure, self.tail = func, args, closure, tail
        self.type, self.site = type, site


class CallValue(Expr):
    """Call of any value: a function of matching arity, or a keyword (``(:k m)``, ``(:k m default)``);
    else NotCallable or ArityMismatch at run time."""

    __slots__ = ("args", "callee", "tail")

    def __init__(self, callee: Expr, args: list[Expr], site: int = 0, tail: bool = False) -> None:
        self.callee, self.args, self.tail, self.type, self.site = callee, args, tail, ANY, site


class Apply(Expr):
    """`CallValue` with the arguments in a vector or list value."""

    __slots__ = ("args", "callee", "tail")

    def __init__(self, callee: Expr, args: Expr, site: int = 0, tail: bool = False) -> None:
        self.callee, self.args, self.tail, self.type, self.site = callee, args, tail, ANY, site


class Closure(Expr):
    """A function value; without captures it is one static object per function and instance."""

    __slots__ = ("captures", "func")

    def __init__(self, func: str, captures: list[Expr]) -> None:
        self.func, self.captures, self.type, self.site = func, captures, FN, 0


class Prim(Expr):
    """A primitive of `rtfsc.primitives`. ``imm`` is the immediate operand that some of them take."""

    __slots__ = ("args", "imm", "op")

    def __init__(self, op: str, args: list[Expr], type: Type, site: int = 0, imm: Any = None) -> None:
        self.op, self.args, self.type, self.site, self.imm = op, args, type, site, imm


class Try(Expr):
    """Evaluates ``body``; a catchable error is bound to ``var`` (type ERR) and ``handler`` decides."""

    __slots__ = ("body", "handler", "var")

    def __init__(self, body: Expr, var: Var, handler: Expr) -> None:
        self.body, self.var, self.handler = body, var, handler
        self.type, self.site = body.type | handler.type, 0
        var.type = ERR


@dataclass(slots=True)
class Function:
    """``params`` includes the rest parameter as the last one when ``rest``. Inside the body
    ``captures`` are the captured variables and ``self_var``, if any, is this closure itself.
    ``origin`` is (definition, ordinal): the n-th function inside a top-level definition, 0 = itself.
    ``library``: it comes from the standard library; its errors take the caller's site. ``pinned``: its
    author says where it runs, so no policy is asked (`rtfsc.ir.routes`); not a part of what it means."""

    name: str
    params: list[Var]
    body: Expr
    result: Type = ANY
    rest: bool = False
    captures: list[Var] = field(default_factory=list)
    self_var: Var | None = None
    display_name: str = ""
    origin: tuple[str, int] = ("", 0)
    library: bool = False
    pinned: bool = False


Place = tuple[int, int] | tuple[int, int, str]
"""Start and end in code points, and the module where it is an imported one."""


@dataclass(slots=True)
class Site:
    """Where an error is reported: code-point offsets [start, end) into the source of the module."""

    start: int
    end: int
    definition: str
    ordinal: int

    @property
    def module(self) -> str:
        """The imported module that the definition is in, "" for the program itself."""
        return self.definition.split("/", 2)[1] if self.definition.startswith(MODULE) else ""

    @property
    def place(self) -> Place:
        """Start and end, and the module if it is an imported one: what executors are given."""
        return (self.start, self.end, self.module) if self.module else (self.start, self.end)


@dataclass(slots=True)
class Variant:
    """A clone of an exported function for given argument types, callable from outside."""

    func: str
    params: tuple[Type, ...]


@dataclass(slots=True)
class Export:
    """A name visible outside: a function (``func`` set) or the value of a global.
    ``param_types`` and ``result_type`` are the declared types in canonical text (``:any`` if none)."""

    name: str
    func: str | None
    params: list[str]
    param_types: list[str]
    result_type: str
    rest: bool = False
    doc: str = ""
    effects: tuple[str, ...] = ()
    def_hash: str = ""
    interface_hash: str = ""
    variants: list[Variant] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Guard:
    """A function that asks at its entry where a call runs (`rtfsc.ir.routes`). ``export``: its name among the
    exports of the program, else ""; ``interface``: of one that an imported module exports."""

    symbol: str
    export: str = ""
    interface: Export | None = None


@dataclass(slots=True)
class Module:
    """``functions`` holds INIT too. ``globals`` maps each top-level value to its type.
    ``sites[i - 1]`` is the site with id ``i``. ``separate``: empty, or "program" or "module" for
    one of several in an instance (`rtfsc.ir.separate`); ``needs``: the others, in the order of evaluation.
    ``guards``: by number, of a module that is built with them; one that is compiled to run here has none.
    ``own``: what a module form says that its name is, by which policies know its functions; else empty."""

    name: str
    functions: dict[str, Function]
    globals: dict[str, Type] = field(default_factory=dict)
    exports: list[Export] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    separate: str = ""
    needs: list[str] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    own: str = ""


def nil() -> Const:
    return Const(NIL, None)


def true() -> Const:
    return Const(BOOL, True)


def false() -> Const:
    return Const(BOOL, False)


def integer(n: int) -> Const:
    return Const(INT, n)
