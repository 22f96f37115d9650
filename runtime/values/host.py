"""What the engines know of the host: the callable that performs the operation ``host``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

HostCallable: TypeAlias = Callable[[str, list[Any]], Any]
"""``host(operation, arguments) -> value``: an `RtfsError` becomes an error of the program, any other
exception ends the run and reaches the caller."""


def host_of(instance: Any) -> HostCallable:
    """The host of an instance; one that was given none gets its own, which denies every capability."""
    if instance.host is None:
        from runtime.host.session import Session

        instance.host = Session()
    host: HostCallable = instance.host
    return host
