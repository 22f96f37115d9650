"""Policies: ordered rules that say where calls run. `runtime.delegation.policy_file` reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from runtime.caches.config import CachesConfig
from runtime.delegation.context import CallContext
from runtime.delegation.types import (
    LOCAL,
    Decision,
    ExecTarget,
    LocalModel,
    Rejected,
    RemoteModel,
)

Effects = Callable[[str], frozenset[str]]
"""The effects of a function, by its symbol."""
THRESHOLD = 0.65
"""Least confidence at which what metadata propose is done."""
CONDITIONS = ("symbol", "module", "args", "effect", "tenant", "task", "permission", "privacy")
SETTINGS = ("target", "fallback", "timeout_ms", "retries", "max_cost", "max_latency_ms", "confidence",
            "reason", "allow_private")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """What a policy must know of a model. ``latency_ms``: of a typical call; 0 where nobody says."""

    cost: float = 0.0
    latency_ms: float = 0.0
    table: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What happens where a rule fits. Costs in the currency of the models' ``cost``."""

    target: ExecTarget = LOCAL
    fallback: tuple[ExecTarget, ...] = ()
    timeout_ms: float = 30_000
    retries: int = 1
    max_cost: float = float("inf")
    max_latency_ms: float = float("inf")
    confidence: float = 1.0
    reason: str = ""
    allow_private: bool = False

    @property
    def leaves(self) -> bool:
        """Whether a call may run elsewhere than in the function's own body."""
        return any(target != LOCAL for target in (self.target, *self.fallback))


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions hold where each that is given does; patterns are globs. ``args``: one per
    argument; a last ``*`` is for all further ones."""

    name: str
    place: str
    settings: Settings
    symbol: tuple[str, ...] = ()
    module: tuple[str, ...] = ()
    args: tuple[str, ...] | None = None
    effect: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    permission: tuple[str, ...] = ()
    privacy: tuple[str, ...] = ()

    def concerns(self, context: CallContext) -> bool:
        """Whether it is about this function at all."""
        module, _, name = context.fn_symbol.rpartition("/")
        return _fits(name, self.symbol) and _fits(module, self.module)

    def objection(self, context: CallContext, effects: Effects | None, *, types: bool = True) -> str:
        """Why it does not fit a call of a function that it concerns; empty if it does. ``types``: whether
        those of the arguments are looked at."""
        environment = context.environment
        for what, value, patterns in (
            ("tenant", environment.tenant, self.tenant),
            ("task", environment.task, self.task),
            ("privacy", environment.privacy, self.privacy),
        ):
            if not _fits(value, patterns):
                wanted = " or ".join(pattern or "none" for pattern in patterns)
                return f"{what} is {value or 'not given'}, not {wanted}"
        missing = [p for p in self.permission if p not in environment.permissions]
        if missing:
            return f"permission {missing[0]} is not given"
        if types and self.args is not None and not _types_fit(context.arg_types, self.args):
            return f"arguments are ({' '.join(context.arg_types)}), not ({' '.join(self.args)})"
        if self.effect:
            found = effects(context.fn_symbol) if effects else frozenset(context.effects)
            if not any(_fits(effect, self.effect) for effect in found or ("pure",)):
                return f"its effects are {' '.join(sorted(found)) or 'pure'}, not {' or '.join(self.effect)}"
        return ""


@dataclass(frozen=True, slots=True)
class Distil:
    """What is learned of the models' answers, see docs/solve.md. ``functions``: globs of those whose answers
    are recorded; ``pairs``: how many consistent ones make an attempt; ``model`` writes (default: the one that
    answers); ``check``: the share of calls that the model is asked about all the same; ``auto``: whether it
    happens by itself."""

    functions: tuple[str, ...] = ("*",)
    pairs: int = 20
    model: str = ""
    check: float = 0.02
    auto: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    rules: tuple[Rule, ...] = ()
    defaults: Settings = field(default_factory=Settings)
    models: Mapping[str, Model] = field(default_factory=dict)
    cache_ttl_s: float = 3600.0
    effects: Effects | None = None
    caches: CachesConfig | None = None
    """The section ``[caches]``."""
    store: bool = False
    """Whether the store is asked for every function before the rules are."""
    guard: tuple[str, ...] = ()
    """Globs of functions that no rule names yet but a later version of the file may."""
    distil: Distil | None = None
    """None where nothing is recorded."""
    budget: float = float("inf")
    """What all that is asked for a tenant may cost, as long as the process lives."""
    hints: bool = True
    """Whether what authors say (``^:delegation``) is obeyed; else the rules decide."""

    def decide(self, context: CallContext) -> Decision:
        """A function of the context alone."""
        rejected: list[Rejected] = []
        for rule in self.rules:
            if not rule.concerns(context):
                continue
            objection = rule.objection(context, self.effects)
            if not objection:
                return self._chosen(rule.settings, f"rule {rule.name} ({rule.place})", context, rejected)
            rejected.append(Rejected(str(rule.settings.target), f"rule {rule.name}: {objection}"))
        return self._planned(context, rejected) or self._chosen(self.defaults, "defaults", context, rejected)

    def _planned(self, context: CallContext, rejected: list[Rejected]) -> Decision | None:
        """What the metadata of the call propose, where no rule fits and they are sure enough; within the
        budgets all the same."""
        metadata = context.metadata
        if metadata is None or metadata.target is None:
            return None
        if metadata.confidence < THRESHOLD:
            reason = f"confidence {metadata.confidence:g} is below {THRESHOLD:g}"
            rejected.append(Rejected(str(metadata.target), reason))
            return None
        settings = replace(
            self.defaults, target=metadata.target, fallback=(self.defaults.target, *self.defaults.fallback),
            confidence=metadata.confidence, reason=metadata.reasoning or "the metadata propose it",
        )  # fmt: skip
        return self._chosen(settings, metadata.source or "metadata", context, rejected)

    def steady(self, context: CallContext) -> bool:
        """Whether calls of the same function with arguments of other types are decided alike."""
        for rule in self.rules:
            if rule.concerns(context) and not rule.objection(context, self.effects, types=False):
                return rule.args is None
        return True

    def speaks_of(self, symbol: str) -> bool:
        """Whether calls of this function may ever be decided to run elsewhere, for some tenant and some
        arguments; or the file wants to be able to say so later (``guard``)."""
        context = CallContext(symbol)
        return (
            self.defaults.leaves
            or _fits(symbol, self.guard or ("",))
            or any(rule.settings.leaves and rule.concerns(context) for rule in self.rules)
        )

    @property
    def routes(self) -> bool:
        """Whether functions that nobody marked may ever run elsewhere."""
        return bool(
            self.store
            or self.guard
            or self.defaults.leaves
            or any(rule.settings.leaves for rule in self.rules)
        )

    def _chosen(
        self, settings: Settings, by: str, context: CallContext, rejected: list[Rejected]
    ) -> Decision:
        possible: list[ExecTarget] = []
        for target in (settings.target, *settings.fallback):
            objection = self.against(target, settings, context)
            if objection:
                rejected.append(Rejected(str(target), objection))
            else:
                possible.append(target)
        if not possible:
            possible.append(LOCAL)
        reason = settings.reason or f"{by.split(' (')[0]} names it"
        return Decision(
            possible[0], settings.confidence, reason, by, tuple(rejected), tuple(possible[1:]),
            settings.timeout_ms / 1000, settings.retries,
        )  # fmt: skip

    def against(self, target: ExecTarget, settings: Settings, context: CallContext) -> str:
        """What privacy and budgets have against a target; empty if nothing."""
        private = context.environment.privacy == "private" and not settings.allow_private
        if private and isinstance(target, RemoteModel):
            return "the data are private"
        if not isinstance(target, (LocalModel, RemoteModel)):
            return ""
        model = self.models.get(target.id, Model())
        if model.cost > settings.max_cost:
            return f"costs {model.cost:g} a call, the budget is {settings.max_cost:g}"
        if model.latency_ms > settings.max_latency_ms:
            return f"takes {model.latency_ms:g} ms, the budget is {settings.max_latency_ms:g} ms"
        return ""


def _fits(value: str, patterns: Iterable[str]) -> bool:
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def _types_fit(types: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """A last ``*`` stands for any number of further arguments."""
    if patterns and patterns[-1] == "*":
        patterns = patterns[:-1]
        types = types[: len(patterns)]
    return len(types) == len(patterns) and all(
        found == pattern or fnmatchcase(_kind(found), pattern)
        for found, pattern in zip(types, patterns, strict=True)
    )


def _kind(found: str) -> str:
    return found[1:].split(" ")[0] if found.startswith("[") else found
