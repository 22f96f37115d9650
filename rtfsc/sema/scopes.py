"""What names mean: locals, globals, library functions, nothing."""

from __future__ import annotations

from rtfsc.ast.nodes import Def, Fn, Name
from rtfsc.ir.types import ANY, Type
from rtfsc.source import Span


class Local:
    """A bound name. ``owner``: the function in whose frame it lives (None: the top level). ``fn``: the
    literal function that it is bound to, if any. ``static``: that function captures nothing, so its
    closure is a constant and nobody needs to capture the local."""

    __slots__ = ("fn", "name", "owner", "span", "static")

    def __init__(self, name: str, span: Span, owner: Fn | None, fn: Fn | None = None) -> None:
        self.name, self.span, self.owner, self.fn = name, span, owner, fn
        self.static = False


class Unit:
    """A piece of code that runs as one: a top-level form, or the body of a global function. ``index``: when
    it runs (top-level forms in order); for a function the first form that can reach it, or -1."""

    __slots__ = ("functions", "index", "reads")

    def __init__(self, index: int) -> None:
        self.index = index
        self.functions: dict[GlobalDef, None] = {}
        self.reads: list[tuple[Name, GlobalDef]] = []


class GlobalDef:
    """One top-level definition. ``function``: its literal function, then it is no variable but a function of
    the module. ``form``: index of the top-level form that holds it. ``conditional``: may be skipped.
    ``ir_name`` is unique in the module; the last definition of a name keeps the plain one."""

    __slots__ = ("conditional", "form", "function", "ir_name", "name", "node", "unit")

    def __init__(self, node: Def, form: int, conditional: bool) -> None:
        self.name = node.name
        self.node = node
        self.form = form
        self.conditional = conditional
        self.function = node.value if type(node.value) is Fn and node.type is None else None
        self.ir_name = node.name
        self.unit = Unit(-1)


class LibraryName:
    """A function of the standard library."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Imported:
    """An export of another module. ``function``: its signature, a function without a body, or None for a
    value, whose kinds are ``type``."""

    __slots__ = ("function", "ir_name", "module", "name", "type")

    def __init__(self, name: str, module: str, ir_name: str, function: Fn | None, type: Type | None) -> None:
        self.name, self.module, self.ir_name, self.function = name, module, ir_name, function
        self.type = ANY if type is None else type


class Undefined:
    """A name that nothing defines; evaluating it asks the host's context, which raises UndefinedSymbol."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
