"""The one exception of the IR services."""

from __future__ import annotations


class IRError(Exception):
    """Ill-formed IR: unreadable text or bytes, or a tree that breaks a rule of the verifier.

    ``function`` names the function at fault where it is known; ``node`` shows the expression."""

    def __init__(self, message: str, function: str = "", node: str = "") -> None:
        self.function = function
        self.node = node
        where = f"in function {function}: " if function else ""
        at = f"\n  at {node}" if node else ""
        super().__init__(f"{where}{message}{at}")
