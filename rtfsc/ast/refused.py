"""Forms of the language that this release reads but does not compile: refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.nodes import Node
from rtfsc.syntax.forms import List, Symbol

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler


def refuse(b: Builder, form: List) -> Node:
    head = form.items[0]
    assert type(head) is Symbol
    raise Fault("F002", f"{head.name} is not supported yet", form.span)


SOFT: dict[str, Handler] = {"declare": refuse}
