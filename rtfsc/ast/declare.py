"""``(declare name [a : T …] : R "doc")``: a function whose body is somebody else's business.

It is a definition that asks the host, which may know an implementation of that interface; where the
host has none a call raises a catchable UndefinedSymbol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.ast.annotations import explicit_type, is_known_type
from rtfsc.ast.builder import Fault
from rtfsc.ast.core import build_defn
from rtfsc.ast.host import delegate
from rtfsc.ast.nodes import Const, Def, Fn, HostCall, Node
from rtfsc.ir import types as T
from rtfsc.syntax.forms import Keyword, List, Literal, Vector

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

USAGE = '(declare name [parameters] : Type "doc")'
MODE = "declared"


def build_declare(b: Builder, form: List) -> Node:
    items = list(form.items)
    docs = [item for item in items if type(item) is Literal and item.kind == T.STR]
    items = [item for item in items if item not in docs]
    known = len(items) > 3 and is_known_type(items[3], b.structs)
    typed = explicit_type(items, 3) or (None, 4 if known else 3)
    if len(items) < 3 or type(items[2]) is not Vector or typed[1] < len(items) or len(docs) > 1:
        raise Fault("F001", "A declaration has a name, parameters, and perhaps a type and a doc", form.span,
                    hint=f"write {USAGE}")  # fmt: skip
    absent = Literal(T.NIL, None, form.span)
    node = build_defn(b, List([items[0], items[1], *docs, *items[2:], absent], form.span))
    assert type(node) is Def and type(node.value) is Fn
    fn = node.value
    fn.body = HostCall("symbol", [Const(T.STR, node.name, form.span)], form.span)
    delegate(fn, node.name, Vector([Keyword(MODE, form.span), *docs], form.span))
    return node


SOFT: dict[str, Handler] = {"declare": build_declare}
