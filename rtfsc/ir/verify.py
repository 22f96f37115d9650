"""The verifier: what every module must satisfy before an engine or a backend sees it.

Verified IR can never make an engine read an unboxed value wrongly: every value flows into a place of
a wider type (consumers box), narrowing is done by ``as`` and ``check`` alone, which test at run time,
and whatever is called with boxed arguments from outside the module's own direct calls (closures,
exports) has boxed parameters.

Rules per node are in the functions below; the module-wide ones:

* a function that a `Closure` or an `Export` names takes ``any`` for each parameter (a rest parameter
  at least ``list``); a `Variant`'s types are those of its function's parameters
* ``tail`` calls stand in tail position and their callee's result has the caller's representation
* the type of a `Call` holds the callee's result and has its representation
* ``as [t]`` and ``check [t]`` have exactly the type ``t``; the type of any other primitive is the declared
  one (or wider, in the same representation)
* the ``closure`` of a `Call` is a `Closure` of that function, a local bound to one, or its ``self_var``
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

from rtfsc.ir import types as T
from rtfsc.ir.errors import IRError
from rtfsc.ir.nodes import (
    INIT,
    Apply,
    Call,
    CallValue,
    Closure,
    Const,
    Export,
    Expr,
    Function,
    Global,
    If,
    Let,
    LetRec,
    Local,
    Loop,
    Module,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
    Var,
)
from rtfsc.ir.routes import CACHED
from rtfsc.ir.text import CONST_NAMES, TYPE_IMM, show_expr
from rtfsc.ir.walk import deep
from rtfsc.primitives.ops import OPS

MAX_VARIADIC: Final = 250
MAX_PARAMS: Final = 250
_ALL: Final = T.ANY | T.BUILDER
_KEYS: Final = T.KW | T.STR | T.INT
_TEXT_CONSTS: Final = frozenset({T.STR, T.KW, *CONST_NAMES})


def verify(module: Module) -> None:
    """Raises IRError naming the function and the node at fault."""
    with deep():
        if INIT not in module.functions:
            raise IRError(f"no function {INIT}")
        for name, t in module.globals.items():
            if not _is_type(t, T.ANY):
                raise IRError(f"global {name} has no type")
        for key, f in module.functions.items():
            if key != f.name:
                raise IRError(f"function {f.name} is stored as {key}")
            _verify_signature(f)
        for f in module.functions.values():
            _Verifier(module, f).run()
        for e in module.exports:
            _verify_export(module, e)
        _verify_guards(module)


def _is_type(t: Any, within: T.Type = _ALL) -> bool:
    return type(t) is int and t >= 0 and t & ~within == 0


def _verify_signature(f: Function) -> None:
    if len(f.params) > MAX_PARAMS:
        raise IRError("too many parameters", f.name)
    if f.rest and not f.params:
        raise IRError("a rest parameter is missing", f.name)
    for v in (*f.params, *f.captures, *([f.self_var] if f.self_var else [])):
        if not _is_type(v.type):
            raise IRError(f"variable {v.name} has no type", f.name)
    if f.self_var is not None and f.self_var.type & T.FN == 0:
        raise IRError("self is no function", f.name)
    if not _is_type(f.result):
        raise IRError("no result type", f.name)
    if f.name == INIT and (f.params or f.captures):
        raise IRError("takes parameters", f.name)


def _boxed_entry(module: Module, f: Function) -> str | None:
    """Why ``f`` cannot be called with boxed arguments of any kind, if it cannot."""
    for i, v in enumerate(f.params):
        needed = T.LIST if f.rest and i == len(f.params) - 1 else T.ANY
        if not T.subtype(needed, v.type) or T.rep(v.type) != "val":
            return f"parameter {v.name} of {f.name} does not take {T.show(needed)}"
    return None


def _verify_export(module: Module, e: Export) -> None:
    if e.func is None:
        if e.name not in module.globals:
            raise IRError(f"export {e.name} names no global")
        return
    f = module.functions.get(e.func)
    if f is None or f.captures or f.self_var is not None:
        raise IRError(f"export {e.name} names no function without captures")
    reason = _boxed_entry(module, f)
    if reason:
        raise IRError(f"export {e.name}: {reason}")
    if len(e.params) != len(f.params) or len(e.param_types) != len(f.params) or e.rest != f.rest:
        raise IRError(f"export {e.name} has other parameters than {f.name}")
    for v in e.variants:
        clone = module.functions.get(v.func)
        if clone is None or clone.captures or clone.self_var is not None or clone.rest:
            raise IRError(f"variant of export {e.name} names no plain function: {v.func}")
        if tuple(p.type for p in clone.params) != tuple(v.params) or len(v.params) != len(f.params):
            raise IRError(f"variant {v.func} of export {e.name} has other parameter types")


def _verify_guards(module: Module) -> None:
    functions = {e.name for e in module.exports if e.func is not None}
    if len(module.guards) > CACHED or len({g.symbol for g in module.guards}) < len(module.guards):
        raise IRError("too many guards, or one that occurs twice")
    for g in module.guards:
        if g.export and g.export not in functions:
            raise IRError(f"guard {g.symbol} names no exported function")
        described = g.interface
        if described is not None and (
            described.func is None or len(described.params) != len(described.param_types)
        ):
            raise IRError(f"guard {g.symbol} has not the interface of a function")


class _Verifier:
    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.scope: set[Var] = set()
        self.seen: set[Var] = set()
        self.closures: dict[Var, str] = {}
        self.loops: dict[str, Loop] = {}

    def run(self) -> None:
        f = self.function
        for v in (*f.params, *f.captures):
            self.bind(v, f.body)
        if f.self_var is not None:
            self.bind(f.self_var, f.body)
            self.closures[f.self_var] = f.name
        self.walk(f.body, True, frozenset())
        if not T.subtype(f.body.type, f.result):
            self.fail(f"result {T.show(f.body.type)} is not {T.show(f.result)}", f.body)

    def fail(self, message: str, node: Expr) -> NoReturn:
        raise IRError(message, self.function.name, show_expr(node))

    def walk(self, e: Expr, tail: bool, labels: frozenset[str]) -> None:
        """``tail``: in tail position of the function; ``labels``: the loops that may be continued."""
        if not _is_type(e.type):
            self.fail("no type", e)
        if type(e.site) is not int or not 0 <= e.site <= len(self.module.sites):
            self.fail(f"site {e.site} does not exist", e)
        check = _RULES.get(type(e))
        if check is None:
            raise IRError(f"unknown node {type(e).__name__}", self.function.name)
        check(self, e, tail, labels)

    def operand(self, e: Expr, want: T.Type, node: Expr) -> None:
        self.walk(e, False, frozenset())
        if not T.subtype(e.type, want):
            self.fail(f"operand of type {T.show(e.type)} where {T.show(want)} is needed", node)

    def bind(self, v: Var, node: Expr) -> None:
        if v in self.seen:
            self.fail(f"variable {v.name} is bound twice", node)
        if not _is_type(v.type):
            self.fail(f"variable {v.name} has no type", node)
        self.seen.add(v)
        self.scope.add(v)

    def typed(self, e: Expr, t: T.Type) -> None:
        if e.type != t:
            self.fail(f"type {T.show(e.type)} should be {T.show(t)}", e)

    def holds(self, e: Expr, t: T.Type) -> None:
        """``e.type`` holds ``t`` and travels the same way."""
        if not T.subtype(t, e.type) or T.rep(t) != T.rep(e.type):
            self.fail(f"type {T.show(e.type)} cannot stand for {T.show(t)}", e)

    def const(self, e: Const, tail: bool, labels: frozenset[str]) -> None:
        if not _const_ok(e):
            self.fail(f"malformed constant of type {T.show(e.type)}", e)

    def local(self, e: Local, tail: bool, labels: frozenset[str]) -> None:
        if e.var not in self.scope:
            self.fail(f"variable {e.var.name} is not bound here", e)
        self.typed(e, e.var.type)

    def global_(self, e: Global, tail: bool, labels: frozenset[str]) -> None:
        if e.name not in self.module.globals:
            self.fail("no such global", e)
        self.typed(e, self.module.globals[e.name])

    def set_global(self, e: SetGlobal, tail: bool, labels: frozenset[str]) -> None:
        if self.function.name != INIT:
            self.fail(f"a global is set outside {INIT}", e)
        if e.name not in self.module.globals:
            self.fail("no such global", e)
        self.operand(e.value, self.module.globals[e.name], e)
        self.typed(e, e.value.type)

    def let(self, e: Let, tail: bool, labels: frozenset[str]) -> None:
        self.operand(e.value, e.var.type, e)
        self.bind(e.var, e)
        if isinstance(e.value, Closure):
            self.closures[e.var] = e.value.func
        self.walk(e.body, tail, labels)
        self.scope.discard(e.var)
        self.typed(e, e.body.type)

    def letrec(self, e: LetRec, tail: bool, labels: frozenset[str]) -> None:
        for v, closure in e.bindings:
            self.bind(v, e)
            if not isinstance(closure, Closure) or not T.subtype(T.FN, v.type):
                self.fail("letrec binds closures only", e)
            self.closures[v] = closure.func
        for _, closure in e.bindings:
            self.walk(closure, False, frozenset())
        self.walk(e.body, tail, labels)
        for v, _ in e.bindings:
            self.scope.discard(v)
        self.typed(e, e.body.type)

    def seq(self, e: Seq, tail: bool, labels: frozenset[str]) -> None:
        for x in e.effects:
            self.operand(x, _ALL, e)
        self.walk(e.result, tail, labels)
        self.typed(e, e.result.type)

    def conditional(self, e: If, tail: bool, labels: frozenset[str]) -> None:
        self.operand(e.test, T.BOOL, e)
        self.walk(e.then, tail, labels)
        self.walk(e.orelse, tail, labels)
        if not T.subtype(e.then.type | e.orelse.type, e.type):
            self.fail(f"type {T.show(e.type)} does not hold both arms", e)

    def loop(self, e: Loop, tail: bool, labels: frozenset[str]) -> None:
        if e.label in self.loops:
            self.fail(f"label {e.label} is not unique", e)
        if len(e.vars) != len(e.inits):
            self.fail("as many variables as initial values are needed", e)
        self.loops[e.label] = e
        for x, v in zip(e.inits, e.vars, strict=True):
            self.operand(x, v.type, e)
        for v in e.vars:
            self.bind(v, e)
        self.walk(e.body, tail, labels | {e.label})
        for v in e.vars:
            self.scope.discard(v)
        self.typed(e, e.body.type)

    def recur(self, e: Recur, tail: bool, labels: frozenset[str]) -> None:
        if e.label not in labels:
            self.fail(f"not in tail position of loop {e.label}", e)
        target = self.loops[e.label]
        if len(e.args) != len(target.vars):
            self.fail(f"loop {e.label} has {len(target.vars)} variables", e)
        for x, v in zip(e.args, target.vars, strict=True):
            self.operand(x, v.type, e)
        self.typed(e, T.NEVER)

    def call(self, e: Call, tail: bool, labels: frozenset[str]) -> None:
        f = self.module.functions.get(e.func)
        if f is None or f.name == INIT:
            self.fail(f"no function {e.func}", e)
        if len(e.args) != len(f.params):
            self.fail(f"{e.func} takes {len(f.params)} arguments", e)
        self.carrier(e, f)
        for x, v in zip(e.args, f.params, strict=True):
            self.operand(x, v.type, e)
        self.holds(e, f.result)
        if e.tail:
            self.tail_position(e, tail)
            if T.rep(f.result) != T.rep(self.function.result):
                self.fail("tail call of a function whose result travels differently", e)

    def carrier(self, e: Call, f: Function) -> None:
        """The closure of a direct call is one of the called function."""
        if e.closure is None:
            if f.captures or f.self_var is not None:
                self.fail(f"{e.func} needs its closure", e)
            return
        self.operand(e.closure, T.FN, e)
        if isinstance(e.closure, Closure):
            func: str | None = e.closure.func
        else:
            func = self.closures.get(e.closure.var) if isinstance(e.closure, Local) else None
        if func != e.func:
            self.fail(f"the closure is not known to be one of {e.func}", e)

    def tail_position(self, e: Expr, tail: bool) -> None:
        if not tail:
            self.fail("tail call outside tail position", e)
        if T.rep(self.function.result) != "val" and not isinstance(e, Call):
            self.fail("tail call of a value in a function with an unboxed result", e)

    def call_value(self, e: CallValue, tail: bool, labels: frozenset[str]) -> None:
        self.operand(e.callee, T.ANY, e)
        for x in e.args:
            self.operand(x, T.ANY, e)
        if len(e.args) > MAX_VARIADIC:
            self.fail("too many arguments", e)
        self.typed(e, T.ANY)
        if e.tail:
            self.tail_position(e, tail)

    def apply(self, e: Apply, tail: bool, labels: frozenset[str]) -> None:
        self.operand(e.callee, T.ANY, e)
        self.operand(e.args, T.ANY, e)
        self.typed(e, T.ANY)
        if e.tail:
            self.tail_position(e, tail)

    def closure(self, e: Closure, tail: bool, labels: frozenset[str]) -> None:
        f = self.module.functions.get(e.func)
        if f is None or f.name == INIT:
            self.fail(f"no function {e.func}", e)
        if len(e.captures) != len(f.captures):
            self.fail(f"{e.func} captures {len(f.captures)} values", e)
        reason = _boxed_entry(self.module, f)
        if reason:
            self.fail(reason, e)
        for x, v in zip(e.captures, f.captures, strict=True):
            self.operand(x, v.type, e)
        self.typed(e, T.FN)

    def prim(self, e: Prim, tail: bool, labels: frozenset[str]) -> None:
        op = OPS.get(e.op)
        if op is None:
            self.fail(f"no operation {e.op}", e)
        if op.imm != (e.imm is not None):
            self.fail("immediate operand missing or not wanted", e)
        if e.imm is not None and not _imm_ok(e.op, e.imm):
            self.fail("malformed immediate operand", e)
        if op.variadic:
            if len(e.args) > MAX_VARIADIC:
                self.fail(f"more than {MAX_VARIADIC} operands", e)
            for x in e.args:
                self.operand(x, T.ANY, e)
        else:
            if len(e.args) != len(op.params):
                self.fail(f"{e.op} takes {len(op.params)} operands", e)
            for x, t in zip(e.args, op.params, strict=True):
                self.operand(x, t, e)
        if e.op in ("as", "check"):
            self.typed(e, e.imm)
        else:
            self.holds(e, op.result)

    def try_(self, e: Try, tail: bool, labels: frozenset[str]) -> None:
        self.walk(e.body, False, frozenset())
        if e.var.type != T.ERR:
            self.fail("the variable of try has type err", e)
        self.bind(e.var, e)
        self.walk(e.handler, tail, labels)
        self.scope.discard(e.var)
        self.typed(e, e.body.type | e.handler.type)


def _imm_ok(op: str, imm: Any) -> bool:
    if op == "routed":
        return type(imm) is int and 0 <= imm < CACHED
    if op in TYPE_IMM:
        return _is_type(imm, T.ANY) and imm != T.NEVER
    if isinstance(imm, str):
        return _is_text(imm)
    return type(imm) is int and -(1 << 31) <= imm < 1 << 31


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _const_ok(e: Const) -> bool:
    """Iterative: constants from outside may nest deeply."""
    stack: list[Any] = [e]
    while stack:
        c = stack.pop()
        if not isinstance(c, Const):
            return False
        t, value = c.type, c.value
        if t in (T.VEC, T.LIST) and type(value) is tuple:
            stack.extend(value)
        elif t == T.MAP and type(value) is tuple:
            for pair in value:
                if type(pair) is not tuple or len(pair) != 2 or not isinstance(pair[0], Const):
                    return False
                if pair[0].type & ~_KEYS or pair[0].type == T.NEVER:
                    return False
                stack.extend(pair)
        elif not _atom_ok(t, value):
            return False
    return True


def _atom_ok(t: T.Type, value: Any) -> bool:
    if t == T.NIL:
        return value is None
    if t == T.BOOL:
        return type(value) is bool
    if t == T.INT:
        return type(value) is int and -(1 << 63) <= value < 1 << 63
    if t == T.FLOAT:
        return type(value) is float
    return t in _TEXT_CONSTS and _is_text(value)


_RULES: Final[dict[type, Callable[..., None]]] = {
    Const: _Verifier.const,
    Local: _Verifier.local,
    Global: _Verifier.global_,
    SetGlobal: _Verifier.set_global,
    Let: _Verifier.let,
    LetRec: _Verifier.letrec,
    Seq: _Verifier.seq,
    If: _Verifier.conditional,
    Loop: _Verifier.loop,
    Recur: _Verifier.recur,
    Call: _Verifier.call,
    CallValue: _Verifier.call_value,
    Apply: _Verifier.apply,
    Closure: _Verifier.closure,
    Prim: _Verifier.prim,
    Try: _Verifier.try_,
}
