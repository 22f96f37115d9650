"""Forms of the language that this release reads but does not compile: refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.nodes import Call, Node
from rtfsc.syntax.forms import Keyword, List, Symbol

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

_READER_FORMS = {
    "context-ref": "context access (@name)",
}


def refuse(b: Builder, form: List) -> Node:
    head = form.items[0]
    assert type(head) is Symbol
    what = _READER_FORMS.get(head.name, head.name)
    raise Fault("F002", f"{what} is not supported yet", form.span)


def refuse_resource(b: Builder, form: List) -> Node:
    """``(resource:ref "x")`` and the top-level object ``(resource …)``."""
    reference = len(form.items) > 1 and type(form.items[1]) is Keyword and form.items[1].name == "ref"
    raise Fault("F002", f"{'resource:ref' if reference else 'resource'} is not supported yet", form.span)


def build_get(b: Builder, form: List) -> Node:
    """``(get k)`` asks the host's context; with more arguments `get` is a library function."""
    if len(form.items) == 2:
        raise Fault("F002", "get with one argument (context access) is not supported yet", form.span)
    head, *args = (b.build(item) for item in form.items)
    return Call(head, args, form.span)


RESERVED: dict[str, Handler] = dict.fromkeys(_READER_FORMS, refuse)
SOFT: dict[str, Handler] = {
    **dict.fromkeys(
        (
            "step",
            "step-if",
            "step-loop",
            "step-parallel",
            "capability",
            "plan",
            "declare",
        ),
        refuse,
    ),
    "resource": refuse_resource,
    "get": build_get,
}
