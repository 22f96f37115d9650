"""Routes calls of functions that nobody marked: what guards (`rtfsc.ir.routes`) and wrapped exports ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from runtime.delegation.context import CallContext
from runtime.delegation.dispatch import L4_WAY, LOCAL_WAY, Dispatcher
from runtime.delegation.types import L4CacheHit, LocalPure
from runtime.host.session import Delegation

ROUTED = "routed"
_MARKS = 3
_SHORTEST_S = 1e-9
"""What takes less than telling of it."""

Interface = Mapping[str, Any]
Route = Callable[[int, bool], None]
"""Sets the byte of a guarded function, by its number: whether its calls stay here without asking."""


class Router:
    """The ``delegate`` of one instance. ``symbols``: of its guarded functions, by number; ``interfaces``: by
    symbol; ``lock``: held while a policy is replaced.

    Which way is faster is measured in real calls: where the store has a module for a function, its first
    calls run here and there in turn. While a body is measured its own calls of itself ask nobody.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        symbols: Sequence[str],
        interfaces: Mapping[str, Interface],
        lock: threading.Lock,
    ) -> None:
        self.dispatcher = dispatcher
        self._numbers = {symbol: number for number, symbol in enumerate(symbols)}
        self._interfaces, self._lock = interfaces, lock
        self._route: Route | None = None
        self._begun: dict[int, tuple[str, list[float]]] = {}
        self._tokens = 0
        self._unsteady: dict[str, int] = {}
        """Functions that are decided anew for each call, and the epoch in which that was found."""

    def bind(self, route: Route) -> None:
        """The instance is there."""
        self._route = route

    def forget(self) -> None:
        """The policy is another one: every guard asks again."""
        self._begun.clear()
        for number in self._numbers.values():
            self._set(number, False)

    def __call__(self, delegation: Delegation) -> tuple[bool, Any]:
        """As `runtime.host.session.Delegate`; (False, token) asks for `done` with that token."""
        if delegation.mode != ROUTED:
            return self.dispatcher(delegation)
        started = time.perf_counter()
        epoch = self.dispatcher.engine.epoch
        context = self.dispatcher.context(delegation)
        decision = self.dispatcher.decide(delegation, context)
        if isinstance(decision.target, LocalPure):
            if self._unsteady.get(delegation.function) != epoch:
                self._settle(context, epoch)
            return False, None
        if isinstance(decision.target, L4CacheHit) and delegation.function in self._numbers:
            if any(symbol == delegation.function for symbol, _ in self._begun.values()):
                return False, None
            if self.dispatcher.local_is_due(delegation):
                return False, self._begin(delegation.function)
        done, value = self.dispatcher.perform(decision, delegation)
        if done and isinstance(decision.target, L4CacheHit):
            self.dispatcher.measured(delegation, L4_WAY, time.perf_counter() - started)
        return done, value

    def done(self, token: Any) -> None:
        """Of a call that is measured: its body begins, came to its end, and again at once, which is how long
        the telling takes."""
        now = time.perf_counter()
        found = self._begun.get(token) if isinstance(token, int) else None
        if found is None:  # a module may say anything
            return
        symbol, times = found
        times.append(now)
        if len(times) < _MARKS:
            return
        del self._begun[token]
        begun, ended, again = times
        seconds = max(ended - begun - (again - ended), _SHORTEST_S)
        delegation = Delegation(symbol, ROUTED, None, [], self._interfaces.get(symbol))
        self.dispatcher.measured(delegation, LOCAL_WAY, seconds)
        self._set(self._numbers[symbol], False)

    def wrap(self, symbol: str, name: str, function: Callable[..., Any]) -> Routed:
        """``name``: of the export; policies know it by its ``symbol``."""
        return Routed(self, symbol, name, function, self._interfaces.get(name))

    def _begin(self, symbol: str) -> int:
        # A body that raises never comes to its end: its guard then stays as it is, and the calls here.
        self._set(self._numbers[symbol], True)
        self._tokens += 1
        self._begun[self._tokens] = symbol, []
        return self._tokens

    def _settle(self, context: CallContext, epoch: int) -> None:
        symbol = context.fn_symbol
        if not self.dispatcher.steady(context):
            self._unsteady[symbol] = epoch
            return
        with self._lock:
            if self.dispatcher.engine.epoch == epoch and symbol in self._numbers:
                self._set(self._numbers[symbol], True)

    def _set(self, number: int, here: bool) -> None:
        if self._route is not None:
            self._route(number, here)


class Routed:
    """An exported function without a guard of its own, whose calls from Python are routed."""

    def __init__(
        self,
        router: Router,
        symbol: str,
        name: str,
        function: Callable[..., Any],
        interface: Interface | None,
    ) -> None:
        self.__wrapped__, self.__name__, self.__doc__ = function, name, function.__doc__
        self._router, self._symbol, self._interface = router, symbol, interface
        self._engine = router.dispatcher.engine
        self._settled = -1
        """The epoch in which it was decided that calls stay here, whatever they are called with."""
        self.record: Callable[[str, list[Any], Callable[[], tuple[bool, Any]]], tuple[bool, Any]] | None = (
            None
        )
        """Puts what is done elsewhere on record: gets the function, its arguments, and what does it."""

    def __call__(self, *arguments: Any) -> Any:
        engine = self._engine
        if self._settled == engine.epoch:
            return self.__wrapped__(*arguments)
        delegation = Delegation(self._symbol, ROUTED, None, list(arguments), self._interface)
        return self._routed(delegation)

    def _routed(self, delegation: Delegation) -> Any:
        dispatcher, epoch = self._router.dispatcher, self._engine.epoch
        context = dispatcher.context(delegation)
        decision = dispatcher.decide(delegation, context)
        if isinstance(decision.target, LocalPure):
            if dispatcher.steady(context):
                self._settled = epoch
            return self.__wrapped__(*delegation.arguments)
        if isinstance(decision.target, L4CacheHit) and dispatcher.local_is_due(delegation):
            started = time.perf_counter()
            value = self.__wrapped__(*delegation.arguments)
            dispatcher.measured(delegation, LOCAL_WAY, time.perf_counter() - started)
            return value
        started = time.perf_counter()
        if self.record is None:
            done, value = dispatcher.perform(decision, delegation)
        else:
            ask = partial(dispatcher.perform, decision, delegation)
            done, value = self.record(self.__name__, delegation.arguments, ask)
        if done and isinstance(decision.target, L4CacheHit):
            dispatcher.measured(delegation, L4_WAY, time.perf_counter() - started)
        return value if done else self.__wrapped__(*delegation.arguments)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.__wrapped__, attribute)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)
