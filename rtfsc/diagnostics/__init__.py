"""Everything that is said to the user. Here: diagnostics and the sink that collects them. Beside, loaded
where needed: `render` (how they are shown), `codes` (their list), `suggest` (did you mean)."""

from __future__ import annotations

from rtfsc.diagnostics.model import ADVICE, Diagnostic, DiagnosticError, Label, Severity, Sink

__all__ = ["ADVICE", "Diagnostic", "DiagnosticError", "Label", "Severity", "Sink"]
