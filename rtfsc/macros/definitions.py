"""The macros of a program: their definitions, and their code, compiled when the first of them is called."""

from __future__ import annotations

from collections.abc import Callable, Container

from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.macros.evaluation import Compiled, Load, MacroFailure
from rtfsc.macros.scopes import bare, mentioned
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, List, Literal, Meta, Symbol, Vector

_USAGE = "write (defmacro name [parameters] body …)"
_CLAUSES = frozenset({"catch", "finally", "defmacro"})


class Macro:
    """``span`` is that of the name where it is defined; ``key`` what its function is called, which no name in
    a text is; ``function`` its definition, until it is compiled."""

    __slots__ = ("compiled", "function", "key", "name", "span")

    def __init__(self, name: str, span: Span, key: str, function: List) -> None:
        self.name, self.span, self.key, self.function = name, span, key, function
        self.compiled: Compiled | None = None


class Macros:
    """``table``: the macros that can be called here. ``helpers``: the definitions so far, which the code of
    macros may use."""

    def __init__(self, sink: Sink, load: Load, reserved: Container[str]) -> None:
        self.sink = sink
        self.load = load
        self.atoms = load.atoms
        self.reserved = reserved
        self.table: dict[str, Macro] = {}
        self.helpers: dict[str, Form] = {}
        self.waiting: list[Macro] = []
        self.count = 0

    def define(self, form: List, expand: Callable[[Form], Form]) -> None:
        """Reads ``(defmacro name "doc" [parameters] body …)``; the body may use the macros before it."""
        items = form.items
        name = bare(items[1]) if len(items) > 1 else None
        if type(name) is not Symbol or name.name[0] in ".:&%":
            self._malformed(items[1] if len(items) > 1 else form)
            return
        if name.name in self.reserved or name.name in _CLAUSES:
            message = f"{name.name} cannot be the name of a macro: it is a special form"
            self.sink.error("X003", message, name.span)
            return
        at = 2
        if len(items) > 2 and type(items[2]) is Literal and items[2].kind == T.STR:
            at = 3
        while at < len(items) and type(items[at]) is Meta:
            items = [*items[:at], items[at].form, *items[at + 1 :]]  # type: ignore[union-attr]
        if at + 1 >= len(items) or type(items[at]) is not Vector:
            self._malformed(items[at] if at < len(items) else form)
            return
        self.count += 1
        key = Symbol(f"{name.name}#{self.count}", name.span)
        function = expand(List([Symbol("defn", form.items[0].span), key, *items[at:]], form.span))
        assert type(function) is List
        macro = self.table[name.name] = Macro(name.name, name.span, key.name, function)
        self.waiting.append(macro)

    def forget(self, name: str) -> None:
        """A definition of the program takes the name."""
        self.table.pop(name, None)

    def compiled(self, macro: Macro) -> Compiled | None:
        """The code of a macro; None if it has faults, which are reported."""
        if self.waiting:
            self._compile()
        return macro.compiled

    def finish(self) -> None:
        """Reports the faults of macros that nobody called."""
        if self.waiting:
            self._compile()

    def _compile(self) -> None:
        macros, self.waiting = self.waiting, []
        functions: list[Form] = [macro.function for macro in macros]
        try:
            code = self.load([*self._helpers(functions), *functions], [macro.key for macro in macros])
        except MacroFailure as failure:
            message = f"A definition that macros use failed: {failure.message}"
            self.sink.error("X001", message, failure.span or macros[0].span)
            return
        for macro in macros:
            macro.compiled = code.get(macro.key)

    def _helpers(self, functions: list[Form]) -> list[Form]:
        """The definitions that the functions mention, and those that these mention, in their order."""
        needed: set[str] = set()
        stack = functions[:]
        while stack:
            for name in mentioned(stack.pop()):
                if name in self.helpers and name not in needed:
                    needed.add(name)
                    stack.append(self.helpers[name])
        return [form for name, form in self.helpers.items() if name in needed]

    def _malformed(self, at: Form) -> None:
        self.sink.error("X003", "Malformed defmacro", at.span, hint=_USAGE)
