"""Generate once, then reuse: a task is looked up in the store; where nothing does it, a model writes a
function, which is checked on both engines, signed and published, so that the next caller finds it."""

from __future__ import annotations

from runtime.solving.errors import NoModel, NotAccepted, SolveError, UnsuitableTask
from runtime.solving.loop import Solution, solve

__all__ = ["NoModel", "NotAccepted", "Solution", "SolveError", "UnsuitableTask", "solve"]
