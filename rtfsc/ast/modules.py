"""Module forms and imports: what stands at top level and is no expression (language.md 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rtfsc.ast.builder import Fault
from rtfsc.ast.core import malformed
from rtfsc.ast.nodes import Import, ModuleHead, Node
from rtfsc.syntax.forms import Form, Keyword, List, Meta, Symbol, Vector

if TYPE_CHECKING:
    from rtfsc.ast.builder import Builder, Handler

_USAGE = "(module name (:exports [names]) definitions and imports …)"
_IMPORT_USAGE = "(import module), (import module :as name) or (import module :only [names])"
_DEFINES = frozenset({"def", "defn", "defstruct", "declare"})
_NAME = re.compile(r"[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*")


def head_of(form: Form) -> str | None:
    """The symbol at the head of a list, if it is one."""
    while type(form) is Meta:
        form = form.form
    if type(form) is List and form.items and type(form.items[0]) is Symbol:
        return form.items[0].name
    return None


def is_module(form: Form) -> bool:
    return type(form) is List and head_of(form) == "module"


def module_head(form: List) -> tuple[ModuleHead, list[Form]]:
    """Name and exports of a module form, and the forms of its body. Raises `Fault`."""
    name = module_name(form.items[1] if len(form.items) > 1 else None, form, _USAGE)
    body = form.items[2:]
    exports: list[Symbol] = []
    if body and _is_exports(body[0]):
        exports = _names(body[0].items[1:], body[0], _USAGE)  # type: ignore[union-attr]
        body = body[1:]
    for part in body:
        _require_definition(part)
    return ModuleHead(name.name, name.span, [(export.name, export.span) for export in exports]), body


def module_name(form: Form | None, whole: List, usage: str) -> Symbol:
    if type(form) is not Symbol:
        raise malformed(whole, usage, form)
    if not _NAME.fullmatch(form.name):
        raise Fault("M007", f"{form.name} is no name of a module", form.span,
                    hint="letters, digits, - and _, parts separated by dots")  # fmt: skip
    return form


def build_import(form: List) -> Import:
    items = form.items
    name = module_name(items[1] if len(items) > 1 else None, form, _IMPORT_USAGE)
    alias, only = None, None
    at = 2
    while at < len(items):
        option, value = items[at], items[at + 1] if at + 1 < len(items) else None
        which = option.name if type(option) is Keyword else None
        if which == "as" and type(value) is Symbol and alias is None:
            alias = value
        elif which == "only" and type(value) is Vector and only is None:
            only = _names([value], form, _IMPORT_USAGE)
        else:
            raise malformed(form, _IMPORT_USAGE, option)
        at += 2
    if alias is not None and only is not None:
        raise malformed(form, f"{_IMPORT_USAGE}: :as and :only exclude each other")
    names = None if only is None else [(symbol.name, symbol.span) for symbol in only]
    return Import(name.name, name.span, None if alias is None else alias.name, names, form.span)


def names_of_imports(forms: Sequence[Form]) -> Iterator[str]:
    """Names that imports among ``forms`` make visible as they are; malformed ones give none."""
    for form in forms:
        if type(form) is List and head_of(form) == "import":
            for vector in form.items[2:]:
                if type(vector) is Vector:
                    yield from (item.name for item in vector.items if type(item) is Symbol)


def misplaced(b: Builder, form: List) -> Node:
    head = form.items[0]
    assert type(head) is Symbol
    raise Fault("M007", f"{head.name} stands at top level only", form.span)


def _is_exports(form: Form) -> bool:
    first = form.items[0] if type(form) is List and form.items else None
    return type(first) is Keyword and first.name == "exports"


def _names(forms: Sequence[Form], whole: Form, usage: str) -> list[Symbol]:
    vector = forms[0] if len(forms) == 1 else None
    if type(vector) is not Vector or any(type(item) is not Symbol for item in vector.items):
        raise Fault("F001", "A vector of names is expected here", whole.span, hint=f"write {usage}")
    return vector.items  # type: ignore[return-value]


def _require_definition(form: Form) -> None:
    head = head_of(form)
    if head == "do" and type(form) is List and len(form.items) > 1:  # several definitions of one macro
        for part in form.items[1:]:
            _require_definition(part)
    elif head not in _DEFINES and head != "import":
        raise Fault("F001", "A module consists of definitions and imports", form.span, hint=f"write {_USAGE}")


RESERVED: dict[str, Handler] = {"module": misplaced, "import": misplaced}
