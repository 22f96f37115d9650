"""Interfaces without bodies: ``(declare name [a : T …] : R "doc")``."""

from __future__ import annotations

from typing import NamedTuple

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.source import SourceFile


class Declaration(NamedTuple):
    """``doc``: "" where there is none. ``parameters``: names and types, with ``rest`` the last takes all
    that follows; ``result``: type. Types are in canonical text."""

    name: str
    interface_hash: str
    doc: str
    parameters: tuple[tuple[str, str], ...] = ()
    result: str = ":any"
    rest: bool = False


def interface_hash_of(signature: str) -> str:
    """The interface hash of a declaration. Raises `DiagnosticError` for anything else."""
    return read_declaration(signature).interface_hash


def read_declaration(signature: str) -> Declaration:
    """What a declaration says. Raises `DiagnosticError` for anything else."""
    from rtfsc.driver import Compilation
    from rtfsc.ir.types import NIL, STR
    from rtfsc.syntax.forms import List, Literal, Symbol

    compilation = Compilation(SourceFile("<signature>", signature))
    forms = compilation.forms
    form = forms[0] if len(forms) == 1 else None
    head = form.items[0] if isinstance(form, List) and form.items else None
    if not isinstance(form, List) or not isinstance(head, Symbol) or head.name != "declare":
        span = forms[0].span if forms else None
        raise DiagnosticError(
            [Diagnostic("A001", "expected one declaration", span, (), "(declare name [a : Int] : Int)")],
            compilation.source,
        )
    # A declaration has the shape of a definition whose body is missing, and the same interface.
    docs = [item for item in form.items if isinstance(item, Literal) and item.kind == STR]
    items = [item for item in form.items if item not in docs]
    body = Literal(NIL, None, form.span)
    forms[0] = List([Symbol("defn", items[0].span), *items[1:], body], form.span)
    export = compilation.unoptimised.exports[0]
    parameters = tuple(zip(export.params, export.param_types, strict=True))
    doc = str(docs[0].value) if docs else ""
    return Declaration(export.name, export.interface_hash, doc, parameters, export.result_type, export.rest)


def wrong_arity(name: str, parameters: int, rest: bool, given: int) -> str | None:
    """What to say of a call with so many arguments; None if there is nothing to say. ``parameters``: with the
    rest parameter, if there is one."""
    fixed = parameters - rest
    if given == fixed or (rest and given > fixed):
        return None
    count = f"{fixed}{' or more' if rest else ''} argument{'s' * (fixed != 1 or rest)}"
    return f"{name} takes {count}, not {given}"
