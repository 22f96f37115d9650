"""Interfaces without bodies: ``(declare name [a : T …] : R "doc")``."""

from __future__ import annotations

from rtfsc.diagnostics import Diagnostic, DiagnosticError
from rtfsc.source import SourceFile


def interface_hash_of(signature: str) -> str:
    """The interface hash of a declaration. Raises `DiagnosticError` for anything else."""
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
    items = [item for item in form.items if not (isinstance(item, Literal) and item.kind == STR)]
    body = Literal(NIL, None, form.span)
    forms[0] = List([Symbol("defn", items[0].span), *items[1:], body], form.span)
    return compilation.unoptimised.exports[0].interface_hash
