"""Errors of loading and calling modules that are not errors of a program."""

from __future__ import annotations

from runtime.values.errors import InstanceClosed

__all__ = ["InstanceClosed", "ModuleRejected"]


class ModuleRejected(Exception):
    """The bytes are not a module that this host runs; the text says why. Nothing of it has run."""
