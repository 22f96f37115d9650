"""Engines that decide where calls run. They are pure: the same context and epoch give the same decision.

An author's hint (``^:delegation``) is obeyed before any engine is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from runtime.caches.protocol import CacheConfig, CacheStats, Table, table
from runtime.delegation.context import CallContext
from runtime.delegation.measure import Measurements
from runtime.delegation.policy import THRESHOLD, Policy
from runtime.delegation.shared import SharedDecisions
from runtime.delegation.types import LOCAL, Decision, ExecTarget, L4CacheHit, Rejected
from runtime.obs.events import Emit, tell

L1_CAPACITY = 64 << 10
L1_TTL_S = 3600.0


class DelegationEngine(Protocol):
    """Safe to use from several threads."""

    @property
    def epoch(self) -> int:
        """Raised when what decides has changed: decisions of an earlier epoch are void."""

    def decide(self, context: CallContext) -> Decision: ...

    def steady(self, context: CallContext) -> bool:
        """Whether calls of the same function with arguments of other types are decided alike."""


def decision_cache(capacity: int = L1_CAPACITY, ttl: float = L1_TTL_S) -> Table:
    """L1: decisions by whole contexts."""
    return table(CacheConfig(capacity, ttl))


class StaticDelegationEngine:
    """A table by symbol, then what was decided before, then what the metadata propose, then the function's
    own body."""

    epoch = 0

    def __init__(
        self,
        targets: Mapping[str, ExecTarget] | None = None,
        *,
        l1: Table | None = None,
        threshold: float = THRESHOLD,
    ) -> None:
        self._targets = dict(targets or {})
        self._threshold = threshold
        self.l1 = l1 if l1 is not None else decision_cache()

    def decide(self, context: CallContext) -> Decision:
        target = self._targets.get(context.fn_symbol)
        if target is not None:
            return Decision(target, 1.0, f"{context.fn_symbol} is in the table", "table")
        found = self.l1.get(context)
        if found:
            decision: Decision = found.value
            return decision
        decision = by_metadata(context, self._threshold)
        self.l1.put(context, decision)
        return decision

    def steady(self, context: CallContext) -> bool:
        return True


class PolicyDelegationEngine:
    """The rules of a policy, with what was decided before, here or in a team (``shared``). `load` replaces
    the policy while calls go on."""

    def __init__(
        self,
        policy: Policy,
        *,
        l1: Table | None = None,
        shared: SharedDecisions | None = None,
        emit: Emit | None = None,
    ) -> None:
        self._state, self._emit = (policy, 0), emit
        self._lock = threading.Lock()
        self._shared = shared
        self.l1 = l1 if l1 is not None else decision_cache(ttl=policy.cache_ttl_s)

    @property
    def epoch(self) -> int:
        return self._state[1]

    @property
    def policy(self) -> Policy:
        return self._state[0]

    def load(self, policy: Policy) -> None:
        """From now on this policy decides."""
        with self._lock:
            self._state = (policy, self._state[1] + 1)
            self.l1.clear()

    def decide(self, context: CallContext) -> Decision:
        policy, epoch = self._state
        if context.metadata is not None:  # two calls of one context may be planned otherwise
            return policy.decide(context)
        found = self.l1.get(context)
        # A decision that was being made while the policy changed may be put afterwards.
        if found and found.value[1] == epoch:
            if self._emit:
                tell(self._emit, "cache.hit", layer="L1")
            decision: Decision = found.value[0]
            return decision
        if self._emit:
            tell(self._emit, "cache.miss", layer="L1", reason="epoch" if found else found.reason)
        decision = self._decided(policy, context)
        self.l1.put(context, (decision, epoch))
        return decision

    def steady(self, context: CallContext) -> bool:
        return self._state[0].steady(context)

    def _decided(self, policy: Policy, context: CallContext) -> Decision:
        shared = self._shared
        if shared is None:
            return policy.decide(context)
        known = shared.get(policy, context)
        if known is not None:
            return known
        decision = policy.decide(context)
        shared.put(policy, context, decision)
        return decision


Find = Callable[[CallContext], "L4CacheHit | None"]


class L4AwareDelegationEngine:
    """Asks the store first, then the wrapped engine. A stored module that was measured to be slower than the
    function's own body is refused. Hits are not kept in L1: the store knows what is trusted now."""

    def __init__(
        self,
        inner: DelegationEngine,
        find: Find,
        measurements: Measurements | None = None,
        key: Callable[[CallContext], str] = lambda context: context.fn_symbol,
    ) -> None:
        """``key``: what the measurements of a function are kept under."""
        self._inner, self._find, self._key = inner, find, key
        self.measurements = measurements or Measurements()

    @property
    def epoch(self) -> int:
        return self._inner.epoch

    def decide(self, context: CallContext) -> Decision:
        hit = self._find(context)
        if hit is None:
            return self._inner.decide(context)
        slower = self.measurements.slower(self._key(context), "l4", "local")
        if slower:
            decision = self._inner.decide(context)
            return replace(decision, rejected=(*decision.rejected, Rejected(str(hit), slower)))
        return Decision(
            hit, hit.confidence, "the store has a trusted module for this call", "L4", (), (LOCAL,)
        )

    def steady(self, context: CallContext) -> bool:
        """The store is asked by what a function is for, whatever it is called with."""
        return self._inner.steady(context)


def by_metadata(context: CallContext, threshold: float = THRESHOLD) -> Decision:
    """What the metadata propose, if they are sure enough; else the function's own body."""
    metadata = context.metadata
    if metadata is None or metadata.target is None:
        confidence = metadata.confidence if metadata else 0.8
        reasoning = (metadata.reasoning if metadata else "") or "nothing says otherwise"
        return Decision(LOCAL, confidence, reasoning, "default")
    if metadata.confidence >= threshold:
        reasoning = metadata.reasoning or "the metadata propose it"
        return Decision(metadata.target, metadata.confidence, reasoning, metadata.source or "metadata")
    rejected = Rejected(str(metadata.target), f"confidence {metadata.confidence:g} is below {threshold:g}")
    return Decision(LOCAL, 0.8, "the metadata are not sure enough", "default", (rejected,))


__all__ = [
    "CacheStats",
    "DelegationEngine",
    "L4AwareDelegationEngine",
    "PolicyDelegationEngine",
    "StaticDelegationEngine",
    "by_metadata",
    "decision_cache",
]
