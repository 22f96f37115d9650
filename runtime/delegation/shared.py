"""Decisions that a team shares (L1 on Redis): what one process has decided, another need not decide.

A server is not believed in what could do harm: a decision that it gives must be one that the policy could
have made, and nothing that it says sends private data away.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from runtime.caches.inference import prefix
from runtime.caches.protocol import CacheStats
from runtime.caches.shared import Redis, RedisCache
from runtime.delegation.context import CallContext
from runtime.delegation.policy import Policy
from runtime.delegation.types import (
    LOCAL,
    Decision,
    ExecTarget,
    L4CacheHit,
    Rejected,
    RemoteModel,
    parse_target,
)

_PREFIX = 16


class SharedDecisions:
    """By policy and whole context: processes with other rules never meet, nor do tenants. A Redis that fails
    is a miss."""

    def __init__(self, redis: Redis, ttl: float | None) -> None:
        self.cache: RedisCache[str] = RedisCache(redis, "l1", ttl, _encode, _decode)
        self._last: tuple[Policy, str] | None = None

    def get(self, policy: Policy, context: CallContext) -> Decision | None:
        if not _shares(policy):
            return None
        found = self.cache.get(self._key(policy, context))
        if not found:
            return None
        decision: Decision = found.value
        return decision if _credible(decision, policy, context) else None

    def put(self, policy: Policy, context: CallContext, decision: Decision) -> None:
        if _shares(policy) and not isinstance(decision.target, L4CacheHit):
            self.cache.put(self._key(policy, context), decision)

    def _key(self, policy: Policy, context: CallContext) -> str:
        last = self._last
        if last is None or last[0] is not policy:
            last = self._last = (policy, _digest(policy))
        who = context.environment
        fields = [
            last[1], context.fn_symbol, list(context.arg_types), who.tenant, who.task, who.privacy,
            sorted(who.permissions),
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
        return prefix(who.tenant) + digest[_PREFIX:]

    def clear(self) -> None:
        self.cache.clear()

    def stats(self) -> CacheStats:
        return self.cache.stats()

    def close(self) -> None:
        self.cache.close()


def _shares(policy: Policy) -> bool:
    """Effects are those of a program, and two programs may name their functions alike."""
    return not any(rule.effect for rule in policy.rules)


def _credible(decision: Decision, policy: Policy, context: CallContext) -> bool:
    """Of a rule that fits this call, or of the defaults, within what these say."""
    fitting = (
        rule.settings for rule in policy.rules
        if rule.concerns(context) and not rule.objection(context, policy.effects)
    )  # fmt: skip
    settings = next(fitting, policy.defaults)
    given = (decision.target, *decision.fallback)
    away = any(isinstance(target, RemoteModel) for target in given)
    return (
        {settings.target, *settings.fallback, LOCAL}.issuperset(given)
        and (decision.timeout_s, decision.retries) == (settings.timeout_ms / 1000, settings.retries)
        and not any(policy.against(target, settings, context) for target in given)
        and not (away and context.environment.privacy == "private")
    )


def _digest(policy: Policy) -> str:
    """Of all that decides; where the file lies does not."""
    rules = [replace(rule, place=rule.place.rpartition(":")[2]) for rule in policy.rules]
    models = {id: (model.cost, model.latency_ms) for id, model in policy.models.items()}
    return hashlib.sha256(repr((rules, policy.defaults, models)).encode()).hexdigest()


def _encode(decision: Decision, key: str) -> bytes:
    fields: dict[str, Any] = {
        "v": 1, "key": key, "target": str(decision.target), "confidence": decision.confidence,
        "reasoning": decision.reasoning, "decided_by": decision.decided_by,
        "rejected": [list(one) for one in decision.rejected],
        "fallback": [str(target) for target in decision.fallback],
        "timeout_s": decision.timeout_s, "retries": decision.retries,
    }  # fmt: skip
    return json.dumps(fields).encode()


def _decode(data: bytes, key: str) -> Decision | None:
    try:
        fields = json.loads(data)
        if fields["v"] != 1 or fields["key"] != key:
            return None
        targets: list[ExecTarget] = [parse_target(text) for text in (fields["target"], *fields["fallback"])]
        return Decision(
            targets[0],
            _number(fields["confidence"], 1.0),
            _text(fields["reasoning"]),
            _text(fields["decided_by"]),
            tuple(Rejected(_text(target), _text(reason)) for target, reason in fields["rejected"]),
            tuple(targets[1:]),
            _number(fields["timeout_s"], 86_400.0),
            int(_number(fields["retries"], 5)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError
    return value
