"""One compilation as an object whose properties are the phases: asking for one runs only what it needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from rtfsc.diagnostics import ADVICE, DiagnosticError, Sink
from rtfsc.options import CompileOptions
from rtfsc.source import SourceFile

if TYPE_CHECKING:
    from backend_wasm.code_map import CodeMap
    from rtfsc.ir.nodes import Module
    from rtfsc.modules.project import Project
    from rtfsc.modules.unit import Unit
    from rtfsc.syntax.forms import Form
    from runtime.values.errors import Frame

# Trees of the deepest source that the reader lets through need a few thousand Python frames.
RECURSION_LIMIT = 30_000

_AFTER_GUARDS = ("ir", "artifact", "wat", "code_map", "features", "action")
"""Phases that what `Compilation.guard` does has an influence on."""

T = TypeVar("T")


@contextmanager
def compiling() -> Iterator[None]:
    """Room for deep trees, and no collector pauses over the many live nodes of a big file."""
    limit, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def _phase(compute: Callable[[Any], T]) -> cached_property[T]:
    @wraps(compute)
    def run(self: Any) -> T:
        with compiling():
            return compute(self)

    return cached_property(run)


class Compilation:
    """``source`` on its way to bytes. Diagnostics gather in ``sink``; static errors raise
    `DiagnosticError` from the phase that finds them, warnings do not."""

    def __init__(
        self, source: SourceFile, options: CompileOptions | None = None, sink: Sink | None = None
    ) -> None:
        self.source = source
        self.options = options or CompileOptions()
        self.sink = sink if sink is not None else Sink(source)
        self._units: list[Module] = []
        self._guarded: Module | None = None
        self._symbols: list[str] = []
        self._parts: dict[tuple[str, str], bytes] = {}

    @_phase
    def forms(self) -> list[Form]:
        from rtfsc.syntax.reader import read

        forms = read(self.source, self.sink)
        self.sink.raise_if_errors()
        return forms

    @_phase
    def expanded(self) -> list[Form]:
        """The forms after macro expansion; a text without the word has no macros."""
        if "defmacro" not in self.source.text:
            return self.forms
        from rtfsc.macrotime import expand_macros

        forms = expand_macros(self.forms, self.sink)
        self.sink.raise_if_errors()
        return forms

    @_phase
    def ast(self) -> Any:
        from rtfsc.ast import build

        program = build(self.expanded, self.sink)
        self.sink.raise_if_errors()
        return program

    @_phase
    def project(self) -> Project:
        """The modules that the program imports, compiled."""
        from rtfsc.modules.cache import UnitCache
        from rtfsc.modules.project import Project, roots_of

        roots = roots_of(self.source, self.ast.head.name if self.ast.head else None, self.options.path)
        project = Project(roots, self._front, UnitCache() if self.options.keep_modules else None)
        project.load(self.ast, self.source, self.sink)
        self.sink.raise_if_errors()
        return project

    def _front(self, source: SourceFile, sink: Sink) -> Any:
        return Compilation(source, self.options, sink).ast

    @_phase
    def unoptimised(self) -> Module:
        """IR straight from lowering, linked: what definitions are identified by."""
        from rtfsc.lower import lower_program

        linked: dict[str, Any] = {}
        if self.ast.imports or self.ast.modules:
            project = self.project
            linked = {"imports": project.imports, "units": [unit.module for unit in project.units.values()]}
            if self.options.separate:
                self._keep_apart(linked.pop("units"))
        module = lower_program(
            self.ast, self.sink, module_name=self.options.module_name, strict=self.options.strict, **linked
        )
        self.sink.raise_if_errors()
        if self.options.separate:
            module = self._linked_copy(module)
        if linked and not self.project.is_sound(module):
            anew = Compilation(self.source, replace(self.options, keep_modules=False), self.sink)
            self.__dict__["project"] = anew.project
            return anew.unoptimised
        self._identify(module)
        return module

    def _keep_apart(self, units: list[Module]) -> None:
        from rtfsc.passes import copy_module

        self._units = [copy_module(unit) for unit in units]

    def _linked_copy(self, program: Module) -> Module:
        """The program with all modules linked to it, for what is found out of the whole."""
        from rtfsc.ir.link import link
        from rtfsc.lower import link_library
        from rtfsc.passes import copy_module

        self._program = program
        whole = copy_module(program)
        link(whole, [copy_module(unit) for unit in self._units])
        link_library(whole)
        return whole

    @_phase
    def separate(self) -> list[Module]:
        """With the option of this name: the imported modules in the order of their evaluation, then the
        program, each on its own."""
        from rtfsc.modules.separate import separated

        whole = self.unoptimised
        self._program.exports = [replace(export) for export in whole.exports]
        units = self.project.units if self._units else {}
        return separated(self._program, whole, units, self._units)

    def compile_separately(self, module: Module) -> bytes:
        """The bytes of one of the modules of `separate`."""
        key = module.separate, module.name  # a program may have the name of a module
        if key not in self._parts:
            self._parts[key] = self._compile_part(module)
        return self._parts[key]

    def _compile_part(self, module: Module) -> bytes:
        from rtfsc.passes import run

        with compiling():
            optimised = run(module, self.options.level, print_after=self.options.print_after)
            action = {**self.action, "key": self.separate_key(module)}
            return self._last_step(self._backend.compile(optimised, action=action))

    def separate_key(self, module: Module) -> str:
        """What decides the bytes of one of them."""
        from rtfsc.modules.separate import build_key

        action = self.action
        return build_key(module, action["compiler"], action["backend"], str(action["level"]), *self.features)

    @_phase
    def ir(self) -> Module:
        """IR after the passes of the chosen level."""
        from rtfsc.passes import run

        module = self._guarded or (self.built if self.options.guard else self.unoptimised)
        return run(module, self.options.level, print_after=self.options.print_after)

    @_phase
    def built(self) -> Module:
        """With the guards that the option asks for. Raises ValueError where they are too many."""
        from rtfsc.ir.routes import built

        own = self.ast.head.name if self.ast.head else ""
        module = self.unoptimised
        imported = {f"{unit.name}/{e.name}": e for unit in self.units for e in unit.module.exports if e.func}
        return built(module, self.options.guard, own, imported, self._defined)

    @property
    def _defined(self) -> dict[str, tuple[int, int]]:
        """Where the functions of this text are defined, by symbol."""
        from rtfsc.ast.nodes import Def

        found: dict[str, tuple[int, int]] = {}
        for program in (self.ast, *self.ast.modules):
            head = f"{program.head.name}/" if program.head is not None else ""
            found |= {head + node.name: node.name_span for node in program.body if isinstance(node, Def)}
        return found

    def guard(self, wanted: Callable[[str], bool]) -> list[str]:
        """Puts guards into the functions whose symbols are wanted (`rtfsc.ir.routes`) and into no others;
        returns these symbols. What is compiled then is for running here, not for anybody else."""
        from rtfsc.ir.routes import guarded, symbols

        with compiling():
            own = self.ast.head.name if self.ast.head else ""
            found = [symbol for symbol in symbols(self.unoptimised, own) if wanted(symbol)]
            if found != self._symbols:
                self._symbols = found
                self._guarded, _ = guarded(self.unoptimised, set(found).__contains__, own, self._defined)
                for phase in _AFTER_GUARDS:
                    self.__dict__.pop(phase, None)
        return found

    @_phase
    def artifact(self) -> bytes:
        """The bytes of the chosen target."""
        if self.options.separate:
            return self.compile_separately(self.separate[-1])
        artifact: bytes = self._backend.compile(self.ir, action=self.action)
        if self.options.standalone:
            from backend_wasm.standalone import standalone

            artifact = standalone(artifact)
        artifact = self._last_step(artifact)
        if self.options.source_map:
            from rtfsc.source_map import sections

            artifact += sections(self.code_map, self.options.source_map)
        return artifact

    def _last_step(self, artifact: bytes) -> bytes:
        if not self.options.optimizer:
            return artifact
        from backend_wasm.binaryen import optimised

        return optimised(artifact)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """What decides the bytes besides compiler, backend and level; part of the action key."""
        own = self.options.features
        if self._symbols:
            own = (*own, "guarded")
        if not self.options.optimizer:
            return own
        from backend_wasm.binaryen import version

        return (*own, f"binaryen={version()}")

    def source_map(self, file: str) -> str:
        """The source map (JSON) of the artifact, which lies beside ``file`` and names it."""
        from rtfsc.source_map import source_map

        return source_map(self.code_map, file, {"": self.source, **self.sources})

    @_phase
    def wat(self) -> str:
        from backend_wasm.backend import Wasm32Backend

        return Wasm32Backend().wat(self.ir)

    @_phase
    def code_map(self) -> CodeMap:
        """Where the code of the artifact, of target wasm32, comes from."""
        from backend_wasm.backend import Wasm32Backend

        return Wasm32Backend().map_code(self.ir)

    def locate(self, offsets: Sequence[int]) -> list[Frame]:
        """The functions that these bytes of the artifact come from; those of the library are left out, whose
        callers follow."""
        from runtime.values.errors import Frame

        other_code = self.options.standalone or self.options.separate or self.options.optimizer
        found = [] if other_code else map(self.code_map.names, offsets)
        return [Frame(*names) for names in found if names is not None]

    @_phase
    def module_key(self) -> str:
        """What the whole module is found by: the meanings and interfaces of its definitions."""
        from rtfsc.ir.keys import module_key

        return module_key(self.unoptimised, self.options.target)

    @cached_property
    def action(self) -> dict[str, Any]:
        """What the bytes are built from, recorded in the artifact."""
        from rtfsc.fingerprint import compiler_fingerprint

        action = {
            "backend": self._backend.fingerprint(),
            "compiler": compiler_fingerprint(),
            "level": self.options.level,
            "target": self.options.target,
        }
        return {**action, "features": list(self.features)} if self.features else action

    @cached_property
    def _backend(self) -> Any:
        from rtfsc.registry import backend

        return backend(self.options.target)

    def check(self) -> None:
        """Runs every phase that can find fault with the source, and no other."""
        self.unoptimised  # noqa: B018

    def refuse_warnings(self) -> None:
        """`build` and `publish` ship nothing that is known to raise: warnings other than mere advice count as
        errors there."""
        self.unoptimised  # noqa: B018
        if any(diagnostic.code not in ADVICE for diagnostic in self.sink.diagnostics):
            self.sink.fail()
        for unit in self.units:
            if any(warning.code not in ADVICE for warning in unit.warnings):
                raise DiagnosticError(unit.warnings, unit.source)

    @property
    def units(self) -> list[Unit]:
        """The modules that are linked into the program, in the order of their evaluation."""
        project = self.__dict__.get("project")
        return [] if project is None else list(project.units.values())

    @property
    def sources(self) -> dict[str, SourceFile]:
        """The texts of those modules by name."""
        return {unit.name: unit.source for unit in self.units}

    @staticmethod
    def _identify(module: Module) -> None:
        from rtfsc.ir.canonical import definition_hashes
        from rtfsc.ir.effects import add_effects
        from rtfsc.ir.keys import interface_hash

        add_effects(module)
        hashes = definition_hashes(module)
        for export in module.exports:
            export.def_hash = hashes[export.name]
            export.interface_hash = interface_hash(export)


def compile_text(text: str, options: CompileOptions | None = None, filename: str = "<source>") -> Compilation:
    return Compilation(SourceFile(filename, text), options)
