"""Self tail calls become loops.

Before::

    (function count (params n)
      (if (eq n 0) n (call count (num.dec n) !tail @1)))

After::

    (function count (params n)
      (loop $tail (n.1 n)
        (if (eq n.1 0) n.1 (recur $tail (num.dec n.1)))))

A local function calls itself through its ``self_var``.  Tail calls to others stay tail calls.
"""

from __future__ import annotations

from rtfsc.ir.nodes import Call, CallValue, Expr, Function, Local, Loop, Module, Recur, Var
from rtfsc.ir.walk import nodes, rewrite

LABEL = "$tail"


def run(module: Module) -> None:
    for f in module.functions.values():
        loopify(f)


def loopify(f: Function) -> None:
    """Turns the self tail calls of ``f``, if there are any, into a loop around its body."""
    if not any(_is_self_tail_call(e, f) for e in nodes(f.body)):
        return
    label = _fresh_label(f)

    def replace(e: Expr) -> Expr:
        if not _is_self_tail_call(e, f):
            return e
        return Recur(label, e.args)  # type: ignore[attr-defined]

    inner = f.params
    f.params = [Var(v.name, v.type) for v in inner]
    f.body = Loop(label, inner, [Local(v) for v in f.params], rewrite(f.body, replace))


def _is_self_tail_call(e: Expr, f: Function) -> bool:
    if isinstance(e, Call):
        own = e.closure is None or (isinstance(e.closure, Local) and e.closure.var is f.self_var)
        return e.tail and e.func == f.name and own
    if isinstance(e, CallValue) and e.tail and isinstance(e.callee, Local):
        return e.callee.var is f.self_var and not f.rest and len(e.args) == len(f.params)
    return False


def _fresh_label(f: Function) -> str:
    used = {e.label for e in nodes(f.body) if isinstance(e, Loop)}
    label = LABEL
    while label in used:
        label += "'"
    return label
