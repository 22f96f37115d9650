"""Errors of loading and calling modules that are not errors of a program."""

from __future__ import annotations

from runtime.values.errors import InstanceClosed, RtfsError, error_class

__all__ = ["InstanceClosed", "ModuleRejected"]


class ModuleRejected(Exception):
    """The bytes are not a module that this host runs; the text says why. Nothing of it has run."""


def arity_error(name: str, fixed: int, rest: bool, actual: int) -> RtfsError:
    """A call from Python with a wrong number of arguments, as a call from RTFS would raise it."""
    from runtime.values.atoms import Keyword

    expected = f"at least {fixed}" if rest else str(fixed)
    message = f"Arity mismatch in {name}: expected {expected}, got {actual}"
    data = {Keyword("function"): name, Keyword("expected"): expected, Keyword("actual"): actual}
    return error_class("ArityMismatch")("ArityMismatch", message, data, Keyword("arity-mismatch"))
