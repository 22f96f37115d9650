"""Everything that is said to the user: diagnostics, the list of their codes, and how they are shown."""

from __future__ import annotations

from rtfsc.diagnostics.model import Diagnostic, DiagnosticError, Label, Severity, Sink

__all__ = ["Diagnostic", "DiagnosticError", "Label", "Severity", "Sink"]
