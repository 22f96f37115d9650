"""Syntax trees to IR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfsc.lower.program import link_library, lower_program, lower_unit

if TYPE_CHECKING:
    from rtfsc.diagnostics import Sink
    from rtfsc.ir.nodes import Module
    from rtfsc.source import SourceFile

__all__ = ["link_library", "lower", "lower_program", "lower_unit"]


def lower(source: SourceFile, sink: Sink, *, module_name: str = "main") -> Module:
    """Source text to unoptimised IR.

    Raises `DiagnosticError` if there are errors; warnings stay in ``sink``.
    """
    from rtfsc.ast import build
    from rtfsc.ir.walk import deep
    from rtfsc.syntax.reader import read

    forms = read(source, sink)
    sink.raise_if_errors()
    with deep():
        program = build(forms, sink)
        sink.raise_if_errors()
        module = lower_program(program, sink, module_name=module_name)
    sink.raise_if_errors()
    return module
