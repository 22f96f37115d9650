"""Library functions: what a call with n arguments is, and the functions that they are as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
    Call,
    Closure,
    Const,
    Expr,
    Function,
    If,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Var,
    integer,
)
from rtfsc.ir.walk import nodes
from rtfsc.primitives.library import LIBRARY
from rtfsc.primitives.ops import OPS

PREFIX = "lib/"


class Target(NamedTuple):
    """``how``: "op" (with ``imm``), "fold", "variadic", or "rtfs": function ``name`` with ``fixed``
    parameters before the rest parameter (None if there is none)."""

    how: Literal["op", "fold", "variadic", "rtfs"]
    name: str
    imm: object = None
    fixed: int | None = None


class Source(Protocol):
    """Compiled library code: the bundle, or the library that is being compiled."""

    def names(self) -> frozenset[str]: ...

    def function(self, name: str) -> Function | None: ...


class Linker:
    """``names`` of RTFS library functions are ``map/2`` (exactly 2) or ``assoc/5+`` (5 and more)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.results: dict[str, T.Type] = {}
        self.arities: dict[str, tuple[dict[int, str], tuple[int, str] | None]] | None = None

    def target(self, name: str, count: int) -> Target | None:
        """What a call with ``count`` arguments is; None if it takes another number."""
        entry = LIBRARY[name]
        known = entry.arities.get(count)
        if known is not None:
            return Target("op", known[0], immediate(*known))
        if entry.fold is not None and count >= 2:
            return Target("fold", entry.fold)
        if entry.at_least is not None and count >= entry.at_least[0]:
            return Target("variadic", entry.at_least[1])
        exact, more = self._rtfs(name)
        if count in exact:
            return Target("rtfs", PREFIX + exact[count])
        if more is not None and count >= more[0]:
            return Target("rtfs", PREFIX + more[1], fixed=more[0])
        return None

    def expected(self, name: str) -> str:
        """The numbers of arguments that a library function takes, as ArityMismatch says them."""
        exact, minimum = self._counts(name)
        if minimum is not None:
            return " or ".join([*map(str, exact), f"at least {minimum}"])
        if len(exact) > 2:
            return f"{exact[0]} to {exact[-1]}"
        return " or ".join(map(str, exact))

    def _counts(self, name: str) -> tuple[list[int], int | None]:
        entry = LIBRARY[name]
        rtfs, more = self._rtfs(name)
        exact = sorted({*entry.arities, *rtfs})
        minimums = [2] if entry.fold else []
        minimums += [entry.at_least[0]] if entry.at_least else []
        minimums += [more[0]] if more else []
        minimum = min(minimums) if minimums else None
        while minimum is not None and minimum - 1 in exact:
            minimum -= 1
        return [n for n in exact if minimum is None or n < minimum], minimum

    def _rtfs(self, name: str) -> tuple[dict[int, str], tuple[int, str] | None]:
        if not LIBRARY[name].rtfs and not LIBRARY[name].at_least:
            return {}, None
        if self.arities is None:
            self.arities = index(self.source.names())
        return self.arities.get(name, ({}, None))

    # --- functions as values

    def closure(self, name: str, module: Module, count: int | None = None) -> Closure:
        """The function value of a library name; with ``count``, one that need only take so many arguments."""
        return Closure(self._function(name, module, count), [])

    def _function(self, name: str, module: Module, count: int | None) -> str:
        exact, minimum = self._counts(name)
        if minimum is None and len(exact) == 1:
            return self._exactly(name, exact[0], PREFIX + name, module)
        if count is not None and self._is_plain(name, count):
            return self._exactly(name, count, f"{PREFIX}{name}/{count}", module)
        if LIBRARY[name].fold is not None:
            return self._add(module, PREFIX + name, lambda ir_name: _fold(ir_name, name))
        more = self._rtfs(name)[1]
        if more is not None and more[0] == minimum and not exact:
            return PREFIX + more[1]
        return self._add(module, PREFIX + name, lambda ir_name: _dispatch(ir_name, self, name))

    def _is_plain(self, name: str, count: int) -> bool:
        target = self.target(name, count)
        return target is not None and target.fixed is None

    def _exactly(self, name: str, count: int, wrapper: str, module: Module) -> str:
        """A function of exactly ``count`` parameters: the RTFS one, or a wrapper of the operation."""
        target = self.target(name, count)
        assert target is not None
        if target.how == "rtfs":
            return target.name
        return self._add(module, wrapper, lambda ir_name: _fixed(ir_name, self, name, count))

    def _add(self, module: Module, name: str, make: Callable[[str], Function]) -> str:
        if name not in module.functions:
            module.functions[name] = make(name)
        return name

    def link(self, module: Module) -> None:
        """Adds the library functions that the module refers to, and those that they refer to."""
        queue = list(module.functions.values())
        for function in queue:  # grows while it is walked
            for node in nodes(function.body):
                name = getattr(node, "func", None) if type(node) in (Call, Closure) else None
                if name is not None and name not in module.functions and name.startswith(PREFIX):
                    added = self.source.function(name)
                    assert added is not None, name
                    module.functions[name] = added
                    queue.append(added)

    def result(self, name: str) -> T.Type:
        """The result type of a library function; any for one that is being compiled."""
        known = self.results.get(name)
        if known is None:
            function = self.source.function(name)
            known = self.results[name] = T.ANY if function is None else function.result
        return known


def index(names: frozenset[str]) -> dict[str, tuple[dict[int, str], tuple[int, str] | None]]:
    found: dict[str, tuple[dict[int, str], tuple[int, str] | None]] = {}
    for full in sorted(names):
        name, _, arity = full.removeprefix(PREFIX).rpartition("/")
        if not name or not arity.removesuffix("+").isdigit():
            continue
        exact, more = found.get(name, ({}, None))
        if arity.endswith("+"):
            more = int(arity[:-1]), full.removeprefix(PREFIX)
        else:
            exact[int(arity)] = full.removeprefix(PREFIX)
        found[name] = exact, more
    return found


def immediate(op: str, text: str | None) -> object:
    if text is None:
        return None
    return T.parse(text) if op in ("is", "check", "as") else text


def apply_target(target: Target, args: list[Expr], site: int = 0, rtfs_result: T.Type = T.ANY) -> Expr:
    """The call of a target with few arguments that are cheap to repeat or used once."""
    if target.how == "rtfs":
        if target.fixed is not None:
            rest = Prim("list", args[target.fixed :], T.LIST)
            args = [*args[: target.fixed], rest]
        return Call(target.name, args, rtfs_result, site)
    if target.how == "fold":
        result = args[0]
        for arg in args[1:]:
            result = Prim(target.name, [result, arg], OPS[target.name].result, site)
        return result
    if target.name == "as-is":
        return args[0]
    return Prim(target.name, args, OPS[target.name].result, site, target.imm)


def _shell(ir_name: str, name: str, params: list[Var], body: Expr, rest: bool) -> Function:
    return Function(ir_name, params, body, rest=rest, display_name=name, origin=(name, 0), library=True)


def _fixed(ir_name: str, linker: Linker, name: str, count: int) -> Function:
    """``(fn [a b] (op a b))``"""
    target = linker.target(name, count)
    assert target is not None
    params = [Var(f"a{i}") for i in range(count)]
    return _shell(ir_name, name, params, apply_target(target, [Local(p) for p in params]), False)


def _fold(ir_name: str, name: str) -> Function:
    """``(fn [x & more] …)``: the operation from the left over all arguments."""
    entry = LIBRARY[name]
    assert entry.fold is not None
    x, more, i, acc = Var("x"), Var("more", T.LIST), Var("i", T.INT), Var("acc")
    op, imm = entry.arities[1]
    alone = apply_target(Target("op", op, immediate(op, imm)), [Local(x)])
    step = Prim(entry.fold, [Local(acc), _element(more, Local(i))], OPS[entry.fold].result)
    again = Recur("L1", [Prim("int.add", [Local(i), integer(1)], T.INT), step])
    test = Prim("int.lt", [Local(i), _length(more)], T.BOOL)
    loop = Loop("L1", [i, acc], [integer(0), Local(x)], If(test, again, Local(acc)))
    body = If(Prim("int.eq", [_length(more), integer(0)], T.BOOL), alone, loop)
    return _shell(ir_name, name, [x, more], body, True)


def _dispatch(ir_name: str, linker: Linker, name: str) -> Function:
    """``(fn [& all] …)``: chooses by the number of arguments."""
    args = Var("args", T.LIST)
    rtfs, more = linker._rtfs(name)
    body: Expr = Prim(
        "raise.arity", [Const(T.STR, name), Const(T.STR, linker.expected(name)), _length(args)], T.NEVER
    )
    if more is not None:
        top = PREFIX + more[1]
        fixed = [_element(args, integer(i)) for i in range(more[0])]
        rest = Prim(
            "seq.to-list", [Prim("seq.slice", [Local(args), integer(more[0]), _length(args)], T.ANY)], T.LIST
        )
        enough = Prim("int.ge", [_length(args), integer(more[0])], T.BOOL)
        body = If(enough, Call(top, [*fixed, rest], linker.result(top)), body)
    for count in sorted({*LIBRARY[name].arities, *rtfs}, reverse=True):
        target = linker.target(name, count)
        assert target is not None
        picked = [_element(args, integer(i)) for i in range(count)]
        result = linker.result(target.name) if target.how == "rtfs" else T.ANY
        test = Prim("int.eq", [_length(args), integer(count)], T.BOOL)
        body = If(test, apply_target(target, picked, rtfs_result=result), body)
    return _shell(ir_name, name, [args], body, True)


def _length(list_var: Var) -> Expr:
    return Prim("seq.length", [Local(list_var)], T.INT)


def _element(list_var: Var, index: Expr) -> Expr:
    return Prim("seq.nth", [Local(list_var), index], T.ANY)
