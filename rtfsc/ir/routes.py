"""Guards: top-level functions that ask the host at their entry whether a call is to run somewhere else.

A function ``f`` whose symbol is wanted becomes three::

    (function f (params x)            (if (routed 3) BODY (call "f asked" x)))
    (function "f asked" (params x)    … (host "delegate" f :routed nil [x]) …)
    (function "f plain" (params x)    BODY)

The host answers ``[true value]``, ``[false]`` (the body runs), or ``[false token]``: the body runs and the
host is told (``delegate/done``) before it, after it, and once more, so that it knows how long telling takes.
A host that has decided for good sets the byte that ``routed`` reads (``layout.STATE_ROUTES``); then a call
costs one load and one jump more. The body stands in two functions so that this way has no join.

What fails elsewhere is reported where the function is defined: the call of it may be anywhere, or outside.

Guards are put into a copy that is about to run here, or into a file that was asked to have them (`built`),
which lists them; never into what is published or identified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    INIT,
    MODULE,
    Call,
    Const,
    Export,
    Expr,
    Function,
    Guard,
    If,
    Let,
    Local,
    Module,
    Prim,
    Seq,
    Site,
    Var,
)
from rtfsc.ir.walk import copy_function, deep
from rtfsc.primitives.ops import OPS

MODE: Final = "routed"
DONE: Final = "delegate/done"
_KINDS: Final = {":int": T.INT, ":bool": T.BOOL, ":string": T.STR}
"""Kinds of declared results that the passes can make use of. The host has checked what it answers."""
CACHED: Final = 888
"""How many functions of an instance have a byte (``layout.LIMITS_ROUTES``); the others always ask."""
Spans = Mapping[str, tuple[int, int]]


def symbols(module: Module, own: str = "") -> dict[str, str]:
    """Names of the functions that can be guarded, by symbol: ``module/name`` of an imported module, and of a
    program that says in its head that it is the module ``own``; else the name."""
    found = {}
    for name, function in module.functions.items():
        if name == INIT or function.library or function.pinned or function.origin[1] or function.captures:
            continue
        definition = function.origin[0]
        if definition.startswith(MODULE):
            found[definition.removeprefix(MODULE)] = name
        elif definition:
            found[f"{own}/{definition}" if own else definition] = name
    return found


def guarded(
    module: Module, wanted: Callable[[str], bool], own: str = "", spans: Spans | None = None
) -> tuple[Module, list[str]]:
    """The module with guards in the functions whose symbols are wanted, and those symbols; the number of each
    is its place in the list. ``spans``: where the functions of the program's text are defined, by symbol. The
    module itself stays as it is; what is not guarded is shared."""
    names = {symbol: name for symbol, name in symbols(module, own).items() if wanted(symbol)}
    if not names:
        return module, []
    functions, sites = dict(module.functions), _Sites(module.sites)
    declared = {export.func: _KINDS.get(export.result_type, T.ANY) for export in module.exports}
    spans = spans or {}
    with deep():
        for number, (symbol, name) in enumerate(names.items()):
            function = functions[name]
            site = sites.of(function, spans.get(symbol))
            asked = _asked(function, symbol, declared.get(name, T.ANY), site)
            plain = copy_function(function, f"{name} plain")
            functions[name] = _entry(function, number, asked.name)
            functions[asked.name], functions[plain.name] = asked, plain
    return replace(module, functions=functions, sites=sites.all), list(names)


class _Sites:
    """Those of a module, and more for what is defined in it."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.all = list(sites)
        self._first: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        for id, site in enumerate(self.all, 1):
            self._first.setdefault(site.definition, id)
            self._counts[site.definition] += 1

    def of(self, function: Function, span: tuple[int, int] | None) -> int:
        """The site of its definition; of one in another text the first inside of it; 0 without any."""
        definition = function.origin[0]
        if span is None:
            return self._first.get(definition, 0)
        self.all.append(Site(*span, definition, self._counts[definition]))
        self._counts[definition] += 1
        return len(self.all)


def built(
    module: Module, globs: Sequence[str], own: str, imported: Mapping[str, Export], spans: Spans
) -> Module:
    """The module with guards in the functions that the globs fit, which it lists: for a file. ``imported``:
    exports of imported modules by symbol; ``spans``: as in `guarded`. Raises ValueError where they are more
    than have a byte."""
    found, names = guarded(
        module, lambda symbol: any(fnmatchcase(symbol, glob) for glob in globs), own, spans
    )
    if len(names) > CACHED:
        raise ValueError(f"{len(names)} functions are to be guarded, a module has room for {CACHED}")
    exported = {f"{own}/{e.name}" if own else e.name: e.name for e in module.exports if e.func}
    guards = [Guard(name, exported.get(name, ""), imported.get(name)) for name in names]
    return replace(found, guards=guards)


def _entry(function: Function, number: int, asked: str) -> Function:
    entry = copy_function(function)
    elsewhere = _call(asked, entry, [Local(p) for p in entry.params], tail=True)
    here = _prim("routed", [], number) if number < CACHED else Const(T.BOOL, False)
    entry.body = If(here, entry.body, elsewhere)
    return entry


def _asked(function: Function, symbol: str, declared: T.Type, site: int) -> Function:
    params = [Var(p.name, p.type) for p in function.params]
    asked = Function(
        f"{function.name} asked", params, Const(T.NIL, None), function.result,
        display_name=function.display_name, origin=function.origin,
    )  # fmt: skip
    request = [Const(T.STR, symbol), Const(T.KW, MODE), Const(T.NIL, None), _arguments(function, params)]
    answer, token = Var("answer"), Var("token")
    kinds = function.result if declared == T.ANY else declared
    value = _checked(_prim("nth", [Local(answer), Const(T.INT, 1)]), kinds, site)
    timed = _timed(function, params, token)
    here = Let(
        token,
        _prim("nth3", [Local(answer), Const(T.INT, 1), Const(T.NIL, None)]),
        If(_prim("truthy", [Local(token)]), timed, _plain(function, params, tail=True)),
    )
    asked.body = Let(
        answer,
        _prim("host", request, "delegate", site),
        If(_prim("truthy", [_prim("first", [Local(answer)])]), value, here),
    )
    return asked


def _timed(function: Function, params: list[Var], token: Var) -> Expr:
    result = Var("result", function.result)
    begun, ended, again = (_prim("host", [Local(token)], DONE) for _ in range(3))
    body = Let(result, _plain(function, params, tail=False), Seq([ended, again], Local(result)))
    return Seq([begun], body)


def _plain(function: Function, params: list[Var], *, tail: bool) -> Call:
    return _call(f"{function.name} plain", function, [Local(p) for p in params], tail=tail)


def _call(name: str, function: Function, args: list[Expr], *, tail: bool) -> Call:
    return Call(name, args, function.result, 0, tail)


def _arguments(function: Function, params: list[Var]) -> Expr:
    """As one vector, whatever the parameters are."""
    fixed = params[:-1] if function.rest else params
    vector = _prim("vector", [Local(p) for p in fixed])
    return _prim("concat", [vector, Local(params[-1])]) if function.rest else vector


def _checked(value: Expr, result: T.Type, site: int) -> Expr:
    if result == T.ANY:
        return value
    check = _prim("check", [value], result, site)
    check.type = result
    return check


def _prim(op: str, args: list[Expr], imm: object = None, site: int = 0) -> Prim:
    return Prim(op, args, OPS[op].result, site, imm)
