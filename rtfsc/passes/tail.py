"""Self tail calls become loops.

Before::

    (function count (params n)
      (if (eq n 0) n (call count (num.dec n) !tail @1)))

After::

    (function count (params n)
      (loop $tail (n.1 n)
        (if (eq n.1 0) n.1 (recur $tail (num.dec n.1)))))

A parameter that every such call passes on as it is stays one: the loop needs no variable for it.  A local
function calls itself through its ``self_var``.  Tail calls to others stay tail calls.
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
    calls = [e for e in nodes(f.body) if _is_self_tail_call(e, f)]
    if not calls:
        return
    label = _fresh_label(f)
    changing = [i for i, v in enumerate(f.params) if any(not _is_local(e.args[i], v) for e in calls)]  # type: ignore[attr-defined]

    def replace(e: Expr) -> Expr:
        if not _is_self_tail_call(e, f):
            return e
        return Recur(label, [e.args[i] for i in changing])  # type: ignore[attr-defined]

    inner = [f.params[i] for i in changing]
    f.params = [Var(v.name, v.type) if i in changing else v for i, v in enumerate(f.params)]
    f.body = Loop(label, inner, [Local(f.params[i]) for i in changing], rewrite(f.body, replace))


def _is_local(e: Expr, v: Var) -> bool:
    return isinstance(e, Local) and e.var is v


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
