"""Who may do what: the security level and the granted capabilities of a runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.host.capability import Capability, host_error
from runtime.host.handling import FALLS_BACK, Handling, check_fallbacks
from runtime.offline import offline as process_offline
from runtime.values.atoms import Keyword
from runtime.values.errors import RtfsError
from runtime.values.limits import Limits

LEVELS: Final = ("pure", "controlled", "full")
LIMITS: Final = {
    "pure": Limits(deadline_ms=1000, memory_bytes=16 << 20),
    "controlled": Limits(deadline_ms=5000, memory_bytes=64 << 20),
    "full": Limits(),
}
"""What a run may take at most where the level is chosen and no limits are."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``level``: ``pure`` no capability, ``controlled`` those of ``granted``, ``full`` all that exist: the
    granted ones, and the built-in ones without a bound. ``offline``: none that needs a network.
    ``handling``: by id, what is done when one is slow or fails."""

    level: str = "controlled"
    granted: tuple[Capability, ...] = ()
    state: dict[Any, Any] = field(default_factory=dict, compare=False)
    offline: bool = field(default_factory=process_offline)
    handling: Mapping[str, Handling] = field(default_factory=dict)
    _unbounded: dict[str, Capability] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"security must be one of {', '.join(LEVELS)}, not {self.level!r}")

    @classmethod
    def of(
        cls,
        grant: Iterable[str | Capability] = (),
        level: str | None = None,
        *,
        offline: bool | None = None,
        handling: Mapping[str, Handling] | None = None,
    ) -> Policy:
        """``grant``: capabilities, and built-in ones by id (``ID=SCOPE`` where it needs a scope)."""
        from runtime.host.builtin import built_in

        state: dict[Any, Any] = {}
        found = [item if isinstance(item, Capability) else built_in(item, state) for item in grant]
        without_network = process_offline() if offline is None else offline
        check_fallbacks(handling or {})
        return cls(level or "controlled", tuple(found), state, without_network, handling or {})

    @property
    def limits(self) -> Limits:
        return LIMITS[self.level]

    def call(self, id: str, arguments: list[Any]) -> Any:
        """What the capability answers, or the one that stands in for it. Raises the RTFS errors of
        `capability` and those of the call."""
        found, handling = self.capability(id), self.handling.get(id)
        if handling is None:
            return found.invoke(arguments)
        try:
            return handling.call(found, arguments)
        except RtfsError as error:
            if handling.fallback is None or error.kind not in FALLS_BACK:
                raise
        return self.call(handling.fallback, arguments)

    def capability(self, id: str) -> Capability:
        """Raises the RTFS errors SecurityViolation, UnknownCapability, NetworkError."""
        from runtime.host.builtin import BUILT_IN, NETWORK, unbounded

        if self.offline and id in NETWORK:
            raise host_error("NetworkError", f"Network error: {id} while offline")
        if self.level != "pure":
            for found in reversed(self.granted):
                if found.id == id:
                    return found
            if self.level == "full" and id in BUILT_IN:
                if id not in self._unbounded:
                    self._unbounded[id] = unbounded(id, self.state)
                return self._unbounded[id]
        if self.level != "pure" and id not in BUILT_IN:
            raise host_error("UnknownCapability", f"Unknown capability: {id}", {Keyword("capability"): id})
        context = f"{self.level} context"
        data = {Keyword("operation"): "call", Keyword("capability"): id, Keyword("context"): context}
        message = f"Security violation: call on {id} in {context}"
        raise host_error("SecurityViolation", message, data)
