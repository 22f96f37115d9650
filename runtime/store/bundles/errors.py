"""What is wrong with a bundle or a registry."""

from __future__ import annotations

from runtime.store.errors import StoreError


class BadBundle(StoreError):
    """A bundle that is not of the one form: nothing of it is taken."""

    code = "ST020"


class RegistryError(StoreError):
    """A registry that refuses, or answers what is no answer."""

    code = "ST021"


class RegistryUnreachable(RegistryError):
    code = "ST022"
    passing = True
