"""Stages of the compilation of an expression or definition, as a session shows them."""

from __future__ import annotations

from typing import Any

from rtfsc.repl.session import Session

_WRAPPER = "it"


class NothingToInspect(ValueError):
    """A macro, or more than one form."""


class Inspected:
    """``text`` compiled with the definitions of the session, not evaluated. An expression is the body of a
    function; a name that the session defines stands for its definition. Raises `DiagnosticError` and
    `NothingToInspect`."""

    def __init__(self, session: Session, text: str) -> None:
        own = session.find(text.strip())
        parts = session.pieces(text)
        if len(parts) != 1:
            raise NothingToInspect("write one expression")
        head = own.head if own else parts[0].head
        if head in ("defmacro", "module", "import"):
            raise NothingToInspect(f"nothing is left of {text.strip()} when macros and modules are in place")
        if own:
            self.name, program = own.name, own.original
        elif parts[0].defines:
            self.name, program = parts[0].defines, text
        else:
            self.name = _unused(_WRAPPER, session.names)
            program = f"(defn {self.name} []\n{text}\n)"
        self.source, start = session.program(program)
        self.compilation = session.compilation(self.source, level=2)
        self.compilation.check()
        found = self.compilation.sink.diagnostics
        self.warnings = [] if own else [d for d in found if d.span is None or d.span.start >= start]

    def type(self) -> str:
        """The declared type of a definition, of anything else the inferred one."""
        from rtfsc.ir.types import show
        from rtfsc.sema.interface import show_types

        declared = show_types(self.compilation.unoptimised)
        module = self.compilation.ir
        lines = [line for line in declared.splitlines() if line.startswith(f"{self.name} : ")]
        if not self.name.startswith(_WRAPPER):
            return lines[-1]
        return show(module.functions[self._export.func].body.type)

    def ir(self) -> str:
        from rtfsc.ir.text import show_function

        module = self.compilation.ir
        return "\n".join(show_function(module.functions[name]) for name in self._functions())

    def wat(self) -> str:
        """Of the functions that the definition became; without those that all modules have."""
        chunks = ("\n" + self.compilation.wat).split("\n(")
        starts = tuple(f"func ${name}" for name in self._functions())
        mine = [chunk for chunk in chunks if chunk.startswith(starts) and _names(chunk) in starts]
        return "\n".join(f"({chunk.rstrip()}" for chunk in mine)

    @property
    def _export(self) -> Any:
        return [export for export in self.compilation.ir.exports if export.name == self.name][-1]

    def _functions(self) -> list[str]:
        module = self.compilation.ir
        if self._export.func is None:
            from rtfsc.ir.nodes import INIT

            return [INIT]
        origin = module.functions[self._export.func].origin[0]
        return [name for name, function in module.functions.items() if function.origin[0] == origin]


def _names(chunk: str) -> str:
    """``func $name`` of a function's text."""
    return " ".join(chunk.split(None, 2)[:2])


def _unused(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "-"
    return name
