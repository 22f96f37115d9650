"""Core forms: if, do, let, fn, def, defn, defstruct, quote, short functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtfsc.ast.annotations import explicit_type, is_known_type, parameter_type, split_bindings
from rtfsc.ast.builder import CHAIN_LIMIT, Fault
from rtfsc.ast.nodes import Bind, Def, Do, Fn, If, Let, Name, Node, Param, StructCheck
from rtfsc.ast.patterns import binding_pattern, reject_duplicates
from rtfsc.ir import types as T
from rtfsc.source import covering
from rtfsc.syntax.forms import Form, Keyword, List, Literal, Map, Meta, ShortFn, Symbol, Vector
from rtfsc.syntax.shorthand import short_parameters

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler


PARAMETER_LIMIT = 200


def malformed(form: List, usage: str, at: Form | None = None) -> Fault:
    head = form.items[0]
    assert type(head) is Symbol
    return Fault("F001", f"Malformed {head.name}", (at or form).span, hint=f"write {usage}")


def build_if(b: Builder, form: List) -> Node:
    if len(form.items) not in (3, 4):
        raise malformed(form, "(if test then else) or (if test then)")
    parts = [b.build(item) for item in form.items[1:]]
    return If(parts[0], parts[1], parts[2] if len(parts) == 3 else None, form.span)


def build_do(b: Builder, form: List) -> Node:
    # do opens no scope: what it defines stays visible after it
    return Do([b.build(item) for item in form.items[1:]], form.span)


def build_binds(b: Builder, form: List, usage: str) -> list[Bind]:
    """The binding vector of let and loop; the names stay in ``b.soft_locals`` for the caller to remove."""
    vector = form.items[1] if len(form.items) > 1 else None
    if type(vector) is not Vector:
        raise malformed(form, usage, vector)
    groups = split_bindings(vector.items, b.structs)
    if groups is None:
        raise Fault("F001", f"The bindings of {_head(form)} are not pairs of a name and a value", vector.span,
                    hint=f"write {usage}")  # fmt: skip
    limit_chain(form, len(groups), "bindings")
    binds = []
    for pattern_form, type_form, value_form in groups:
        value = b.build(value_form)
        pattern = binding_pattern(b, pattern_form)
        reject_duplicates([pattern])
        binds.append(Bind(pattern, type_form, value, covering(pattern_form.span, value_form.span)))
    return binds


def build_let(b: Builder, form: List) -> Node:
    usage = "(let [name value …] body …)"
    mark = len(b.soft_locals)
    binds = build_binds(b, form, usage)
    if len(form.items) < 3:
        raise malformed(form, usage)
    body = b.body(form.items[2:], form.span)
    del b.soft_locals[mark:]
    return Let(binds, body, form.span)


def build_params(b: Builder, vector: Vector) -> tuple[list[Param], Param | None]:
    params: list[Param] = []
    rest: Param | None = None
    items, at = vector.items, 0
    while at < len(items):
        item = items[at]
        if type(item) is Symbol and item.name == "&":
            if at + 1 >= len(items) or type(items[at + 1]) is not Symbol:
                raise Fault("F001", "A name must follow & in a parameter list", item.span)
            rest, at = _param(b, items, at + 1)
            if at < len(items):
                raise Fault("F001", "The rest parameter must be the last one", items[at].span)
            break
        param, at = _param(b, items, at)
        params.append(param)
    reject_duplicates([p.pattern for p in params] + ([rest.pattern] if rest else []))
    if len(params) > PARAMETER_LIMIT:
        raise Fault("F008", f"A function has at most {PARAMETER_LIMIT} parameters", vector.span)
    return params, rest


def _param(b: Builder, items: Sequence[Form], at: int) -> tuple[Param, int]:
    pattern = binding_pattern(b, items[at])
    typed = parameter_type(items, at + 1)
    type_form, end = typed if typed is not None else (None, at + 1)
    return Param(pattern, type_form, items[at].span), end


def build_function(b: Builder, form: List, at: int, name: str | None, usage: str,
                   delegation: Form | None = None) -> Fn:  # fmt: skip
    """The function whose parameter list is ``form.items[at]``."""
    items, target_of = form.items, delegation
    while at < len(items) and type(items[at]) is Meta:
        target_of = _meta_entries(items[at].meta).get("delegation", target_of)  # type: ignore[union-attr]
        items = [*items[:at], items[at].form, *items[at + 1 :]]  # type: ignore[union-attr]
    if at >= len(items) or type(items[at]) is not Vector:
        raise malformed(form, usage, items[at] if at < len(items) else None)
    mark = len(b.soft_locals)
    params, rest = build_params(b, items[at])  # type: ignore[arg-type]
    typed = explicit_type(items, at + 1)
    if typed is None and at + 2 < len(items) and is_known_type(items[at + 1], b.structs):
        typed = items[at + 1], at + 2
    result, body_at = typed if typed is not None else (None, at + 1)
    if body_at >= len(items):
        raise malformed(form, usage)
    target = [False]
    b.recur_targets.append(target)
    try:
        body = b.body(items[body_at:], covering(items[body_at].span, items[-1].span))
    finally:
        b.recur_targets.pop()
        del b.soft_locals[mark:]
    fn = Fn(name, params, rest, result, body, form.span)
    fn.recurs = target[0]
    if target_of is not None:
        from rtfsc.ast.host import delegate

        delegate(fn, name or "fn", target_of)
    return fn


def build_fn(b: Builder, form: List) -> Node:
    return build_function(b, form, 1, None, "(fn [parameters] body …)")


def build_def(b: Builder, form: List) -> Node:
    usage = "(def name value)"
    name, meta = _definition_name(form, usage)
    b.bind_name(name.name, name.span)
    items = [form.items[0], name, *form.items[2:]]
    doc, at = "", 2
    if len(items) == 4 and type(items[2]) is Literal and items[2].kind == T.STR:
        doc, at = str(items[2].value), 3
    typed = explicit_type(items, at)
    if typed is None and len(items) == at + 2 and is_known_type(items[at], b.structs):
        typed = items[at], at + 1
    type_form, at = typed if typed is not None else (None, at)
    if len(items) != at + 1:
        raise malformed(form, usage)
    value = b.build(items[at])
    if type(value) is Fn and type_form is None:
        value.name = name.name
    return Def(name.name, name.span, type_form, value, doc or _meta_doc(meta), meta, form.span)


def build_defn(b: Builder, form: List) -> Node:
    usage = "(defn name [parameters] body …)"
    name, meta = _definition_name(form, usage)
    b.bind_name(name.name, name.span)
    at, doc = 2, ""
    if len(form.items) > 3 and type(form.items[2]) is Literal and form.items[2].kind == T.STR:
        doc, at = str(form.items[2].value), 3
    while at < len(form.items) and type(form.items[at]) is Meta:  # metadata after the name, as in July 2025
        wrapped = form.items[at]
        assert type(wrapped) is Meta
        meta.update(_meta_entries(wrapped.meta))
        form = List([*form.items[:at], wrapped.form, *form.items[at + 1 :]], form.span)
    if at < len(form.items) and type(form.items[at]) is List:
        raise Fault(
            "F001",
            f"{name.name} has several parameter lists; a function has one",
            form.items[at].span,
            hint="use a rest parameter, or one function per number of arguments",
        )
    fn = build_function(b, form, at, name.name, usage, meta.get("delegation"))
    return Def(name.name, name.span, None, fn, doc or _meta_doc(meta), meta, form.span)


def build_defstruct(b: Builder, form: List) -> Node:
    name, meta = _definition_name(form, "(defstruct Name :field Type …)")
    b.bind_name(name.name, name.span)
    record = struct_type(form)
    param = Param(binding_pattern(b, Symbol("value", name.span)), None, name.span)
    body = StructCheck(name.name, record, Name("value", name.span), form.span)
    return Def(name.name, name.span, None, Fn(name.name, [param], None, record, body, form.span),
               _meta_doc(meta), meta, form.span)  # fmt: skip


def struct_type(form: List) -> Vector:
    """The record type that a defstruct form describes; a field of type ``T?`` may be absent (C26)."""
    fields = form.items[2:]
    if len(fields) % 2 or any(type(key) is not Keyword for key in fields[::2]):
        raise malformed(form, "(defstruct Name :field Type …)")
    entries: list[Form] = [Keyword("map", form.span)]
    for key, field in zip(fields[::2], fields[1::2], strict=True):
        optional = type(field) in (Symbol, Keyword) and field.name.endswith("?")  # type: ignore[union-attr]
        mark: list[Form] = [Symbol("?", field.span)] if optional else []
        entries.append(Vector([key, field, *mark], covering(key.span, field.span)))
    return Vector(entries, form.span)


def build_short_fn(b: Builder, form: ShortFn) -> Fn:
    """``#(f % %2 %&)``: a function of as many parameters as the highest number used."""
    if b.short_fn:
        raise Fault("F001", "Short functions cannot be nested", form.span, hint="write the inner one with fn")
    used = short_parameters(form.items)
    if used is None:
        raise Fault("F001", "Parameters of a short function are %1 to %20", form.span)
    highest, more = used
    params = [
        Param(binding_pattern(b, Symbol(f"%{i}", form.span)), None, form.span) for i in range(1, highest + 1)
    ]
    rest = Param(binding_pattern(b, Symbol("%&", form.span)), None, form.span) if more else None
    b.short_fn = True
    b.recur_targets.append(target := [False])
    try:
        body = b.build(List(form.items, form.span))
    finally:
        b.short_fn = False
        b.recur_targets.pop()
    fn = Fn(None, params, rest, None, body, form.span)
    fn.recurs = target[0]
    return fn


def limit_chain(form: List, count: int, what: str) -> None:
    if count > CHAIN_LIMIT:
        raise Fault("F008", f"{_head(form)} has {count} {what}; at most {CHAIN_LIMIT} are allowed", form.span,
                    hint="split it up")  # fmt: skip


def _head(form: List) -> str:
    head = form.items[0]
    assert type(head) is Symbol
    return head.name


def _definition_name(form: List, usage: str) -> tuple[Symbol, dict[str, Form]]:
    target = form.items[1] if len(form.items) > 1 else None
    meta: dict[str, Form] = {}
    while type(target) is Meta:
        meta.update(_meta_entries(target.meta))
        target = target.form
    if type(target) is not Symbol or target.name in (":", "&"):
        raise malformed(form, usage, target)
    return target, meta


def _meta_entries(meta: Map) -> dict[str, Form]:
    return {
        key.name if type(key) is Keyword else str(getattr(key, "value", key)): value
        for key, value in meta.pairs
    }


def _meta_doc(meta: dict[str, Form]) -> str:
    doc = meta.get("doc")
    return str(doc.value) if type(doc) is Literal and doc.kind == T.STR else ""


RESERVED: dict[str, Handler] = {
    "if": build_if,
    "do": build_do,
    "let": build_let,
    "fn": build_fn,
    "λ": build_fn,
    "def": build_def,
    "defn": build_defn,
    "defstruct": build_defstruct,
}
SOFT: dict[str, Handler] = {}
