"""Concurrent misses of one key run once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")


class Abandoned(Exception):
    """The thread that computed was interrupted: nothing is known of the value."""


class SingleFlight(Generic[V]):
    """`run` computes a value for a key; who asks for the same key meanwhile waits for it and gets the
    same value, or the same exception."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, tuple[Future[V], int]] = {}

    def run(
        self,
        key: Hashable,
        compute: Callable[[], V],
        *,
        patience: float | None = None,
        theirs: Callable[[Exception], bool] = lambda error: False,
    ) -> V:
        """A computation that asks for its own key again computes it a second time, as waiting for
        itself would never end. ``patience``: seconds that others are waited for (None: for ever), then
        TimeoutError; ``theirs``: whether an exception of somebody else's computation says nothing to this
        caller, who then computes, too. So does who waited for a computation that was interrupted."""
        me = threading.get_ident()
        end = None if patience is None else time.monotonic() + patience
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    future: Future[V] = Future()
                    self._flights[key] = (future, me)
                    break
            if flight[1] == me:
                return compute()
            try:
                return _awaited(flight[0], end)
            except Exception as error:
                late = end is not None and time.monotonic() >= end
                if isinstance(error, Abandoned) and late:
                    raise TimeoutError from None
                if late or not (isinstance(error, Abandoned) or theirs(error)):
                    raise
        return self._flown(key, future, compute)

    def _flown(self, key: Hashable, future: Future[V], compute: Callable[[], V]) -> V:
        try:
            value = compute()
        except BaseException as error:
            self._land(key)
            # The others get an exception of the computation, but not what stops this thread alone.
            future.set_exception(error if isinstance(error, Exception) else Abandoned())
            raise
        self._land(key)
        future.set_result(value)
        return value

    def _land(self, key: Hashable) -> None:
        with self._lock:
            del self._flights[key]


def _awaited(future: Future[V], end: float | None) -> V:
    """Raises TimeoutError at ``end``."""
    if end is None:
        return future.result()
    return future.result(min(max(end - time.monotonic(), 0.0), threading.TIMEOUT_MAX))
