"""Everything that delegated calls need, from one ``delegation.toml``: policy, engine, models, caches."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import EllipsisType
from typing import Any
from weakref import WeakSet

from runtime.caches.config import L1Config
from runtime.caches.opening import open_caches
from runtime.caches.protocol import Table, table
from runtime.caches.shared import Redis
from runtime.delegation.breaker import Breakers
from runtime.delegation.context import Environment
from runtime.delegation.dispatch import Asker, Dispatcher, Infer, Planner, Stored
from runtime.delegation.engine import DelegationEngine, PolicyDelegationEngine
from runtime.delegation.measure import Measurements
from runtime.delegation.policy import Model, Policy
from runtime.delegation.policy_file import not_text, parse
from runtime.delegation.reload import Stamp, Watcher, stamp_of, take
from runtime.delegation.router import Router
from runtime.delegation.shared import SharedDecisions
from runtime.delegation.spending import Spending
from runtime.obs.events import Emit
from runtime.offline import offline
from runtime.providers.base import ModelProvider
from runtime.providers.registry import ModelRegistry, beside, close_all


class Delegating:
    """What runtimes share that follow one policy file. Safe to use from several threads.

    ``engine``: decides; ``policies``: the engine of the file's rules, the same unless another one was given;
    ``planner``: says more of calls; ``registry``: the models; ``manager``: the caches that are asked before
    models; ``dispatcher``: that of nobody in particular, see `dispatcher_for`.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        path: Path | None = None,
        shown: str = "delegation.toml",
        models: Iterable[ModelProvider] = (),
        manager: Infer | None = None,
        emit: Emit | None = None,
        reload_s: float | None = None,
        engine: DelegationEngine | None = None,
        planner: Planner | None = None,
        stamp: Stamp | EllipsisType = ...,
    ) -> None:
        """``stamp``: of the file when it was read."""
        self.path, self.shown, self.emit = path, shown, emit
        self._reload_s, self._stamp = reload_s, stamp
        models = tuple(models)
        self._costs = {model.id: model.cost_per_call() for model in models}
        policy = self._priced(policy)
        self._watcher: Watcher | None = None
        l1, shared = _decisions(policy)
        self.policies = PolicyDelegationEngine(policy, l1=l1, shared=shared, emit=emit)
        self.engine: DelegationEngine = engine or self.policies
        self.planner = planner
        self.registry = ModelRegistry(_tables(policy, path))
        for model in models:
            self.registry.register(model)
        self.manager: Infer = manager or open_caches(
            policy.caches,
            base=None if path is None else path.parent,
            l1=l1,
            shared=None if shared is None else shared.cache,
            emit=emit,
        )
        self.breakers, self.measurements, self.spending = Breakers(), Measurements(), Spending()
        self._routers: WeakSet[Router] = WeakSet()
        self._lock = threading.Lock()

    @property
    def policy(self) -> Policy:
        return self.policies.policy

    def dispatcher_for(
        self,
        environment: Environment | None = None,
        *,
        engine: DelegationEngine | None = None,
        stored: Stored | None = None,
        ask: Asker | None = None,
        most_s: float | None = None,
    ) -> Dispatcher:
        """For programs of this tenant, with these permissions, on data of this privacy. ``engine``: what
        decides instead of the policy alone; ``ask``: asks a model for the value of a call; ``most_s``:
        seconds that a whole call may take."""
        self._watch()
        return Dispatcher(
            engine or self.engine, self.registry, self.manager,
            environment=environment, stored=stored, ask=ask,
            policy=lambda: self.policy,
            breakers=self.breakers, measurements=self.measurements, spending=self.spending, emit=self.emit,
            most_s=most_s, planner=self.planner, vetted=self.engine is self.policies,
        )  # fmt: skip

    def router(
        self, dispatcher: Dispatcher, symbols: Sequence[str], interfaces: Mapping[str, Mapping[str, Any]]
    ) -> Router:
        """Of one instance; its guards ask again when the policy changes."""
        router = Router(dispatcher, symbols, interfaces, self._lock)
        if symbols:
            with self._lock:
                self._routers.add(router)
        return router

    @property
    def routes(self) -> bool:
        """Whether calls of functions that nobody marked may ever run elsewhere."""
        return self.planner is not None or self.engine is not self.policies or self.policy.routes

    def speaks_of(self, symbol: str) -> bool:
        """Whether calls of this function may ever run elsewhere."""
        others = self.planner is not None or self.engine is not self.policies
        return others or self.policy.speaks_of(symbol)

    def load(self, policy: Policy) -> None:
        """From now on this policy decides, also for calls of programs that run."""
        policy = self._priced(policy)
        with self._lock:
            gone = self.registry.configure(_tables(policy, self.path))
            self.policies.load(policy)
            for router in self._routers:
                router.forget()
        close_all(gone)

    def _priced(self, policy: Policy) -> Policy:
        """With what models that were brought along say that they cost, where the file does not say it."""
        known = {
            id: replace(policy.models.get(id, Model()), cost=cost)
            for id, cost in self._costs.items()
            if cost and not policy.models.get(id, Model()).cost
        }
        return replace(policy, models={**policy.models, **known}) if known else policy

    def reload(self) -> None:
        """Takes the file again, now. Raises `PolicyError`, OSError; then the policy stays as it was."""
        if self.path is None:
            return
        wrong = take(self, self.path)
        if wrong is not None:
            raise wrong

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is None and self.path is not None and self._reload_s is not None:
                self._watcher = Watcher(self, self.path, self._reload_s, self._stamp)

    @property
    def dispatcher(self) -> Dispatcher:
        return self.dispatcher_for()

    def close(self) -> None:
        """Closes models and caches; the file is not looked at any more."""
        if self._watcher is not None:
            self._watcher.close()
        self.registry.close()
        close = getattr(self.manager, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Delegating:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_delegation(
    path: str | os.PathLike[str] | None = None,
    *,
    text: str | None = None,
    models: Iterable[ModelProvider] = (),
    manager: Infer | None = None,
    emit: Emit | None = None,
    reload_s: float | None = 1.0,
    engine: DelegationEngine | None = None,
    planner: Planner | None = None,
) -> Delegating:
    """``path``: of the file; ``text``: its contents, instead of it; neither: no rules and no models but those
    given. ``models`` replace those of the file with the same id. ``manager``: instead of the caches that the
    file's ``[caches]`` describe. ``reload_s``: how often the file is looked at, once calls are
    dispatched; None: never. ``engine``: decides instead of the file's rules. ``planner``: proposes
    targets for calls that no rule fits (`DelegationMetadata`). Nothing is connected to before it is asked.

    Raises `PolicyError` with the place of a mistake, OSError.
    """
    file = None if path is None else Path(path).absolute()
    stamp: Stamp | EllipsisType = ...
    if file is not None:
        stamp = stamp_of(file)
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise not_text(os.fspath(file), error) from None
    shown = os.fspath(path) if path is not None else "delegation.toml"
    policy = parse(text or "", shown)
    return Delegating(
        policy, path=file, shown=shown, models=models, manager=manager, emit=emit, reload_s=reload_s,
        engine=engine, planner=planner, stamp=stamp,
    )  # fmt: skip


def _tables(policy: Policy, path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """The options of the models; files that they name lie beside the one that names them."""
    tables = {id: model.table for id, model in policy.models.items() if model.table}
    return tables if path is None else {id: beside(path, table) for id, table in tables.items()}


def _decisions(policy: Policy) -> tuple[Table, SharedDecisions | None]:
    """L1 in this process, and that of the team."""
    config = policy.caches.l1 if policy.caches is not None else L1Config()
    ttl = policy.cache_ttl_s if config.table.ttl is None else config.table.ttl
    l1 = table(replace(config.table, ttl=ttl))
    return l1, SharedDecisions(Redis(config.redis), ttl) if config.redis and not offline() else None
