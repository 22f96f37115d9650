"""A resolved program to a module."""

from __future__ import annotations

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.ir import types as T
from rtfsc.ir.nodes import INIT, Expr, Function, Module, nil
from rtfsc.lower.context import NOT_TAIL, Definition, FunctionContext, ModuleContext
from rtfsc.lower.expr import lower, ready, sequence
from rtfsc.lower.library import PREFIX, Linker, Source
from rtfsc.sema.interface import export_of
from rtfsc.sema.resolve import Resolver, resolve
from rtfsc.sema.scopes import GlobalDef


def lower_program(
    program: A.Program, sink: Sink, *, module_name: str = "main", library: Source | None = None
) -> Module:
    """The module of a program, library functions linked. Resolves the tree in place.

    Errors (F003, F004, F006, F009) and warnings (N…) go to ``sink``; with errors the module is not usable.
    ``library``: compile library source itself, whose own functions ``library`` names.
    """
    ready()
    resolver = resolve(program, sink)
    linker = Linker(library if library is not None else _installed())
    if sink.has_errors:
        return Module(module_name, {INIT: Function(INIT, [], nil())})
    m = ModuleContext(Module(module_name, {}), sink, linker, library=library is not None)
    _name_globals(resolver, m)
    _init(program, m)
    if not sink.has_errors and library is None:
        linker.link(m.module)
        m.module.exports = [export_of(definitions[-1]) for definitions in resolver.globals.values()]
    return m.module


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
    if type(value) is A.Const:
        known = value.kind
    else:
        known = {A.VectorExpr: T.VEC, A.MapExpr: T.MAP, A.Fn: T.FN}.get(type(value), T.ANY)
    declared = node.type.mask
    return known & declared or T.ANY


def _init(program: A.Program, m: ModuleContext) -> None:
    function = Function(INIT, [], nil())
    m.add(function)
    fx = FunctionContext(m, Definition(""), None, None)
    forms: list[Expr] = [lower(node, fx, NOT_TAIL) for node in program.body]
    function.body = sequence(forms[:-1], forms[-1]) if forms else nil()
    function.result = T.ANY
