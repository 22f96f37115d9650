"""All modules of one program: where they are, which come first, what must be compiled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rtfsc.ast.nodes import Import, Program
from rtfsc.diagnostics import Sink
from rtfsc.ir.nodes import Module
from rtfsc.lower import lower_unit
from rtfsc.modules.cache import UnitCache
from rtfsc.modules.unit import Unit, Wanted
from rtfsc.sema.imports import STDLIB, Imports
from rtfsc.source import SourceFile, Span

Front = Callable[[SourceFile, Sink], Program]
"""Text to syntax tree; errors are raised."""


class Loading(NamedTuple):
    """A module that is being compiled, and in which file."""

    name: str
    source: SourceFile


class Project:
    """``roots``: folders that are searched, in this order. ``units``: the modules in the order of their
    evaluation; ``compiled``: the names of those that did not come from the ``cache``. ``imports``: what
    the program sees."""

    def __init__(self, roots: Iterable[str], front: Front, cache: UnitCache | None) -> None:
        self.roots = list(dict.fromkeys(roots))
        self.units: dict[str, Unit] = {}
        self.compiled: list[str] = []
        self.imports = Imports()
        self._front = front
        self._cache = cache
        self._restored: list[Unit] = []
        self._open: list[Loading] = []

    def is_sound(self, linked: Module) -> bool:
        """Whether the module that the units are linked into can be run; only what was kept can spoil it.
        If not, the cache forgets it."""
        from rtfsc.ir.errors import IRError
        from rtfsc.ir.verify import verify

        if self._restored:
            try:
                verify(linked)
            except IRError:
                for unit in self._restored:
                    self._cache.drop(unit)  # type: ignore[union-attr]
                return False
        return True

    def load(self, program: Program, source: SourceFile, sink: Sink) -> None:
        """Loads all that ``program`` imports. What is not found goes to ``sink`` (M001, M002, M005);
        faults of an imported module raise `DiagnosticError` with its own source."""
        self._open.append(Loading(program.head.name if program.head else "", source))
        for inner in program.modules:
            self._add_inline(inner, source, sink)
        self._load(_wanted(program.imports), source, sink)
        self._open.pop()
        self.imports = self._imports(program, [inner.head.name for inner in program.modules if inner.head])

    def _imports(self, program: Program, implicit: Sequence[str] = ()) -> Imports:
        names = [*implicit, *(node.module for node in program.imports)]
        modules: Mapping[str, Module] = {n: self.units[n].module for n in names if n in self.units}
        return Imports(modules, implicit)

    def _add_inline(self, program: Program, source: SourceFile, sink: Sink) -> None:
        head = program.head
        if head is None:
            return  # malformed, reported
        if head.name in self.units:
            sink.error("M007", f"There is a module {head.name} already", head.span)
            return
        self._open.append(Loading(head.name, source))
        self._load(_wanted(program.imports), source, sink)
        self._open.pop()
        if not sink.has_errors:
            module = lower_unit(program, sink, self._imports(program))
            self.units[head.name] = Unit(head.name, source, module, _wanted(program.imports), inline=True)

    def _load(self, wanted: Iterable[Wanted], importer: SourceFile, sink: Sink) -> None:
        for want in wanted:
            if want.name in self.units or want.name == STDLIB:
                continue
            if any(loading.name == want.name for loading in self._open):
                self._refuse_cycle(want, importer, sink)
                continue
            path = self._find(want.name)
            if path is None:
                searched = ", ".join(self.roots) or "no folder: give one with --path"
                sink.error("M001", f"There is no module {want.name}", want.span,
                           hint=f"looked for {_relative(want.name)} in {searched}")  # fmt: skip
                continue
            self._add(want, SourceFile.read(path), sink)

    def _find(self, name: str) -> str | None:
        for root in self.roots:
            path = os.path.normpath(os.path.join(root, _relative(name)))
            if os.path.isfile(path):
                return path
        return None

    def _add(self, want: Wanted, source: SourceFile, sink: Sink) -> None:
        self._open.append(Loading(want.name, source))
        unit = self._kept(want.name, source) or self._compile(want, source, sink)
        self._open.pop()
        if unit is not None:
            self.units[want.name] = unit

    def _kept(self, name: str, source: SourceFile) -> Unit | None:
        """The unit as it was compiled before, if what it imports still looks the same."""
        kept = self._cache.get(name, source) if self._cache else None
        if kept is None:
            return None
        sink = Sink(source)
        self._load(kept.unit.imports, source, sink)
        sink.raise_if_errors()
        if self._interfaces(kept.unit.imports) != kept.interfaces:
            return None
        self._restored.append(kept.unit)
        return kept.unit

    def _interfaces(self, imports: Iterable[Wanted]) -> dict[str, str]:
        return {w.name: self.units[w.name].interface if w.name in self.units else "" for w in imports}

    def _compile(self, want: Wanted, source: SourceFile, sink: Sink) -> Unit | None:
        own = Sink(source)
        program = self._front(source, own)
        if program.head is None:  # a file may hold more than the module; only its first one counts
            program = next((inner for inner in program.modules if inner.head), program)
        head = program.head
        if head is None or head.name != want.name:
            sink.error("M002", _other_module(source, head.name if head else None, want.name), want.span,
                       hint=f"write (module {want.name} …) there" if head is None else None)  # fmt: skip
            return None
        wanted = _wanted(program.imports)
        self._load(wanted, source, own)
        own.raise_if_errors()
        module = lower_unit(program, own, self._imports(program))
        own.raise_if_errors()
        self.compiled.append(want.name)
        unit = Unit(want.name, source, module, wanted, own.diagnostics)
        if self._cache:
            self._cache.put(unit, self._interfaces(wanted))
        return unit

    def _refuse_cycle(self, want: Wanted, importer: SourceFile, sink: Sink) -> None:
        first = next(i for i, loading in enumerate(self._open) if loading.name == want.name)
        cycle = [*self._open[first:], self._open[first]]
        names = " → ".join(loading.name for loading in cycle)
        sink.error("M005", f"Modules import each other: {names}", want.span, hint=self._places(cycle))

    def _places(self, cycle: Sequence[Loading]) -> str:
        places = []
        for importer, imported in pairwise(cycle):
            span = self._place_of_import(importer, imported.name)
            line, column = importer.source.line_column(span.start)
            places.append(f"{importer.source.name}:{line}:{column} imports {imported.name}")
        return "; ".join(places)

    def _place_of_import(self, importer: Loading, name: str) -> Span:
        program = self._front(importer.source, Sink(importer.source))
        programs = [program, *program.modules]
        imports = [i for p in programs if p.head and p.head.name == importer.name for i in p.imports]
        return next((i.module_span for i in imports if i.module == name), Span(0, 0))


def roots_of(source: SourceFile, head: str | None, path: Sequence[str]) -> list[str]:
    """Where the modules of a program are: its own folder (if it is itself the module a.b, the folder above
    ``a``), ``path``, and what ``RTFSC_PATH`` names."""
    roots: list[str] = []
    if not source.name.startswith("<"):
        file = Path(source.name)
        own = Path(_relative(head)) if head else Path(file.name)
        above = len(own.parts) if file.parts[-len(own.parts) :] == own.parts else 1
        roots.append(str(Path(*file.parts[:-above])) if len(file.parts) > above else ".")
    return [*roots, *path, *filter(None, os.environ.get("RTFSC_PATH", "").split(os.pathsep))]


def _relative(module: str) -> str:
    return os.path.join(*module.split(".")) + ".rtfs"


def _wanted(imports: Iterable[Import]) -> tuple[Wanted, ...]:
    return tuple(dict.fromkeys(Wanted(node.module, node.module_span) for node in imports))


def _other_module(source: SourceFile, found: str | None, wanted: str) -> str:
    if found is None:
        return f"{source.name} holds no module form"
    return f"{source.name} holds the module {found}, not {wanted}"
