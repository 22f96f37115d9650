"""Targets of calls, and decisions about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class LocalPure(NamedTuple):
    """The function's own body, on the engine that the program runs on."""

    def __str__(self) -> str:
        return "local-pure"


class LocalModel(NamedTuple):
    """A model on this machine."""

    id: str

    def __str__(self) -> str:
        return f"local-{self.id}"


class RemoteModel(NamedTuple):
    """A model elsewhere: what it is asked leaves this machine."""

    id: str

    def __str__(self) -> str:
        return f"remote-{self.id}"


class L4CacheHit(NamedTuple):
    """A stored module. ``storage_pointer``: its digest; ``signature``: digest of its manifest;
    ``confidence`` 0 to 1; ``export``: the function in it."""

    storage_pointer: str
    signature: str
    confidence: float
    export: str = ""

    def __str__(self) -> str:
        return f"l4-{self.storage_pointer[:16]}"


ExecTarget: TypeAlias = LocalPure | LocalModel | RemoteModel | L4CacheHit
LOCAL = LocalPure()


def parse_target(text: str) -> ExecTarget:
    """``local-pure``, ``local-<model>``, ``remote-<model>``. Raises ValueError."""
    kind, _, id = text.partition("-")
    if text == "local-pure":
        return LOCAL
    if kind == "local" and id:
        return LocalModel(id)
    if kind == "remote" and id:
        return RemoteModel(id)
    raise ValueError(f"no target {text!r}; there are local-pure, local-MODEL and remote-MODEL")


@dataclass(frozen=True, slots=True)
class DelegationMetadata:
    """What a planner says about a call. ``target``: where it would run it, taken where ``confidence`` (0 to
    1) is high enough; ``reasoning``: for people; ``source``: the component that says so; ``context``:
    further facts, such as ``complexity``."""

    confidence: float = 0.8
    reasoning: str = ""
    source: str = ""
    target: ExecTarget | None = None
    context: Mapping[str, str] = field(default_factory=dict)


class Rejected(NamedTuple):
    """An alternative that was not taken."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``decided_by``: the rule or measurement, with its place in the policy file; ``fallback``: what is tried
    next, in order, where the target fails; ``timeout_s`` of one try; ``retries`` of the same target."""

    target: ExecTarget
    confidence: float
    reasoning: str
    decided_by: str
    rejected: tuple[Rejected, ...] = ()
    fallback: tuple[ExecTarget, ...] = ()
    timeout_s: float = 30.0
    retries: int = 1
