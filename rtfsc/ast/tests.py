"""Forms of tests: ``(deftest name body …)`` and ``(is expression "message")``; see docs/testing.md.

A deftest is no part of the program that it stands in: `rtfsc.testing` runs its body in its place. ``is`` is
an expression like any other: it yields true, or throws what the test runner shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.core import malformed
from rtfsc.ast.nodes import Bind, BindName, Call, Const, If, Let, MapExpr, Name, Node
from rtfsc.ir import types as T
from rtfsc.source import Span
from rtfsc.syntax.forms import Form, List, Symbol

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder

FAILED = "test-failed"
"""The ``:type`` of the error that a failing ``is`` throws; its data have ``:actual``, after ``=`` also
``:expected``."""
_EXPECTED, _ACTUAL = "(expected)", "(actual)"  # no name in source holds a parenthesis


def build_deftest(b: Builder, form: List) -> Node:
    if len(form.items) < 2 or type(form.items[1]) is not Symbol:
        raise malformed(form, "(deftest name body …)", form.items[1] if len(form.items) > 1 else None)
    if b.recur_targets:
        raise Fault("F001", "deftest inside of a function", form.span, hint="tests stand at the top level")
    return Const(T.NIL, None, form.span)


def build_is(b: Builder, form: List) -> Node:
    if len(form.items) not in (2, 3):
        raise malformed(form, '(is expression) or (is expression "message")')
    tested = form.items[1]
    message = b.build(form.items[2]) if len(form.items) == 3 else None
    if _is_equation(tested):
        return _equation(b, form, tested.items, message)  # type: ignore[union-attr]
    actual = _name(_ACTUAL, form.span)
    failure = _failure(form.span, message or _text("not true", form.span), {"actual": actual})
    return _let(_ACTUAL, b.build(tested), If(actual, _true(form.span), failure, form.span), form.span)


def _is_equation(tested: Form) -> bool:
    if type(tested) is not List or len(tested.items) != 3:
        return False
    head = tested.items[0]
    return type(head) is Symbol and head.name == "="


def _equation(b: Builder, form: List, equation: list[Form], message: Node | None) -> Node:
    span = form.span
    head, first, second = (b.build(part) for part in equation)
    expected, actual = _name(_EXPECTED, span), _name(_ACTUAL, span)
    test = Call(head, [expected, actual], span)
    data: dict[str, Node] = {"expected": expected, "actual": actual}
    failure = _failure(span, message or _text("not equal", span), data)
    checked = If(test, _true(span), failure, span)
    return _let(_EXPECTED, first, _let(_ACTUAL, second, checked, span), span)


def _failure(span: Span, message: Node, data: dict[str, Node]) -> Node:
    entries = {
        "type": Const(T.KW, FAILED, span),
        "message": message,
        "data": _map(data, span),
    }
    return Call(Name("throw", span), [_map(entries, span)], span)


def _map(entries: dict[str, Node], span: Span) -> MapExpr:
    return MapExpr([(Const(T.KW, name, span), value) for name, value in entries.items()], span)


def _let(name: str, value: Node, body: Node, span: Span) -> Let:
    return Let([Bind(BindName(name, span), None, value, span)], body, span)


def _name(name: str, span: Span) -> Name:
    return Name(name, span)


def _text(text: str, span: Span) -> Const:
    return Const(T.STR, text, span)


def _true(span: Span) -> Const:
    return Const(T.BOOL, True, span)
