"""Errors of loading and calling modules that are not errors of a program."""

from __future__ import annotations


class ModuleRejected(Exception):
    """The bytes are not a module that this host runs; the text says why. Nothing of it has run."""


class InstanceClosed(Exception):
    """A call into an instance, or through a handle, after ``close``."""
