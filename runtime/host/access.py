"""How the engines and their callers reach a host: the callable that performs the operation ``host``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

HostCallable: TypeAlias = Callable[[str, list[Any]], Any]
"""``host(operation, arguments) -> value``: an `RtfsError` becomes an error of the program, any other
exception ends the run and reaches the caller."""


class Deferred:
    """A host that is made when it is first asked for something: most programs never do."""

    def __init__(self, make: Callable[[], HostCallable]) -> None:
        self._make = make
        self._made: HostCallable | None = None

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made(operation, arguments)


def stay_here(instance: Any, guards: int) -> None:
    """Calls of the functions that are guarded in a file ask nobody, until somebody who knows rules wants it
    (`runtime.routing.Routing.ask`)."""
    route = instance.router()
    for number in range(guards):
        route(number, True)


def host_of(instance: Any) -> HostCallable:
    """The host of an instance; one that was given none gets its own, which denies every capability."""
    if instance.host is None:
        from runtime.host.session import Session

        instance.host = Session()
    host: HostCallable = instance.host
    return host
