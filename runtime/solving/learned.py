"""Delegated calls that learn: what a model answers is recorded, and what was distilled of it answers instead.

`Learned` stands where a dispatcher asks a model. A distilled function is called only on arguments of its
domain; now and then the model is asked all the same, and where the two differ, the function is withdrawn.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.obs.events import tell
from runtime.providers.errors import ProviderError
from runtime.searching import sandboxed
from runtime.solving.distil import distil, examples_of, identity_of, samples_of
from runtime.solving.domain import Arguments
from runtime.solving.errors import UnsuitableTask
from runtime.solving.samples import Function, Identity
from runtime.solving.task import written
from runtime.store.agreement import ask, fairly, release
from runtime.store.errors import StoreError
from runtime.trust.errors import TrustError

if TYPE_CHECKING:
    from runtime.delegation.context import Environment
    from runtime.delegation.dispatch import Asker
    from runtime.delegation.policy import Distil
    from runtime.engine import Runtime
    from runtime.host.session import Delegation
    from runtime.providers.base import ModelProvider, Request, Response

_WAITING = ("recording", "refused", "withdrawn")
_log = logging.getLogger("rtfsc")


class _Ready(NamedTuple):
    """A distilled function and where it may be called."""

    function: Callable[..., Any]
    domain: Arguments
    instance: Any


class Learned:
    """Of one runtime; safe to use from several threads. ``inner``: asks the model. ``draw``: a number from 0
    to 1, below ``settings.check`` the model is asked all the same."""

    def __init__(
        self, runtime: Runtime, settings: Distil, inner: Asker, *, draw: Callable[[], float] = random.random
    ) -> None:
        self._runtime, self.settings, self._inner, self._draw = runtime, settings, inner, draw
        self.samples = samples_of(runtime)
        self._lock = threading.Lock()
        self._ready: dict[tuple[int, str, int], _Ready | None] = {}
        self._workers: dict[int, threading.Thread] = {}
        self._identities: dict[tuple[str, ...], Identity | None] = {}
        self._told = False

    def asker(self, environment: Environment) -> Asker:
        """For the programs of one tenant. Private data are never recorded."""

        def ask_or_recall(
            delegation: Delegation, infer: Callable[[Request], Response], model: ModelProvider, timeout: float
        ) -> Any:
            identity = self._identity(delegation, environment, model.id)
            if identity is None:
                return self._inner(delegation, infer, model, timeout)
            known = self._recalled(identity, delegation.arguments)
            if known is not None and self._draw() >= self.settings.check:
                return known[0]
            try:
                value = self._inner(delegation, infer, model, timeout)
            except ProviderError:
                if known is None:
                    raise
                return known[0]
            if known is not None:
                self._compare(identity, delegation.arguments, known[0], value)
            if environment.privacy != "private":
                self._record(identity, delegation.arguments, value, model)
            return value

        return ask_or_recall

    def wait(self) -> None:
        """Until nothing is being distilled any more."""
        for worker in list(self._workers.values()):
            worker.join()

    def close(self) -> None:
        self.wait()
        for ready in self._ready.values():
            if ready is not None:
                ready.instance.close()
        self._ready.clear()
        self.samples.close()

    # -- what is known

    def _identity(self, delegation: Delegation, environment: Environment, model: str) -> Identity | None:
        """None for what nothing is learned of."""
        interface = delegation.interface
        if interface is None or not _matches(delegation.function, self.settings.functions):
            return None
        key = (environment.tenant, delegation.function, interface["interface_hash"], interface["doc"], model)
        if key not in self._identities:
            self._identities[key] = identity_of(delegation, environment.tenant, model)
        return self._identities[key]

    def _recalled(self, identity: Identity, arguments: list[Any]) -> tuple[Any] | None:
        """The distilled function's value, None where there is none for these arguments."""
        found = self._safely(lambda: self.samples.find(identity))
        if found is None or found.state != "distilled":
            return None
        ready = self._loaded(found)
        if ready is None or not ready.domain.holds(arguments):
            return None
        with self._lock:
            answer = ask(ready.function, tuple(arguments))
        if answer.error is None and not answer.limited and not answer.fault:
            tell(self._runtime.emit, "store.hit", by="distilled", request=identity.name, digest=found.digest)
            return (answer.value,)
        release(answer.value)
        why = answer.error[1] if answer.error else "a limit"
        self._withdraw(found, f"{_shown(arguments)} ends in an error: {why}")
        return None

    def _loaded(self, found: Function) -> _Ready | None:
        """None where the module cannot be had or is not trusted now."""
        key = (found.id, found.digest, found.upto)
        with self._lock:
            if key not in self._ready:
                self._ready[key] = self._load(found)
            return self._ready[key]

    def _load(self, found: Function) -> _Ready | None:
        try:
            entry = self._runtime.store.get(found.digest)
            if entry is None:
                return None
            artifact = self._runtime.store.fetch(entry).artifact
        except (StoreError, TrustError) as error:
            _log.warning("the function distilled of %s is not used: %s", found.identity.name, error)
            return None
        pairs = self.samples.pairs(found.id, found.upto)
        domain = Arguments([example.arguments for example in examples_of(pairs)])
        instance = fairly(lambda: sandboxed(artifact))
        return _Ready(instance.function(found.export), domain, instance)

    # -- what is learned

    def _record(self, identity: Identity, arguments: list[Any], value: Any, model: ModelProvider) -> None:
        try:
            texts = written(list(arguments)), written(value)
        except (UnsuitableTask, RecursionError):
            return  # functions and errors are no data; what is that deep is no example
        found = self._safely(lambda: self.samples.add(identity, model.revision, *texts))
        if found is not None and self.settings.auto and self._is_due(found):
            self._start(found)

    def _is_due(self, found: Function) -> bool:
        return found.state in _WAITING and found.pairs >= max(self.settings.pairs, found.next_at)

    def _start(self, found: Function) -> None:
        """In a thread of its own: whoever called goes on."""
        with self._lock:
            running = self._workers.get(found.id)
            if running is not None and running.is_alive():
                return
            worker = threading.Thread(
                target=self._distil, args=(found,), name=f"distil {found.identity.name}"
            )
            self._workers[found.id] = worker
            worker.start()  # within: one that has not begun yet seems to have ended

    def _distil(self, found: Function) -> None:
        try:
            distil(self._runtime, self.samples, found, model=self.settings.model or found.identity.model,
                   pairs=self.settings.pairs)  # fmt: skip
        except Exception as error:  # nobody waits for this thread
            reason = str(error)
            _log.info("%s was not distilled: %s", found.identity.name, reason)
            self._safely(lambda: self.samples.put_off(found.id, "refused", reason, 2 * found.pairs))

    def _compare(self, identity: Identity, arguments: list[Any], known: Any, value: Any) -> None:
        if _same(known, value):
            return
        found = self._safely(lambda: self.samples.find(identity))
        if found is not None and found.state == "distilled":
            self._withdraw(found, f"{_shown(arguments)} gave {_shown(known)}, the model {_shown(value)}")

    def _withdraw(self, found: Function, reason: str) -> None:
        _log.warning("the function distilled of %s is withdrawn: %s", found.identity.name, reason)
        self._safely(lambda: self.samples.put_off(found.id, "withdrawn", reason, 2 * found.pairs))

    def _safely(self, do: Callable[[], Any]) -> Any:
        """Learning never fails a call: where the file cannot be used, there is nothing known."""
        try:
            return do()
        except (sqlite3.Error, OSError) as error:
            if not self._told:
                self._told = True
                _log.warning("answers are not recorded: %s", error)
            return None


def _same(known: Any, value: Any) -> bool:
    try:
        return written(known) == written(value)
    except UnsuitableTask:
        return False


def _shown(value: Any) -> str:
    try:
        return f"{written(value):.200}"
    except UnsuitableTask:
        return "a function"


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
