"""Carries decisions out: asks the model that was decided on, then what it falls back on, and says what
happened."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runtime.delegation.breaker import Breakers
from runtime.delegation.context import CallContext, Environment
from runtime.delegation.engine import DelegationEngine
from runtime.delegation.guarded import Guarded
from runtime.delegation.measure import LEAST, Measurements
from runtime.delegation.policy import Policy, Settings
from runtime.delegation.spending import Spending
from runtime.delegation.types import (
    LOCAL,
    Decision,
    DelegationMetadata,
    ExecTarget,
    L4CacheHit,
    LocalModel,
    LocalPure,
    Rejected,
    RemoteModel,
)
from runtime.host.capability import host_error
from runtime.host.session import Delegation
from runtime.obs.events import Emit, span
from runtime.providers.base import ModelProvider, Request, Response
from runtime.providers.errors import ProviderError, Unavailable
from runtime.providers.registry import ModelRegistry
from runtime.values.atoms import Keyword
from runtime.values.errors import RtfsError

HINTS = ("local", "local-model", "remote")
LOCAL_WAY, L4_WAY = "local", "l4"
"""What measurements call the function's own body, and modules of the store."""


class Infer(Protocol):
    """What the dispatcher needs of a `runtime.caches.manager.CacheManager`."""

    def infer(
        self, provider: ModelProvider, request: Request, *, tenant: str = "", core: str | None = None
    ) -> Response: ...


Asker = Callable[[Delegation, Callable[[Request], Response], ModelProvider, float], Any]
"""Asks a model for the value of a call: the call, how to infer, the model, seconds of one try. Raises
`ProviderError`."""
Planner = Callable[[Delegation], "DelegationMetadata | None"]
"""Says what is known of a call, and where it might run; asked for every call."""
Stored = Callable[[L4CacheHit, Delegation], Any]
"""Runs a stored module. What it raises as an `RtfsError` is the call's error."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A target that was tried and failed: ``code`` and ``kind`` as of a `ProviderError`."""

    target: str
    code: str
    kind: str
    message: str


class Dispatcher:
    """The ``delegate`` of a runtime. ``policy``: the one in force, for what it says of hints; ``most_s``:
    seconds that a whole call may take, whatever the rules say; ``planner``: says more of a call. Safe to use
    from several threads."""

    def __init__(
        self,
        engine: DelegationEngine,
        registry: ModelRegistry,
        manager: Infer | None = None,
        *,
        ask: Asker | None = None,
        stored: Stored | None = None,
        environment: Environment | None = None,
        policy: Callable[[], Policy] = Policy,
        breakers: Breakers | None = None,
        measurements: Measurements | None = None,
        spending: Spending | None = None,
        emit: Emit | None = None,
        most_s: float | None = None,
        planner: Planner | None = None,
        sleep: Callable[[float], None] = time.sleep,
        vetted: bool = True,
    ) -> None:
        """``vetted``: whether the engine keeps private data here; else its decisions are looked at."""
        self.engine, self.registry, self.manager = engine, registry, manager
        self.environment = environment or Environment()
        self.breakers = breakers or Breakers()
        self.measurements = measurements or Measurements()
        self.spending = spending or Spending()
        self._ask, self._stored = ask or ask_for_value, stored
        self._policy = policy
        self._emit, self._sleep, self._most_s = emit, sleep, most_s
        self._planner, self._vetted = planner, vetted

    def __call__(self, delegation: Delegation) -> tuple[bool, Any]:
        """(True, value), or (False, None) where the function's own body is to run.

        Raises `RtfsError` (HostError) where all that was decided on failed and the body is not among it.
        """
        decision = self.decide(delegation)
        return self.perform(decision, delegation)

    # --- deciding

    def decide(self, delegation: Delegation, context: CallContext | None = None) -> Decision:
        """An author's hint is obeyed before any engine is asked, except that private data stay here.
        ``context``: of the call, if it is at hand."""
        if not self._emit:
            return self._decision(delegation, context)
        with span(self._emit, "call.decided", function=delegation.function) as told:
            decision = self._decision(delegation, context)
            told.update(_told(decision, self.environment))
        return decision

    def _decision(self, delegation: Delegation, context: CallContext | None) -> Decision:
        if delegation.mode in HINTS and self._policy().hints:
            return self._hinted(delegation)
        return self.engine.decide(context or self.context(delegation))

    def context(self, delegation: Delegation) -> CallContext:
        interface = delegation.interface
        effects = tuple(interface["effects"]) if interface is not None else ()
        return CallContext.of_call(
            delegation.function, delegation.arguments, self.environment, effects=effects,
            metadata=self._planner(delegation) if self._planner is not None else None,
        )  # fmt: skip

    def steady(self, context: CallContext) -> bool:
        """Whether all calls of this function are decided alike."""
        return self._planner is None and self.engine.steady(context)

    def _hinted(self, delegation: Delegation) -> Decision:
        if delegation.mode == "local":
            return Decision(LOCAL, 1.0, "the author says so", "hint")
        policy = self._policy()
        settings = policy.defaults
        target = hinted_target(delegation.mode, delegation.model)
        objection = "the hint names no model" if target is None else ""
        if target is not None:
            unknown = "" if target.id in self.registry else f"there is no model {target.id}"
            objection = policy.against(target, settings, self.context(delegation)) or unknown
        if objection or target is None:
            rejected = (Rejected(str(target), objection),)
            return Decision(LOCAL, 1.0, "what the author asks for cannot be", "hint", rejected)
        return Decision(
            target, 1.0, "the author says so", "hint", (), (LOCAL,),
            settings.timeout_ms / 1000, settings.retries,
        )  # fmt: skip

    # --- doing

    def perform(self, decision: Decision, delegation: Delegation) -> tuple[bool, Any]:
        """As `__call__`. What does not fit the declared types of the parameters stays here, where the body
        says so."""
        failed: list[Attempt] = []
        if isinstance(decision.target, (LocalModel, RemoteModel)) and _misfits(delegation):
            return False, None
        for target in (decision.target, *decision.fallback):
            if isinstance(target, LocalPure):
                return False, None
            if not self._vetted and self._policy().against(target, Settings(), self.context(delegation)):
                continue
            try:
                return True, self._tried(target, decision, delegation)
            except ProviderError as error:
                failed.append(Attempt(str(target), error.code, error.kind, error.message))
        if not failed:
            return False, None
        raise _all_failed(delegation, failed)

    def _tried(self, target: ExecTarget, decision: Decision, delegation: Delegation) -> Any:
        started = time.perf_counter()
        with span(self._emit, "call.done", "call.failed", function=delegation.function, target=str(target)):
            if isinstance(target, L4CacheHit):
                if self._stored is None:
                    raise Unavailable(str(target), "there is no store")
                return self._stored(target, delegation)
            assert isinstance(target, (LocalModel, RemoteModel))
            value = self._modelled(target, decision, delegation)
        self.measured(delegation, target.id, time.perf_counter() - started)
        return value

    # --- measuring

    def measured(self, delegation: Delegation, way: str, seconds: float) -> None:
        """A call took so long that way."""
        self.measurements.add(measured_as(delegation.function, delegation.interface), way, seconds)

    def local_is_due(self, delegation: Delegation) -> bool:
        """Of a call for which the store has a module: whether it is to run here all the same, in turn, until
        both ways have been measured often enough."""
        key = measured_as(delegation.function, delegation.interface)
        local = self.measurements.count(key, LOCAL_WAY)
        return local < LEAST and local <= self.measurements.count(key, L4_WAY)

    def _modelled(self, target: LocalModel | RemoteModel, decision: Decision, delegation: Delegation) -> Any:
        provider = self.registry.get(target.id)
        if isinstance(target, LocalModel) and not provider.local:
            raise Unavailable(target.id, "is not on this machine", hint=f"write remote-{target.id}")
        timeout = decision.timeout_s if self._most_s is None else min(decision.timeout_s, self._most_s)
        return self._ask(delegation, self._infer(provider, decision), provider, timeout)

    def _infer(self, provider: ModelProvider, decision: Decision) -> Callable[[Request], Response]:
        manager, tenant, policy = self.manager, self.environment.tenant, self._policy()
        if self.environment.privacy == "private" and not getattr(manager, "local", True):
            manager = None  # its stores are elsewhere
        known = policy.models.get(provider.id)
        cost = known.cost if known is not None and known.cost else provider.cost_per_call()
        guarded: ModelProvider = Guarded(
            provider, self.breakers.of(provider.id), decision, self._emit, self._sleep,
            math.inf if self._most_s is None else self._most_s,
            lambda: self.spending.spend(tenant, provider.id, cost, policy.budget),
            cost,
        )  # fmt: skip

        def infer(request: Request) -> Response:
            if manager is None:
                return guarded.infer(request)
            return manager.infer(guarded, request, tenant=tenant)

        return infer


def measured_as(symbol: str, interface: Mapping[str, Any] | None) -> str:
    """Functions of the same name in several programs are not measured as one."""
    return f"{symbol} {interface['def_hash']}" if interface is not None else symbol


def _misfits(delegation: Delegation) -> bool:
    """Whether an argument is not of the declared type, or their number is wrong."""
    interface = delegation.interface
    if interface is None:
        return False
    from runtime.providers.declared import Misfit, type_of

    types, arguments = interface["param_types"], delegation.arguments
    if interface["rest"]:
        types = types[:-1]
    if len(arguments) < len(types) or (len(arguments) > len(types) and not interface["rest"]):
        return True
    for text, argument in zip(types, arguments, strict=False):
        try:
            if text != ":any":
                type_of(text).check(argument)
        except Misfit:
            return True
    return False


def hinted_target(mode: str, model: str | None) -> LocalModel | RemoteModel | None:
    """Of ``^:delegation``; None where it names no model."""
    if not model:
        return None
    return LocalModel(model) if mode == "local-model" else RemoteModel(model)


def ask_for_value(
    delegation: Delegation, infer: Callable[[Request], Response], model: ModelProvider, timeout: float
) -> Any:
    from runtime.providers.asking import Question, ask
    from runtime.providers.declared import Signature

    interface = delegation.interface
    if interface is not None:
        signature = Signature.of_interface(interface)
    else:  # a function that nobody described takes and gives anything
        signature = Signature(tuple((f"a{i}", ":any") for i in range(len(delegation.arguments))), ":any")
    doc = interface["doc"] if interface is not None else ""
    question = Question(delegation.function, doc, signature, delegation.arguments)
    return ask(question, infer, model.id, capabilities=model.capabilities(), timeout=timeout).value


def _told(decision: Decision, environment: Environment) -> Iterator[tuple[str, Any]]:
    yield "target", str(decision.target)
    yield "reason", decision.reasoning
    yield "decided_by", decision.decided_by
    yield "confidence", decision.confidence
    yield "rejected", tuple(f"{target}: {reason}" for target, reason in decision.rejected)
    yield "tenant", environment.tenant


def _all_failed(delegation: Delegation, failed: list[Attempt]) -> RtfsError:
    """The last failure says what is wrong; the data tell of all."""
    last = failed[-1]
    tried = [
        {Keyword("target"): a.target, Keyword("code"): a.code, Keyword("reason"): a.kind} for a in failed
    ]
    data = {
        Keyword("function"): delegation.function,
        Keyword("target"): last.target,
        Keyword("reason"): last.kind,
        Keyword("tried"): tried,
    }
    message = f"Host error: {delegation.function} by {last.target}: {last.message}"
    return host_error("HostError", message, data)
