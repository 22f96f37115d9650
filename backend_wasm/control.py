"""Expressions with bodies: bindings, conditionals, loops, handlers, and what tail position means.

`result` walks along the last part of each body without recursion, so a chain of thousands of bindings
or conditions needs no stack; a step per kind of expression emits its start and answers what comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from backend_wasm import layout as L
from backend_wasm.calls import emit_apply, emit_call, emit_call_value, fill_closure, new_closure
from backend_wasm.convert import convert
from backend_wasm.function import NEVER, NONE, FunctionEmitter
from backend_wasm.inline import PLAIN
from backend_wasm.roots import poll
from backend_wasm.text import WASM
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Apply, Call, CallValue, Const, Expr, If, Let, LetRec, Local, Loop, Prim, Seq, Try
from rtfsc.ir.walk import nodes
from rtfsc.ir.weight import grows

BODIES: Final = (Let, LetRec, Seq, If, Loop, Try)
_CHEAP: Final = 6
"""Nodes of a test that costs less than a branch."""


def result(f: FunctionEmitter, e: Expr, want: str, tail: bool) -> None:
    """Code for ``e``; in tail position it leaves the function's result and may end in a tail call."""
    pad, counting, loops = f.pad, f.counting, f.loops
    following: Expr | None = e
    while following is not None:
        step = _STEPS.get(type(following), _leaf)
        following = step(f, following, want, tail)
    while len(f.pad) > len(pad):
        f.close()
    f.counting, f.loops = counting, loops


def _let(f: FunctionEmitter, e: Let, want: str, tail: bool) -> Expr:
    _before(f, e.value, tail)
    f.value(e.value, T.rep(e.var.type))
    f.set(f.bind(e.var))
    return e.body


def _seq(f: FunctionEmitter, e: Seq, want: str, tail: bool) -> Expr:
    for effect in e.effects:
        _before(f, effect, tail)
        f.value(effect, NONE)
    return e.result


def _let_rec(f: FunctionEmitter, e: LetRec, want: str, tail: bool) -> Expr:
    made = []
    for var, closure in e.bindings:
        made.append((closure, new_closure(f, closure)))
        f.set(f.bind(var))
    for closure, ref in made:
        if ref:
            fill_closure(f, closure, ref)
            f.release("i32", ref)
    return e.body


def _if(f: FunctionEmitter, e: If, want: str, tail: bool) -> Expr | None:
    if not tail and want == "i32" and _logical(f, e):
        return None
    _before(f, e.test, tail)
    if (e.then.type == T.NEVER) != (e.orelse.type == T.NEVER):
        return _guard(f, e, want, tail)
    f.value(e.test, "i32")
    f.open("if" + _block_type(want))
    result(f, e.then, want, tail)
    if want == NONE and isinstance(e.orelse, Const | Local):
        return None
    f.orelse()
    return e.orelse


def _guard(f: FunctionEmitter, e: If, want: str, tail: bool) -> Expr:
    """A conditional of which one arm never comes to its end: that arm first, skipped by a branch, then
    the other, which is the answer. The engine's code for a loop is tighter so than with an else."""
    never = e.then.type == T.NEVER
    label = f.label("other")
    with f.nested(f"block {label}"):
        f.value(e.test, "i32")
        if never:
            f.negate()
        f.op(f"br_if {label}")
        result(f, e.then if never else e.orelse, want, tail)
        if not f.left():
            f.op("unreachable")
    return e.orelse if never else e.then


def _logical(f: FunctionEmitter, e: If) -> bool:
    """``(if a true b)`` and ``(if a b false)`` without a branch, where ``b`` costs less than one."""
    then, orelse = e.then, e.orelse
    if isinstance(then, Const) and then.value is True and _cheap(orelse):
        other, wasm = orelse, "i32.or"
    elif isinstance(orelse, Const) and orelse.value is False and _cheap(then):
        other, wasm = then, "i32.and"
    else:
        return False
    f.value(e.test, "i32")
    f.value(other, "i32")
    f.op(wasm)
    return True


def _cheap(e: Expr) -> bool:
    """A test of type bool made of a few instructions that cannot raise."""
    if e.type != T.BOOL:
        return False
    for count, node in enumerate(nodes(e), 1):
        plain = isinstance(node, Local | Const) or (isinstance(node, Prim) and node.op in PLAIN)
        if count > _CHEAP or not plain:
            return False
    return True


def _loop(f: FunctionEmitter, e: Loop, want: str, tail: bool) -> Expr:
    _before(f, e, tail)
    for var, init in zip(e.vars, e.inits, strict=True):
        f.value(init, T.rep(var.type))
        f.set(f.bind(var))
    label = f.label("loop")
    f.targets[e.label] = label, e.vars
    f.open(f"loop {label}" + _block_type(want))
    f.loops += 1
    if (f.function.name, e.label) in f.module.polls.loops:
        poll(f, [f.bind(var) for var in f.live.after(e)])
    return e.body


def _try(f: FunctionEmitter, e: Try, want: str, tail: bool) -> None:
    _before(f, e, tail)
    done = f.label("done")
    calls = any(isinstance(node, Call | CallValue | Apply) for node in nodes(e.body))
    depth = f.temp("i32") if calls else ""
    if depth:
        f.op("i32.const 0", f"i32.load offset={L.STATE_DEPTH}")
        f.set(depth)
    f.open(f"block {done}" + _block_type(want))
    with f.catching(base=False):
        f.value(e.body, want)
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


def _leaf(f: FunctionEmitter, e: Expr, want: str, tail: bool) -> None:
    if not tail:
        f.value(e, want)
        return
    _before(f, e, tail)
    if isinstance(e, Call):
        have = emit_call(f, e, tail=True)
    elif isinstance(e, CallValue):
        have = emit_call_value(f, e, tail=True)
    elif isinstance(e, Apply):
        have = emit_apply(f, e, tail=True)
    else:
        f.value(e, want)
        have = want if e.type != T.NEVER else NEVER
    if have != NEVER:
        convert(f, have, want)
        f.leave()


_STEPS: Final[dict[type, Callable[[FunctionEmitter, Any, str, bool], Expr | None]]] = {
    Let: _let,
    LetRec: _let_rec,
    Seq: _seq,
    If: _if,
    Loop: _loop,
    Try: _try,
}


def _block_type(want: str) -> str:
    return "" if want == NONE else f" (result {WASM[want]})"


def _before(f: FunctionEmitter, e: Expr, tail: bool) -> None:
    """In tail position, counts the frame just before the first call that can be part of a recursion:
    paths without such a call, like the last level of fib, pay nothing."""
    facts = f.module.facts
    if tail and not f.counting and f.function.name in facts.counted and grows(e, facts.weights):
        f.enter()
