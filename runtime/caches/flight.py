"""Concurrent misses of one key run once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class SingleFlight(Generic[V]):
    """`run` computes a value for a key; who asks for the same key meanwhile waits for it and gets the
    same value, or the same exception."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, tuple[Future[V], int]] = {}

    def run(self, key: Hashable, compute: Callable[[], V]) -> V:
        """A computation that asks for its own key again computes it a second time, as waiting for
        itself would never end."""
        me = threading.get_ident()
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                future: Future[V] = Future()
                self._flights[key] = (future, me)
        if flight is not None:
            return compute() if flight[1] == me else flight[0].result()
        try:
            value = compute()
        except BaseException as error:
            self._land(key)
            # The others get an exception of the computation, but not what stops this thread alone.
            future.set_exception(error if isinstance(error, Exception) else _abandoned(key))
            raise
        self._land(key)
        future.set_result(value)
        return value

    def _land(self, key: Hashable) -> None:
        with self._lock:
            del self._flights[key]


def _abandoned(key: Any) -> Exception:
    return RuntimeError(f"the computation of {key!r} was interrupted in the thread that ran it")
