"""Calls and closures.

A direct call goes to the function itself. A call of a value goes to a helper per number of arguments
(`backend_wasm.helpers`), which knows functions, variadic functions, keywords and functions of the
host; hot code tests for a function of the right arity itself.
"""

from __future__ import annotations

from backend_wasm import layout as L
from backend_wasm.convert import allocate, convert
from backend_wasm.function import NEVER, FunctionEmitter
from backend_wasm.helpers import NOT_LIBRARY, apply_helper, call_helper, fn_header
from backend_wasm.roots import hold, take_back
from rtfsc.ir import types as T
from rtfsc.ir.nodes import Apply, Call, CallValue, Closure

INLINE_ARGUMENTS = 4
"""Calls of values with more arguments always go through the helper."""


def emit_call(f: FunctionEmitter, e: Call, tail: bool = False) -> str:
    facts = f.module.facts
    callee = f.module.functions[e.func]
    if e.closure is not None:
        f.value(e.closure, "val")
    for param, arg in zip(callee.params, e.args, strict=True):
        f.value(arg, T.rep(param.type))
    name = f.module.function_names[e.func]
    rep, flagged = T.rep(callee.result), e.func in facts.flagged
    if tail and e.tail and rep == f.result and flagged == f.flagged:
        f.leave()
        f.op(f"return_call {name}")
        return NEVER
    held = hold(f, e)
    f.op(f"call {name}")
    take_back(f, held)
    if flagged and e.func not in facts.raises:
        f.op("drop")
    elif flagged:
        f.fail_if(e.site)
    elif callee.result == T.NEVER:
        f.op("drop")
        f.fail(e.site)
        return NEVER
    elif e.func in facts.raises:
        f.check_error(e.site)
    return rep


def emit_call_value(f: FunctionEmitter, e: CallValue, tail: bool = False) -> str:
    tail = tail and e.tail and f.result == "val"
    if f.hot and len(e.args) <= INLINE_ARGUMENTS:
        return _call_inline(f, e, tail)
    f.value(e.callee, "val")
    for arg in e.args:
        f.value(arg, "val")
    return _through_helper(f, call_helper(f.module, len(e.args)), e, tail)


def _through_helper(f: FunctionEmitter, helper: str, e: CallValue | Apply, tail: bool) -> str:
    """The helper gets the site too: after a tail call this frame is not there to add it."""
    f.op(f"i32.const {f.module.site(e.site)}")
    if tail:
        f.leave()
        f.op(f"return_call {helper}")
        return NEVER
    held = hold(f, e)
    f.op(f"call {helper}")
    take_back(f, held)
    f.check_error(e.site)
    return "val"


def _call_inline(f: FunctionEmitter, e: CallValue, tail: bool) -> str:
    operands = [f.operand(item, "val") for item in (e.callee, *e.args)]
    lines = [line for line, _ in operands]
    held = [] if tail else hold(f, e)
    f.op(lines[0], "i64.const 7", "i64.and", "i64.eqz")
    with f.nested("if (result i32)"):
        f.op(lines[0], "i32.wrap_i64", "i64.load")
        if not tail and f.module.library_values:
            f.op(f"i64.const {NOT_LIBRARY}", "i64.and")
        f.op(f"i64.const {fn_header(len(e.args))}", "i64.eq")
        f.orelse()
        f.op("i32.const 0")
    if tail:
        f.leave()
    call = "return_call" if tail else "call"
    with f.nested("if" if tail else "if (result i64)"):
        f.op(*lines, lines[0], "i32.wrap_i64", f"i32.load offset={L.FN_CODE}",
             f"{call}_indirect $:table (type {f.module.call_type(len(e.args))})")  # fmt: skip
        if not tail:
            f.orelse()
            f.op(*lines, f"i32.const {f.module.site(e.site)}", f"call {call_helper(f.module, len(e.args))}")
    f.release("i64", *(temp for _, temp in operands))
    if tail:
        f.op(*lines, f"i32.const {f.module.site(e.site)}")
        f.op(f"return_call {call_helper(f.module, len(e.args))}")
        return NEVER
    take_back(f, held)
    f.check_error(e.site)
    return "val"


def emit_apply(f: FunctionEmitter, e: Apply, tail: bool = False) -> str:
    f.value(e.callee, "val")
    f.value(e.args, "val")
    return _through_helper(f, apply_helper(f.module), e, tail and e.tail and f.result == "val")


def emit_closure(f: FunctionEmitter, e: Closure) -> str:
    ref = new_closure(f, e)
    if ref:
        fill_closure(f, e, ref)
        f.release("i32", ref)
    return "val"


def new_closure(f: FunctionEmitter, e: Closure) -> str:
    """Leaves the function value on the stack. With captures it is new, and the local that holds its
    ref is the answer: fill it, then release it."""
    if not e.captures:
        f.op(*f.module.static_closure(e))
        return ""
    ref = allocate(f, L.FN_CAPTURES + 8 * len(e.captures))
    template = f.module.record(e.func) + L.FN_CAPTURES
    for offset in (0, 8):
        f.op(f"local.get {ref}", "global.get $:F", "i32.wrap_i64", f"i64.load offset={template + offset}",
             f"i64.store offset={offset}")  # fmt: skip
    f.op(f"local.get {ref}", "i64.extend_i32_u")
    return ref


def fill_closure(f: FunctionEmitter, e: Closure, ref: str) -> None:
    for i, item in enumerate(e.captures):
        offset = L.FN_CAPTURES + 8 * i
        f.op(f"local.get {ref}")
        f.value(item, "val")
        f.op(f"i64.store offset={offset}")


def load_captures(f: FunctionEmitter, closure: str) -> None:
    """At the start of a function with captures: from its closure into locals."""
    for i, var in enumerate(f.function.captures):
        f.op(f"local.get {closure}", "i32.wrap_i64", f"i64.load offset={L.FN_CAPTURES + 8 * i}")
        convert(f, "val", T.rep(var.type))
        f.set(f.bind(var))
