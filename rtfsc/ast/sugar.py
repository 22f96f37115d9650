"""Forms that are other forms in disguise: when, unless, cond, if-let, when-let, ->, ->>."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.core import limit_chain, malformed
from rtfsc.ast.nodes import Bind, BindName, Const, If, Let, Name, Node
from rtfsc.ast.patterns import binding_pattern
from rtfsc.ast.tests import build_deftest, build_is
from rtfsc.ir import types as T
from rtfsc.syntax.forms import Form, Keyword, List, Symbol, Vector

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler


def build_when(b: Builder, form: List) -> Node:
    if len(form.items) < 2:
        raise malformed(form, "(when test body …)")
    return If(b.build(form.items[1]), b.body(form.items[2:], form.span), None, form.span)


def build_unless(b: Builder, form: List) -> Node:
    if len(form.items) < 2:
        raise malformed(form, "(unless test body …)")
    test = b.build(form.items[1])
    return If(test, Const(T.NIL, None, form.span), b.body(form.items[2:], form.span), form.span)


def build_cond(b: Builder, form: List) -> Node:
    rest = form.items[1:]
    if len(rest) % 2:
        raise malformed(form, "(cond test result … :else result)", rest[-1])
    limit_chain(form, len(rest) // 2, "clauses")
    pairs = [(b.build(test), b.build(result)) for test, result in zip(rest[::2], rest[1::2], strict=True)]
    tree: Node = Const(T.NIL, None, form.span)
    for test, result in reversed(pairs):
        always = type(test) is Const and not (test.kind == T.NIL or test.value is False)
        tree = result if always else If(test, result, tree, form.span)
    return tree


def build_if_let(b: Builder, form: List) -> Node:
    usage = "(if-let [name value] then else)"
    pattern, value = _single_binding(form, usage)
    if len(form.items) not in (3, 4):
        raise malformed(form, usage)
    return _bind_if(b, form, pattern, value, form.items[2:3], form.items[3:])


def build_when_let(b: Builder, form: List) -> Node:
    usage = "(when-let [name value] body …)"
    pattern, value = _single_binding(form, usage)
    return _bind_if(b, form, pattern, value, form.items[2:], [])


def _single_binding(form: List, usage: str) -> tuple[Form, Form]:
    vector = form.items[1] if len(form.items) > 1 else None
    if type(vector) is not Vector or len(vector.items) != 2:
        raise malformed(form, usage, vector)
    return vector.items[0], vector.items[1]


def _bind_if(
    b: Builder, form: List, pattern_form: Form, value: Form, then: list[Form], orelse: list[Form]
) -> Node:
    """The value is tested before it is taken apart, and the names are visible in ``then`` alone."""
    hidden = BindName("(tested)", value.span)  # no name in source holds a parenthesis
    subject = b.build(value)
    mark = len(b.soft_locals)
    pattern = binding_pattern(b, pattern_form)
    body = b.body(then, form.span)
    del b.soft_locals[mark:]
    taken = Let([Bind(pattern, None, Name("(tested)", value.span), pattern_form.span)], body, form.span)
    other = b.build(orelse[0]) if orelse else None
    choice = If(Name("(tested)", value.span), taken, other, form.span)
    return Let([Bind(hidden, None, subject, value.span)], choice, form.span)


def build_thread_first(b: Builder, form: List) -> Node:
    return b.build(_thread(form, first=True))


def build_thread_last(b: Builder, form: List) -> Node:
    return b.build(_thread(form, first=False))


def _thread(form: List, *, first: bool) -> Form:
    if len(form.items) < 2:
        raise malformed(form, "(-> value step …)")
    limit_chain(form, len(form.items) - 2, "steps")
    value, *steps = form.items[1:]
    for step in steps:
        value = _step(value, step, first)
    return value


def _step(value: Form, step: Form, first: bool) -> Form:
    if type(step) in (Symbol, Keyword):
        return List([step, value], step.span)
    if type(step) is not List or not step.items:
        raise Fault("F001", "A step of a threading form is a name or a call", step.span)
    head, *args = step.items
    return List([head, value, *args] if first else [head, *args, value], step.span)


SOFT: dict[str, Handler] = {
    "when": build_when,
    "unless": build_unless,
    "cond": build_cond,
    "if-let": build_if_let,
    "when-let": build_when_let,
    "->": build_thread_first,
    "->>": build_thread_last,
    "deftest": build_deftest,
    "is": build_is,
}
