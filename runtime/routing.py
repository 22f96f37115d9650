"""Who answers the calls that an instance asks its host about: the delegate that a runtime was given, the
store, the models of its policy, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.host.session import Delegate, Delegation


def delegate_of(
    runtime: Runtime, given: Delegate | None, exports: Mapping[str, Mapping[str, Any]] | None
) -> Delegate | None:
    """For one instance of a program with these exports; None where nobody would answer."""
    asked: list[Delegate] = [] if given is None else [given]
    if runtime.has_store and exports is not None:
        from runtime.searching import Declared

        asked.append(Declared(runtime, exports))
    delegating = runtime.delegation
    if delegating is not None:
        asked.append(delegating.dispatcher_for(runtime.environment))
    return _first(asked) if asked else None


def _first(asked: list[Delegate]) -> Delegate:
    def delegate(delegation: Delegation) -> tuple[bool, Any]:
        for one in asked:
            done, value = one(delegation)
            if done:
                return True, value
        return False, None

    return delegate if len(asked) > 1 else asked[0]
