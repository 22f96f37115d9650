"""Modules that are compiled on their own and meet in one instance.

`rtfsc.ir.link` makes one module of many; this leaves them apart. What a module uses of another one is a
*value* to it, a global that is filled when its instance starts::

    (call $module/geo/rect 2 3 !tail @6)   ⇒   (call-value (global $module/geo/rect ^fn) 2 3 !tail @6)
    (closure $module/geo/rect)             ⇒   (global $module/geo/rect ^fn)
    (global $module/geo/pi ^int)           ⇒   the same
    (function $init (params) body)         ⇒   (function $init (params)
                                                 (do (set-global $module/geo/rect
                                                       (as [fn] (host ["import"] "geo" "rect:HASH"))) … body))

So passes and backends see an ordinary module. Calls of other modules are calls of unknown values to them,
and what they do for those (tail calls, stack budget, collection) is right here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    INIT,
    MODULE,
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Expr,
    Global,
    If,
    Let,
    LetRec,
    Loop,
    Module,
    Prim,
    Seq,
    SetGlobal,
    Try,
)
from rtfsc.ir.walk import deep, nodes, rewrite

IMPORT: Final = "import"
"""The operation of the op ``host`` that the linker performs: from module and link name to the value."""
MOST_ARGUMENTS: Final = 16
"""A call with more goes through a vector."""


class Exported(NamedTuple):
    """What another module exports. ``def_hash``: what it means; ``rest``: a rest parameter follows."""

    module: str
    name: str
    def_hash: str
    rest: bool = False


def link_name(name: str, def_hash: str) -> str:
    """What an export is called by those that link to it: its name and what it means."""
    return f"{name}:{def_hash[:32]}"


def exported(units: Iterable[Module], hashes: Mapping[str, str]) -> dict[str, Exported]:
    """What ``units`` export, by IR name. ``hashes``: of the definitions of the whole program."""
    found = {}
    for unit in units:
        for export in unit.exports:
            name = export.func or f"{MODULE}{unit.name}/{export.name}"
            found[name] = Exported(unit.name, export.name, hashes[name], export.rest)
    return found


def set_apart(module: Module, others: Mapping[str, Exported]) -> None:
    """Makes what ``module`` uses of ``others`` imports, in place; globals that it exports get the names of
    their exports, as in a program."""
    own = set(module.functions) | set(module.globals)
    used: dict[str, T.Type] = {}
    renamed = _value_exports(module)

    def apart(e: Expr) -> Expr:
        kind = type(e)
        if isinstance(e, Call | Closure) and e.func in others and e.func not in own:
            used[e.func] = T.FN
            callee = Global(e.func, T.FN)
            return _call(callee, e, others[e.func].rest) if isinstance(e, Call) else callee
        if isinstance(e, Global | SetGlobal):
            if e.name in others and e.name not in own:
                used[e.name] = used.get(e.name, T.NEVER) | e.type
            e.name = renamed.get(e.name, e.name)
        elif kind in _WIDENED:
            _widen(e)
        return e

    with deep():
        for function in module.functions.values():
            function.body = rewrite(function.body, apart)
    module.globals = {renamed.get(name, name): t for name, t in module.globals.items()} | used
    init = module.functions[INIT]
    fill: list[Expr] = [_filled(name, used[name], others[name]) for name in sorted(used)]
    init.body = Seq(fill, init.body) if fill else init.body


def _value_exports(module: Module) -> dict[str, str]:
    values = [export.name for export in module.exports if export.func is None]
    prefixed = {f"{MODULE}{module.name}/{name}": name for name in values}
    return {name: value for name, value in prefixed.items() if name in module.globals}


def imports(module: Module) -> list[tuple[str, str]]:
    """(module, link name) of all that a module set apart imports."""
    return [
        (node.args[0].value, node.args[1].value)  # type: ignore[attr-defined]
        for node in nodes(module.functions[INIT].body)
        if isinstance(node, Prim) and node.op == "host" and node.imm == IMPORT
    ]


def _filled(name: str, t: T.Type, of: Exported) -> Expr:
    place: list[Expr] = [Const(T.STR, of.module), Const(T.STR, link_name(of.name, of.def_hash))]
    value = Prim("host", place, T.ANY, 0, IMPORT)
    return SetGlobal(name, value if t == T.ANY else Prim("as", [value], t, 0, t))


def _call(callee: Expr, call: Call, rest: bool) -> Expr:
    args = call.args
    packed = args[-1] if rest else None
    if isinstance(packed, Prim) and packed.op == "list":
        args = [*args[:-1], *packed.args]
        packed = None
    made: Expr
    if packed is None and len(args) <= MOST_ARGUMENTS:
        made = CallValue(callee, args, call.site, call.tail)
    else:
        parts = [*_vectors(args)] if packed is None else [*_vectors(args[:-1]), packed]
        made = Apply(callee, Prim("concat", parts, T.VEC), call.site, call.tail)
    if call.type == T.ANY or call.tail:
        return made
    return Prim("as", [made], call.type, 0, call.type)


def _vectors(items: list[Expr]) -> list[Expr]:
    chunk = 250
    return [Prim("vector", items[i : i + chunk], T.VEC) for i in range(0, len(items), chunk)]


def _widen(e: Expr) -> None:
    """A call in tail position says less of its result now, and so do the expressions around it."""
    if isinstance(e, Let | LetRec | Loop):
        e.type |= e.body.type
    elif isinstance(e, Seq):
        e.type |= e.result.type
    elif isinstance(e, If):
        e.type |= e.then.type | e.orelse.type
    elif isinstance(e, Try):
        e.type |= e.body.type | e.handler.type


_WIDENED: Final = frozenset({Let, LetRec, Loop, Seq, If, Try})
