"""Why a task has no solution, one family: `SolveError`. ``evidence``: what was tried, where anything was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.solving.evidence import Evidence


class SolveError(Exception):
    code = "SV000"
    evidence: Evidence | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnsuitableTask(SolveError):
    """The task, its signature and its examples do not fit together, so that no program could do it."""

    code = "SV001"


class NoModel(SolveError):
    """Nothing in the store does it, and no model may be asked."""

    code = "SV002"


class NotAccepted(SolveError):
    """The model was asked as often as was allowed, and nothing that it wrote may be published."""

    code = "SV003"


class AwaitsSignatures(SolveError):
    """A program was accepted and stored; the policy asks for more signatures before anybody may run it."""

    code = "SV004"
