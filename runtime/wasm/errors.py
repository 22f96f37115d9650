"""Errors of loading and calling modules that are not errors of a program."""

from __future__ import annotations

from typing import Final

from runtime.values.errors import InstanceClosed, RtfsError, error_class

__all__ = ["InstanceClosed", "ModuleRejected"]


IMPORT_HINT: Final = (
    "modules of rtfsc import from rtfs and rtfs_host alone; 'rtfsc inspect' lists what this one does"
)
BUILD_HINT: Final = "build the program and its modules together: rtfsc build --separate"


class ModuleRejected(Exception):
    """The bytes are not a module that this host runs; the text says why. Nothing of it has run. ``code``:
    W001 not a module of ours, W002 another ABI, W003 an import that is not declared, W004 cannot be linked.
    """

    def __init__(self, message: str, code: str = "W001", hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.hint = message, code, hint

    def __reduce__(self) -> tuple[type, tuple[str, str, str | None]]:
        return type(self), (self.message, self.code, self.hint)


def arity_error(name: str, fixed: int, rest: bool, actual: int) -> RtfsError:
    """A call from Python with a wrong number of arguments, as a call from RTFS would raise it."""
    from runtime.values.atoms import Keyword

    expected = f"at least {fixed}" if rest else str(fixed)
    message = f"Arity mismatch in {name}: expected {expected}, got {actual}"
    data = {Keyword("function"): name, Keyword("expected"): expected, Keyword("actual"): actual}
    return error_class("ArityMismatch")("ArityMismatch", message, data, Keyword("arity-mismatch"))
