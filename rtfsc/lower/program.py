"""A resolved program to a module."""

from __future__ import annotations

from collections.abc import Sequence

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.ir.link import link
from rtfsc.ir.nodes import INIT, Export, Expr, Function, Module, nil
from rtfsc.lower.context import NOT_TAIL, Definition, FunctionContext, ModuleContext
from rtfsc.lower.expr import lower, ready, sequence
from rtfsc.lower.library import PREFIX, Linker, Source
from rtfsc.sema.check import check_types
from rtfsc.sema.imports import Imports, exports_of_module, prefix_of
from rtfsc.sema.interface import export_of
from rtfsc.sema.resolve import Resolver, resolve
from rtfsc.sema.scopes import GlobalDef


def lower_program(
    program: A.Program,
    sink: Sink,
    *,
    module_name: str = "main",
    library: Source | None = None,
    imports: Imports | None = None,
    units: Sequence[Module] = (),
    strict: bool = False,
) -> Module:
    """The module of a program, other modules and library functions linked. Resolves the tree in place.

    Errors (F003, F004, F006, F009, M…) and warnings (N…) go to ``sink``; with errors the module is not
    usable.
    ``library``: compile library source itself, whose own functions ``library`` names. ``imports``: what
    the program may import; ``units``: all that must be linked to it, in the order of their evaluation.
    ``strict``: types that are not proved are reported too.
    """
    linker = Linker(library if library is not None else _installed())
    module = Module(module_name, {}, own=program.head.name if program.head is not None else "")
    m, resolver = _lowered(program, sink, imports, module, linker, library is not None, "", strict)
    if not sink.has_errors and library is None:
        m.module.exports = _exports(program, resolver, sink)
        link(m.module, units)
        linker.link(m.module)
    return m.module


def lower_unit(program: A.Program, sink: Sink, imports: Imports) -> Module:
    """The module of a module form on its own, for `rtfsc.ir.link.link`: names of others are not defined."""
    head = program.head
    assert head is not None
    prefix = prefix_of(head.name)
    linker = Linker(_installed())
    m, resolver = _lowered(
        program, sink, imports, Module(head.name, {}, own=head.name), linker, False, prefix
    )
    if not sink.has_errors:
        m.module.exports = _exports(program, resolver, sink)
        for export in m.module.exports:
            export.name = export.name.removeprefix(prefix)
    return m.module


def link_library(module: Module) -> None:
    """Adds the library functions that a lowered module uses."""
    Linker(_installed()).link(module)


def _lowered(
    program: A.Program,
    sink: Sink,
    imports: Imports | None,
    module: Module,
    linker: Linker,
    library: bool,
    prefix: str,
    strict: bool = False,
) -> tuple[ModuleContext, Resolver]:
    ready()
    resolver = resolve(program, sink, imports)
    m = ModuleContext(module, sink, linker, library=library, prefix=prefix)
    if sink.has_errors:
        m.add(Function(INIT, [], nil()))
    else:
        if not library:
            check_types(program, sink, strict=strict)
        _name_globals(resolver, m)
        _init(program, m)
    return m, resolver


def _exports(program: A.Program, resolver: Resolver, sink: Sink) -> list[Export]:
    if program.head is None:
        return [export_of(definitions[-1]) for definitions in resolver.globals.values()]
    return [export_of(definition) for definition in exports_of_module(program.head, resolver.globals, sink)]


def _installed() -> Source:
    from rtfsc.stdlib import installed

    return installed()


def _name_globals(resolver: Resolver, m: ModuleContext) -> None:
    """IR names: the last definition of a name keeps it, earlier ones get a number. Names that the compiler
    itself uses are not available."""
    m.taken.add(INIT)
    for name, definitions in resolver.globals.items():
        for number, definition in enumerate(definitions, 1):
            plain = name if number == len(definitions) else f"{name}${number}"
            if m.library:
                plain = PREFIX + name
            elif m.prefix:
                plain = m.prefix + plain
            elif name.startswith((PREFIX, "$")):
                plain = f"$user/{plain}"
            definition.ir_name = m.fresh(plain)
            if definition.function is None:
                m.global_types[definition] = m.module.globals[definition.ir_name] = _global_type(definition)


def _global_type(definition: GlobalDef) -> T.Type:
    """What is certain of a global without looking into its expression."""
    node = definition.node
    if definition.conditional:
        return T.ANY
    value = node.value
    if isinstance(value, (A.Const, A.Collect)):
        known = value.kind
    else:
        known = {A.VectorExpr: T.VEC, A.MapExpr: T.MAP, A.Fn: T.FN}.get(type(value), T.ANY)
    declared = node.type.mask
    return known & declared or T.ANY


def _init(program: A.Program, m: ModuleContext) -> None:
    function = Function(INIT, [], nil())
    m.add(function)
    fx = FunctionContext(m, Definition(m.prefix), None, None)
    forms: list[Expr] = [lower(node, fx, NOT_TAIL) for node in program.body]
    function.body = sequence(forms[:-1], forms[-1]) if forms else nil()
    function.result = T.ANY
