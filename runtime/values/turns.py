"""Waiting for an instance that another thread is in."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

from runtime.values.errors import RtfsError
from runtime.values.interruption import check, was_asked

T = TypeVar("T")

_PAUSE_S: Final = 0.001
_LOOK: Final = 100
"""Rounds after which the thread that is waited for is looked for."""
_waiting: dict[int, Waiting] = {}
"""By thread: what it is doing."""


class Waiting:
    """A thread that waits for others to leave. Each wait is an object of its own."""

    def __init__(self) -> None:
        self.owner = self.rounds = self._missed = 0
        self._thread = threading.get_ident()
        self._seen: dict[Waiting, int] = {}

    def round(self, owner: int) -> None:
        """A moment of waiting for the thread ``owner``, which is inside now. Raises what was asked for in
        this thread (`interruption.check`); RuntimeError where it would wait for ever."""
        self.owner = owner
        self.rounds += 1
        _waiting[self._thread] = self
        self._refuse_circle()
        if self.rounds % _LOOK == 0 or self._missed:
            self._refuse_lost(owner)
        check()
        time.sleep(_PAUSE_S)

    def close(self) -> None:
        _waiting.pop(self._thread, None)

    def _refuse_lost(self, owner: int) -> None:
        """Who is missed may have left the instance and ended since ``owner`` was read: it counts when it is
        inside still after that."""
        missed = 0 if owner in sys._current_frames() else owner
        if missed and missed == self._missed:
            raise RuntimeError("the thread that was in the instance is gone, as after a fork")
        self._missed = missed

    def _refuse_circle(self) -> None:
        """What is read of another thread may be old: it counts when each has looked again since."""
        others = self._circle()
        if others != list(self._seen):
            self._seen = {other: other.rounds for other in others}
        elif others and all(other.rounds > seen + 1 for other, seen in self._seen.items()):
            raise RuntimeError("threads wait for each other: each is in an instance that another one wants")

    def _circle(self) -> list[Waiting]:
        """The others, if the one that is waited for waits, by way of others, for this thread."""
        found: list[Waiting] = []
        at = _waiting.get(self.owner)
        while at is not None and at is not self and at not in found:
            found.append(at)
            at = _waiting.get(at.owner)
        return found if at is self else []


class Turn:
    """A lock that is waited for as instances are. ``inside``: what is said to a thread that has it and wants
    it again."""

    def __init__(self, inside: str) -> None:
        self._lock, self._owner, self._inside = threading.Lock(), 0, inside

    def __enter__(self) -> None:
        me = threading.get_ident()
        waiting = None
        try:
            while not self._lock.acquire(blocking=False):
                if self._owner == me:
                    raise RuntimeError(self._inside)
                waiting = waiting or Waiting()
                waiting.round(self._owner or me)
        finally:
            if waiting is not None:
                waiting.close()
        self._owner = me

    def __exit__(self, *_: object) -> None:
        self._owner = 0
        self._lock.release()


class TopLevel(Generic[T]):
    """The top level of an instance: it is evaluated once, by whichever thread comes first."""

    def __init__(self) -> None:
        self._turn = Turn(
            "the top level of the module is being evaluated: its functions can be called when it is done"
        )
        self._done, self._value = False, cast(T, None)
        self._failure: RtfsError | None = None

    def value(self, evaluate: Callable[[], T]) -> T:
        """What ``evaluate`` gave the first time. An error of the program is kept and raised again; after one
        that came from outside (the call was stopped, Ctrl-C) it is evaluated anew."""
        if self._done:
            return self._value
        with self._turn:
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            if not self._done:
                try:
                    self._value = evaluate()
                except RtfsError as error:
                    if not was_asked(error):
                        self._failure = error
                    raise
                self._done = True
            return self._value
