"""What the imports of a program make visible, and what a module shows of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.diagnostics.suggest import AMONG_FEW, did_you_mean
from rtfsc.ir.nodes import MODULE, Export, Module
from rtfsc.primitives.library import LIBRARY
from rtfsc.sema.scopes import GlobalDef, Imported, LibraryName
from rtfsc.sema.types import TypeExpr, TypeParser
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.forms import Form

STDLIB: Final = "stdlib"
"""The module that holds the library; it has no file."""

Meaning = Imported | LibraryName


def prefix_of(module: str) -> str:
    """What the names of a module start with in linked IR; no name of a program itself starts so."""
    return f"{MODULE}{module}/"


class Imports:
    """``interfaces``: compiled modules by name. ``implicit``: those in the text of the program itself, whose
    exports need no import."""

    def __init__(self, interfaces: Mapping[str, Module] | None = None, implicit: Iterable[str] = ()) -> None:
        self.interfaces = interfaces or {}
        self.implicit = tuple(implicit)
        self._exports: dict[str, dict[str, Meaning]] = {}

    def visible(self, imports: Iterable[A.Import], sink: Sink) -> dict[str, tuple[Meaning, Span | None]]:
        """The meaning of every name that is imported, and the place of the import. Faults (M004, M006) go
        to ``sink``."""
        found: dict[str, tuple[Meaning, Span | None]] = {}
        for module in self.implicit:
            found.update(
                (f"{module}/{name}", (meaning, None)) for name, meaning in self.exports(module).items()
            )
        for node in imports:
            if node.module != STDLIB and node.module not in self.interfaces:
                continue  # reported when it was looked for
            exports = self.exports(node.module)
            if node.only is None:
                alias = node.alias or node.module
                found.update((f"{alias}/{name}", (meaning, node.span)) for name, meaning in exports.items())
            else:
                _take(node, node.only, exports, found, sink)
        return found

    def exports(self, module: str) -> dict[str, Meaning]:
        known = self._exports.get(module)
        if known is None:
            if module == STDLIB and module not in self.interfaces:
                known = {name: LibraryName(name) for name in LIBRARY}
            else:
                known = dict(_meanings(self.interfaces[module]))
            self._exports[module] = known
        return known


def _take(
    node: A.Import,
    names: list[tuple[str, Span]],
    exports: dict[str, Meaning],
    found: dict[str, tuple[Meaning, Span | None]],
    sink: Sink,
) -> None:
    for name, span in names:
        meaning = exports.get(name)
        if meaning is None:
            sink.error("M004", f"{node.module} does not export {name}", span, hint=_known(name, exports))
        elif name in found and not _same(found[name][0], meaning):
            place = found[name][1]
            labels = [(place, "also imported here")] if place is not None else []
            sink.error("M006", f"{name} is imported from two modules", span, labels=labels)
        else:
            found[name] = meaning, span


def _same(one: Meaning, other: Meaning) -> bool:
    if type(one) is Imported and type(other) is Imported:
        return one.ir_name == other.ir_name
    return type(one) is type(other) and one.name == other.name


def _known(name: str, exports: Mapping[str, Meaning]) -> str:
    return _meant(name, exports) or (
        f"it exports {', '.join(exports)}" if 0 < len(exports) <= 8 else "see the :exports of the module"
    )


def _meant(name: str, known: Iterable[str]) -> str | None:
    return did_you_mean(name, known, AMONG_FEW)


def _meanings(module: Module) -> Iterable[tuple[str, Imported]]:
    prefix = prefix_of(module.name)
    types = _TypeReader(module.exports)
    for export in module.exports:
        ir_name = prefix + export.name
        function = types.function(export) if export.func is not None else None
        yield export.name, Imported(export.name, module.name, ir_name, function, module.globals.get(ir_name))


class _TypeReader:
    """Types of exports back from their canonical text."""

    def __init__(self, exports: Iterable[Export]) -> None:
        from rtfsc.syntax.reader import read

        texts = {text for e in exports if e.func is not None for text in (*e.param_types, e.result_type)}
        self.types: dict[str, TypeExpr] = {}
        for text in sorted(texts):
            source = SourceFile("<type>", text)
            sink = Sink(source)
            form: Form = read(source, sink)[0]
            self.types[text] = TypeParser(sink, {}).parse(form)

    def function(self, export: Export) -> A.Fn:
        """A function without a body: what a caller must know."""
        nowhere = Span(0, 0)
        params = []
        for name, text in zip(export.params, export.param_types, strict=True):
            param = A.Param(A.BindName(name, nowhere), None, None)  # type: ignore[arg-type]
            param.type = self.types[text]
            params.append(param)
        rest = params.pop() if export.rest else None
        function = A.Fn(export.name, params, rest, None, A.Do([], nowhere), nowhere)
        function.result = self.types[export.result_type]
        return function


def exports_of_module(
    head: A.ModuleHead, definitions: Mapping[str, list[GlobalDef]], sink: Sink
) -> list[GlobalDef]:
    """The definitions that a module exports, in the order of its list. Faults (M003) go to ``sink``."""
    found: dict[str, GlobalDef] = {}
    for name, span in head.exports:
        if name in definitions:
            found[name] = definitions[name][-1]
        else:
            sink.error("M003", f"{head.name} exports {name}, which it does not define", span,
                       hint=_meant(name, definitions))  # fmt: skip
    return list(found.values())
