"""Forms of control: and, or, loop, recur, for, dotimes, case, match, try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.core import build_binds, limit_chain, malformed
from rtfsc.ast.nodes import (
    Bind,
    BindName,
    Case,
    Catch,
    Const,
    Do,
    Dotimes,
    Fn,
    For,
    Logic,
    Loop,
    Match,
    MatchClause,
    Node,
    Recur,
    Try,
)
from rtfsc.ast.patterns import binding_pattern, match_pattern, reject_duplicates
from rtfsc.source import covering
from rtfsc.syntax.forms import Form, Keyword, List, Symbol, Vector

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

CATCH_ALL = frozenset({"Any", "Exception", "Throwable", "Error", "_"})


def build_and(b: Builder, form: List) -> Node:
    return _logic(b, form, True)


def build_or(b: Builder, form: List) -> Node:
    return _logic(b, form, False)


def _logic(b: Builder, form: List, conjunction: bool) -> Node:
    limit_chain(form, len(form.items) - 1, "arguments")
    return Logic(conjunction, [b.build(item) for item in form.items[1:]], form.span)


def build_loop(b: Builder, form: List) -> Node:
    usage = "(loop [name value …] body …)"
    mark = len(b.soft_locals)
    binds = build_binds(b, form, usage)
    if len(form.items) < 3:
        raise malformed(form, usage)
    b.recur_targets.append([False])
    try:
        body = b.body(form.items[2:], form.span)
    finally:
        b.recur_targets.pop()
        del b.soft_locals[mark:]
    return Loop(binds, body, form.span)


def build_recur(b: Builder, form: List) -> Node:
    if not b.recur_targets:
        raise Fault("F003", "recur stands outside every loop and function", form.span)
    b.recur_targets[-1][0] = True
    return Recur([b.build(item) for item in form.items[1:]], form.span)


def build_for(b: Builder, form: List) -> Node:
    usage = "(for [name collection …] body)"
    vector = form.items[1] if len(form.items) > 1 else None
    if type(vector) is not Vector or len(vector.items) % 2 or not vector.items or len(form.items) != 3:
        raise malformed(form, usage)
    mark = len(b.soft_locals)
    binds = []
    for pattern_form, value_form in zip(vector.items[::2], vector.items[1::2], strict=True):
        value = b.build(value_form)
        pattern = binding_pattern(b, pattern_form)
        reject_duplicates([pattern])
        binds.append(Bind(pattern, None, value, pattern_form.span))
    body = b.body(form.items[2:], form.span)
    del b.soft_locals[mark:]
    return For(binds, body, form.span)


def build_dotimes(b: Builder, form: List) -> Node:
    vector = form.items[1] if len(form.items) > 1 else None
    if type(vector) is not Vector or len(vector.items) != 2 or type(vector.items[0]) is not Symbol:
        raise malformed(form, "(dotimes [name count] body …)")
    mark = len(b.soft_locals)
    count = b.build(vector.items[1])
    pattern = binding_pattern(b, vector.items[0])
    body = b.body(form.items[2:], form.span)
    del b.soft_locals[mark:]
    return Dotimes(pattern, count, body, form.span)


def build_case(b: Builder, form: List) -> Node:
    if len(form.items) < 3:
        raise malformed(form, "(case value literal result … default)")
    subject = b.build(form.items[1])
    rest = form.items[2:]
    limit_chain(form, len(rest) // 2, "clauses")
    clauses = [
        (_case_key(b, key), b.build(result)) for key, result in zip(rest[::2], rest[1::2], strict=False)
    ]
    default = b.build(rest[-1]) if len(rest) % 2 else None
    return Case(subject, clauses, default, form.span)


def _case_key(b: Builder, form: Form) -> Const:
    key = b.build(form) if type(form) is not Symbol else None
    if type(key) is not Const:
        raise Fault("F001", "The keys of case are literals", form.span, hint="use cond or match")
    return key


def build_match(b: Builder, form: List) -> Node:
    usage = "(match value pattern body …) or (match value pattern when guard body …)"
    items = form.items
    if len(items) < 4:
        raise malformed(form, usage)
    subject = b.build(items[1])
    clauses: list[MatchClause] = []
    at = 2
    while at < len(items):
        mark = len(b.soft_locals)
        pattern = match_pattern(b, items[at])
        reject_duplicates([pattern])
        guard = None
        body_at = at + 1
        if _is_when(items, at + 1):
            guard = b.build(items[at + 2])
            body_at = at + 3
        if body_at >= len(items):
            raise malformed(form, usage, items[at])
        body = b.build(items[body_at])
        del b.soft_locals[mark:]
        clauses.append(MatchClause(pattern, guard, body, items[at].span))
        at = body_at + 1
    limit_chain(form, len(clauses), "clauses")
    return Match(subject, clauses, form.span)


def _is_when(items: Sequence[Form], at: int) -> bool:
    return at + 2 < len(items) and type(items[at]) is Symbol and items[at].name == "when"  # type: ignore[union-attr]


def build_try(b: Builder, form: List) -> Node:
    body: list[Form] = []
    catches: list[Catch] = []
    finalizer: Fn | None = None
    for item in form.items[1:]:
        head = _clause(item)
        if finalizer is not None:
            raise Fault("F001", "Nothing may follow finally", item.span)
        if head == "catch":
            catches.append(_catch(b, item))  # type: ignore[arg-type]
        elif head == "finally":
            finalizer = _finally(b, item)  # type: ignore[arg-type]
        elif catches:
            raise Fault("F001", "Only catch and finally may follow a catch", item.span)
        else:
            body.append(item)
    if not catches and finalizer is None:
        raise malformed(form, "(try body … (catch Kind name handler …) (finally cleanup …))")
    span = covering(body[0].span, body[-1].span) if body else form.span
    b.recur_targets.append([False])
    try:
        tree = b.body(body, span) if body else Do([], form.span)
    finally:
        b.recur_targets.pop()
    return Try(tree, catches, finalizer, form.span)


def _clause(form: Form) -> str:
    if type(form) is List and form.items and type(form.items[0]) is Symbol:
        return form.items[0].name
    return ""


def _catch(b: Builder, form: List) -> Catch:
    usage = "(catch Kind name handler …)"
    items = form.items
    if len(items) < 3 or type(items[1]) not in (Symbol, Keyword):
        raise malformed(form, usage)
    kind = items[1]
    named = type(items[2]) is Symbol
    if named and len(items) < 4:
        raise malformed(form, usage)
    mark = len(b.soft_locals)
    patterns: list[BindName] = []
    selector: Const | str | None
    if type(kind) is Keyword:
        selector = b.constant(kind)
    else:
        assert type(kind) is Symbol
        selector = None if kind.name in CATCH_ALL or not kind.name[0].isupper() else kind.name
        if kind.name != "_":
            patterns.append(b.bind_name(kind.name, kind.span))
    if named:
        binding = items[2]
        assert type(binding) is Symbol
        if binding.name != "_":
            patterns.append(b.bind_name(binding.name, binding.span))
    body = b.body(items[3 if named else 2 :], form.span)
    del b.soft_locals[mark:]
    return Catch(selector, patterns, body, form.span)


def _finally(b: Builder, form: List) -> Fn:
    if len(form.items) < 2:
        raise malformed(form, "(finally cleanup …)")
    b.recur_targets.append([False])
    try:
        return Fn("finally", [], None, None, b.body(form.items[1:], form.span), form.span)
    finally:
        b.recur_targets.pop()


SOFT: dict[str, Handler] = {
    "and": build_and,
    "or": build_or,
    "loop": build_loop,
    "recur": build_recur,
    "dotimes": build_dotimes,
    "case": build_case,
}
RESERVED: dict[str, Handler] = {"for": build_for, "match": build_match, "try": build_try}
