"""Expressions to code: structure here, primitives and calls in their own files.

`value` leaves the value of an expression on the stack in the wanted representation. `result` does the
same for expressions with bodies, walks along their last part without recursion, and knows tail position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from backend_wasm import layout as L
from backend_wasm.calls import emit_apply, emit_call, emit_call_value, emit_closure, fill_closure, new_closure
from backend_wasm.constants import immediate
from backend_wasm.convert import convert
from backend_wasm.function import NEVER, NONE, FunctionEmitter
from backend_wasm.inline import PLAIN
from backend_wasm.prims import emit_prim
from backend_wasm.ranges import after_test, in_loop
from backend_wasm.text import WASM
from rtfsc.ir import types as T
from rtfsc.ir.nodes import (
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
    Local,
    Loop,
    Prim,
    Recur,
    Seq,
    SetGlobal,
    Try,
)
from rtfsc.ir.walk import nodes

_BODIES: Final = (Let, LetRec, Seq, If, Loop, Try)


def value(f: FunctionEmitter, e: Expr, want: str) -> None:
    """Code for ``e`` outside of tail position; with ``want`` `NONE` it leaves nothing."""
    if isinstance(e, _BODIES):
        own = T.rep(e.type)
        if want == "val" and own != "val":
            result(f, e, own, False)
            convert(f, own, want)
        else:
            result(f, e, want, False)
        return
    if isinstance(e, Const):
        _constant(f, e, want)
        return
    convert(f, _EMIT[type(e)](f, e), want)


def natural(f: FunctionEmitter, e: Expr) -> str:
    """Code for ``e`` in the representation that it comes in."""
    if isinstance(e, Const) or isinstance(e, _BODIES):
        own = T.rep(e.type)
        value(f, e, own)
        return own
    return _EMIT[type(e)](f, e)


def operand(f: FunctionEmitter, e: Expr, want: str) -> tuple[str, str]:
    """The value as an instruction that can be repeated, and the temporary that it holds or ``""``."""
    if isinstance(e, Local) and T.rep(e.var.type) == want:
        return f"local.get {f.bind(e.var)}", ""
    if isinstance(e, Const):
        line = _constant_line(f, e, want)
        if line:
            return line, ""
    value(f, e, want)
    temp = f.temp(WASM[want])
    f.set(temp)
    return f"local.get {temp}", temp


def result(f: FunctionEmitter, e: Expr, want: str, tail: bool) -> None:
    """Code for ``e``; in tail position it leaves the function's result and may end in a tail call."""
    closers = 0
    counting = f.counting
    loops = f.loops
    ranges = f.ranges
    while True:
        kind = type(e)
        if kind is Let:
            _before(f, e.value, tail)  # type: ignore[attr-defined]
            _let(f, e)  # type: ignore[arg-type]
            e = e.body  # type: ignore[attr-defined]
        elif kind is Seq:
            for effect in e.effects:  # type: ignore[attr-defined]
                _before(f, effect, tail)
                value(f, effect, NONE)
            e = e.result  # type: ignore[attr-defined]
        elif kind is LetRec:
            _let_rec(f, e)  # type: ignore[arg-type]
            e = e.body  # type: ignore[attr-defined]
        elif kind is If:
            if not tail and want == "i32" and logical(f, e):  # type: ignore[arg-type]
                break
            _before(f, e.test, tail)  # type: ignore[attr-defined]
            if (e.then.type == T.NEVER) != (e.orelse.type == T.NEVER):  # type: ignore[attr-defined]
                e = _guard(f, e, want, tail)  # type: ignore[arg-type]
                continue
            value(f, e.test, "i32")  # type: ignore[attr-defined]
            f.open("if" + _result(want))
            around = f.ranges
            f.ranges = after_test(e.test, True, around)  # type: ignore[attr-defined]
            result(f, e.then, want, tail)  # type: ignore[attr-defined]
            f.ranges = after_test(e.test, False, around)  # type: ignore[attr-defined]
            if want == NONE and _empty(e.orelse):  # type: ignore[attr-defined]
                f.close()
                break
            f.orelse()
            closers += 1
            e = e.orelse  # type: ignore[attr-defined]
        elif kind is Loop:
            _before(f, e, tail)
            for var, init in zip(e.vars, e.inits, strict=True):  # type: ignore[attr-defined]
                value(f, init, T.rep(var.type))
                f.set(f.bind(var))
            f.ranges = in_loop(e, f.ranges)  # type: ignore[arg-type]
            label = f.label("loop")
            f.targets[e.label] = label, e.vars  # type: ignore[attr-defined]
            f.open(f"loop {label}" + _result(want))
            closers += 1
            f.loops += 1
            e = e.body  # type: ignore[attr-defined]
        elif kind is Try:
            _before(f, e, tail)
            _try(f, e, want, tail)  # type: ignore[arg-type]
            break
        else:
            _leaf(f, e, want, tail)
            break
    for _ in range(closers):
        f.close()
    f.counting = counting
    f.loops = loops
    f.ranges = ranges


def _guard(f: FunctionEmitter, e: If, want: str, tail: bool) -> Expr:
    """A conditional of which one arm never comes to its end: that arm first, skipped by a branch, then
    the other, which is the answer. The engine's code for a loop is tighter so than with an else."""
    around, never = f.ranges, e.then.type == T.NEVER
    label = f.label("other")
    with f.nested(f"block {label}"):
        value(f, e.test, "i32")
        if never:
            f.negate()
        f.op(f"br_if {label}")
        f.ranges = after_test(e.test, never, around)
        result(f, e.then if never else e.orelse, want, tail)
        if not f.left():
            f.op("unreachable")
    f.ranges = after_test(e.test, not never, around)
    return e.orelse if never else e.then


def logical(f: FunctionEmitter, e: If) -> bool:
    """``(if a true b)`` and ``(if a b false)`` without a branch, where ``b`` costs less than one."""
    then, orelse = e.then, e.orelse
    if isinstance(then, Const) and then.value is True and _cheap(orelse, 6):
        other, wasm = orelse, "i32.or"
    elif isinstance(orelse, Const) and orelse.value is False and _cheap(then, 6):
        other, wasm = then, "i32.and"
    else:
        return False
    value(f, e.test, "i32")
    value(f, other, "i32")
    f.op(wasm)
    return True


def _cheap(e: Expr, limit: int) -> bool:
    """A test of type bool made of a few instructions that cannot raise."""
    if e.type != T.BOOL:
        return False
    count = 0
    for node in nodes(e):
        count += 1
        if count > limit or not (isinstance(node, Local | Const) or _plain_prim(node)):
            return False
    return True


def _plain_prim(e: Expr) -> bool:
    return isinstance(e, Prim) and e.op in PLAIN


def _result(want: str) -> str:
    return "" if want == NONE else f" (result {WASM[want]})"


def _empty(e: Expr) -> bool:
    return isinstance(e, Const | Local)


def _before(f: FunctionEmitter, e: Expr, tail: bool) -> None:
    """In tail position, counts the frame just before the first call that can be part of a recursion:
    paths without such a call, like the last level of fib, pay nothing."""
    if tail and not f.counting and f.function.name in f.module.facts.counted and grows(f, e):
        f.enter()


def grows(f: FunctionEmitter, e: Expr) -> bool:
    """Whether ``e`` makes a call that can grow the stack without bound."""
    recursive, name = f.module.facts.recursive, f.function.name
    for node in nodes(e):
        if isinstance(node, Call):
            if not node.tail and recursive(name, node.func):
                return True
        elif isinstance(node, CallValue | Apply) and not node.tail:
            return True
    return False


def _leaf(f: FunctionEmitter, e: Expr, want: str, tail: bool) -> None:
    if not tail:
        value(f, e, want)
        return
    _before(f, e, tail)
    if isinstance(e, Call):
        have = emit_call(f, e, tail=True)
    elif isinstance(e, CallValue):
        have = emit_call_value(f, e, tail=True)
    elif isinstance(e, Apply):
        have = emit_apply(f, e, tail=True)
    else:
        value(f, e, want)
        have = want if e.type != T.NEVER else NEVER
    if have != NEVER:
        convert(f, have, want)
        f.leave()


def _let(f: FunctionEmitter, e: Let) -> None:
    value(f, e.value, T.rep(e.var.type))
    f.set(f.bind(e.var))


def _let_rec(f: FunctionEmitter, e: LetRec) -> None:
    made = []
    for var, closure in e.bindings:
        made.append((closure, new_closure(f, closure)))
        f.set(f.bind(var))
    for closure, ref in made:
        if ref:
            fill_closure(f, closure, ref)
            f.release("i32", ref)


def _try(f: FunctionEmitter, e: Try, want: str, tail: bool) -> None:
    done = f.label("done")
    depth = f.temp("i32") if _calls(e.body) else ""
    if depth:
        f.op("i32.const 0", f"i32.load offset={L.STATE_DEPTH}")
        f.set(depth)
    f.open(f"block {done}" + _result(want))
    with f.catching(base=False):
        value(f, e.body, want)
        if tail:
            f.leave()
        f.op(f"br {done}")
    f.op("i32.const 0", f"i64.load offset={L.STATE_ERROR}")
    f.set(f.bind(e.var))
    if depth:
        f.op("i32.const 0", f"local.get {depth}", f"i32.store offset={L.STATE_DEPTH}")
        f.release("i32", depth)
    result(f, e.handler, want, tail)
    f.close()


def _calls(e: Expr) -> bool:
    return any(isinstance(node, Call | CallValue | Apply) for node in nodes(e))


# --- leaves


def _constant_line(f: FunctionEmitter, e: Const, want: str) -> str:
    """The one instruction for a constant, ``""`` if there is none."""
    own = T.rep(e.type)
    if want == "val":
        boxed = immediate(e)
        return f"i64.const {boxed}" if boxed is not None else f.module.constant(e)
    if want != own:
        return ""
    if own == "i64":
        return f"i64.const {e.value}"
    if own == "i32":
        return f"i32.const {int(e.value)}"
    return f"f64.const {_float(e.value)}"


def _float(x: float) -> str:
    if x != x:
        return "nan"
    return x.hex() if x not in (float("inf"), float("-inf")) else str(x)


def _constant(f: FunctionEmitter, e: Const, want: str) -> None:
    if want == NONE:
        return
    line = _constant_line(f, e, want)
    if not line:
        raise AssertionError(f"constant of type {T.show(e.type)} where {want} is wanted")
    f.op(line)


def _local(f: FunctionEmitter, e: Local) -> str:
    f.get(f.bind(e.var))
    return T.rep(e.var.type)


def global_rep(f: FunctionEmitter, name: str) -> str:
    """A global that may be read before it is set is boxed, to have a value that says so."""
    return "val" if name in f.module.facts.checked else T.rep(f.module.module.globals[name])


def _global(f: FunctionEmitter, e: Global) -> str:
    rep = global_rep(f, e.name)
    f.op(f"global.get {f.module.global_names[e.name]}")
    if e.checked:
        temp = f.temp("i64")
        f.op(f"local.tee {temp}", f"i64.const {L.SPECIAL_UNDEF}", "i64.eq")
        with f.nested("if"):
            f.op(f.module.constant(Const(T.STR, e.name)), f.module.rt("rt_raise_undefined"), "drop")
            f.fail(e.site)
        f.get(temp)
        f.release("i64", temp)
    return rep


def _set_global(f: FunctionEmitter, e: SetGlobal) -> str:
    rep = global_rep(f, e.name)
    name = f.module.global_names[e.name]
    value(f, e.value, rep)
    f.op(f"global.set {name}", f"global.get {name}")
    return rep


def _recur(f: FunctionEmitter, e: Recur) -> str:
    label, targets = f.targets[e.label]
    moves = [(v, a) for v, a in zip(targets, e.args, strict=True) if not (isinstance(a, Local) and a.var is v)]
    for var, arg in moves:
        value(f, arg, T.rep(var.type))
    for var, _ in reversed(moves):
        f.set(f.bind(var))
    f.op(f"br {label}")
    return NEVER


_EMIT: Final[dict[type, Callable[[FunctionEmitter, Any], str]]] = {
    Local: _local,
    Global: _global,
    SetGlobal: _set_global,
    Recur: _recur,
    Call: emit_call,
    CallValue: emit_call_value,
    Apply: emit_apply,
    Closure: emit_closure,
    Prim: emit_prim,
}
