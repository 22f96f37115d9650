"""What a definition shows outside: declared types, doc, effects, examples."""

from __future__ import annotations

from collections.abc import Iterator

from rtfsc.ast import nodes as A
from rtfsc.ir.nodes import Export, Module
from rtfsc.sema.scopes import GlobalDef
from rtfsc.sema.types import text_of
from rtfsc.syntax.forms import Form, Keyword, Literal, Vector

_EXAMPLE = "example:"


def export_of(definition: GlobalDef) -> Export:
    node, fn = definition.node, definition.function
    effects = tuple(_effects(node.meta.get("effects")))
    if fn is None:
        return Export(definition.ir_name, None, [], [],
                      text_of(node.type), doc=node.doc, effects=effects)  # fmt: skip
    params = [*fn.params, *([fn.rest] if fn.rest else [])]
    return Export(
        node.name,
        definition.ir_name,
        [p.pattern.name if type(p.pattern) is A.BindName else f"p{i}" for i, p in enumerate(params, 1)],
        [text_of(p.type) for p in params],
        text_of(fn.result),
        rest=fn.rest is not None,
        doc=node.doc,
        effects=effects,
        examples=examples(node.doc),
    )


def examples(doc: str) -> list[str]:
    """The calls of the lines ``example: (call) => value`` of a docstring."""
    return [call for call, _ in example_lines(doc)]


def example_lines(doc: str) -> list[tuple[str, str]]:
    """Call and value of each such line; the value may be missing."""
    found = []
    for line in doc.splitlines():
        text = line.strip()
        if text.startswith(_EXAMPLE):
            call, _, value = text[len(_EXAMPLE) :].partition("=>")
            if call.strip():
                found.append((call.strip(), value.strip()))
    return found


def _effects(form: Form | None) -> Iterator[str]:
    """``:network``, ``[:network :fs]`` or ``[[:network {…}] …]``: the names."""
    if type(form) is Keyword or (type(form) is Literal and isinstance(form.value, str)):
        yield form.name if type(form) is Keyword else str(form.value)  # type: ignore[union-attr]
    elif type(form) is Vector:
        for item in form.items:
            head = item.items[0] if type(item) is Vector and item.items else item
            if type(head) is Keyword:
                yield head.name


def show_types(module: Module) -> str:
    """The interface of a module, a line each: ``area : [:fn [:int :int] :int]``."""
    return "".join(f"{export.name} : {_type_of(export)}\n" for export in module.exports)


def _type_of(export: Export) -> str:
    if export.func is None:
        return export.result_type
    types = list(export.param_types)
    if export.rest:
        types.insert(-1, "&")
    return f"[:fn [{' '.join(types)}] {export.result_type}]"
