"""Events: what the parts of a runtime tell of what they do, and who is told.

A component takes ``emit: Emit | None = None`` and tells of one thing with `tell`, or of something that takes
time with `span`::

    tell(self._emit, "cache.hit", layer="L2", store="hot", seconds=t)

    with span(self._emit, "model.asked", model=id) as told:
        response = provider.infer(request)
        told["input_tokens"] = response.input_tokens

`Bus` is an `Emit`. It is false while nobody has subscribed, and then `tell` and `span` make no event.
"""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from itertools import count
from typing import Any, TypeAlias

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | None"

EVENTS: Mapping[str, tuple[str, ...]] = {
    "call.decided": (
        "function", "target", "reason", "decided_by", "confidence", "rejected", "tenant", "seconds",
    ),
    "call.done": ("function", "target", "module", "seconds"),
    "call.failed": ("function", "target", "module", "error", "seconds"),
    "cache.hit": ("layer", "store", "tenant", "score", "query", "match", "seconds"),
    "cache.miss": ("layer", "store", "tenant", "reason", "score", "seconds"),
    "cache.put": ("layer", "store", "tenant"),
    "cache.cleared": ("layer", "reason"),
    "model.asked": ("model", "provider", "stop_reason", "input_tokens", "output_tokens", "cost", "seconds"),
    "model.failed": ("model", "provider", "error", "seconds"),
    "model.health": ("model", "provider", "ok", "detail"),
    "store.hit": ("by", "request", "module", "digest", "signer", "score", "seconds"),
    "store.miss": ("by", "request", "reason", "score", "seconds"),
    "store.refused": ("by", "request", "module", "digest", "error", "seconds"),
    "store.published": ("module", "digest", "signer", "seconds"),
    "solve.step": ("run", "task", "step", "outcome", "detail", "seconds"),
    "solve.done": ("run", "task", "outcome", "module", "rounds", "seconds"),
    "ticket.submitted": ("ticket", "function"),
    "ticket.started": ("ticket", "function"),
    "ticket.done": ("ticket", "function", "seconds"),
    "ticket.failed": ("ticket", "function", "error", "seconds"),
    "ticket.cancelled": ("ticket", "function"),
    "capability.called": ("capability", "outcome", "error", "seconds"),
    "policy.loaded": ("file", "rules", "epoch"),
    "policy.refused": ("file", "error"),
}  # fmt: skip
"""Every event and the attributes that it may have; those that do not apply are left out. ``seconds``: how
long it took. ``error``: the kind of the error or its code, never what was computed. Arguments and results of
calls are in no event, nor are prompts and answers, except the two texts of a semantic hit, which are logged
so that a wrong one can be seen (``query``, ``match``), and the task of a look-up (``request``, ``task``)."""

_span: ContextVar[tuple[int, float]] = ContextVar("rtfsc_span", default=(0, 0.0))
"""The number of what happens now, and what `time.perf_counter` is to be added to for the time: within one
thing all is told by one clock, so that what happened in it lies within it."""
_ids = count(1)


class Event:
    """``time``: seconds since 1970, of its end where it took ``attributes["seconds"]``. ``span``: the number
    of what took time, 0 for what did not; ``parent``: of what it happened in, 0 for none."""

    __slots__ = ("attributes", "name", "parent", "span", "time")

    def __init__(self, name: str, time: float, attributes: Mapping[str, Value], span: int = 0) -> None:
        self.name, self.time, self.attributes = name, time, attributes
        self.span, self.parent = span, _span.get()[0]

    def __repr__(self) -> str:
        return f"<{self.name} {dict(self.attributes)}>"


Emit: TypeAlias = Callable[[Event], None]
Subscriber: TypeAlias = Callable[[Event], None]


class Bus:
    """Passes events to subscribers, in the thread of the one who emits. A subscriber that raises is heard of
    once, through the logger ``rtfsc``, and harms nobody."""

    __slots__ = ("_faulty", "_lock", "_subscribers")

    def __init__(self) -> None:
        self._subscribers: tuple[Subscriber, ...] = ()
        self._faulty: set[int] = set()
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Returns what ends the subscription; it may be called more than once."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def end() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)

        return end

    def emit(self, event: Event) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:
                self._report(subscriber, error)

    __call__ = emit

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    def _report(self, subscriber: Subscriber, error: Exception) -> None:
        with self._lock:
            known = id(subscriber) in self._faulty
            self._faulty.add(id(subscriber))
        if not known:
            import logging

            # A full disk needs no traceback.
            trace = None if isinstance(error, OSError) else error
            logging.getLogger("rtfsc").error("an observer failed: %r: %s", subscriber, error, exc_info=trace)


BUS = Bus()
"""That of this process: what runtimes emit to where they are given no other one. The command line subscribes
what its options ask for."""


def tell(emit: Emit | None, name: str, **attributes: Value) -> None:
    """Emits an event of now, if anybody listens. ``name`` is one of `EVENTS`."""
    if emit:
        around, offset = _span.get()
        emit(Event(name, clock.perf_counter() + offset if around else clock.time(), attributes))


class span:
    """Emits an event with the seconds that the block took when it ends; events of the block have it as their
    parent. The block may add attributes to the dict that it is given. A block that raises emits ``failed``,
    with the kind of the error; where there is no such name, ``name`` with it."""

    __slots__ = ("_attributes", "_emit", "_failed", "_name", "_number", "_offset", "_started", "_token")

    def __init__(self, emit: Emit | None, name: str, failed: str | None = None, **attributes: Value) -> None:
        self._emit, self._name, self._failed, self._attributes = emit, name, failed, attributes
        self._number, self._started, self._offset = 0, 0.0, 0.0
        self._token: Token[tuple[int, float]] | None = None

    def __enter__(self) -> dict[str, Value]:
        if self._emit:
            self._number = next(_ids)
            around, offset = _span.get()
            self._started = clock.perf_counter()
            self._offset = offset if around else clock.time() - self._started
            self._token = _span.set((self._number, self._offset))
        return self._attributes

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._emit is None or self._token is None:
            return
        ended = clock.perf_counter()
        _span.reset(self._token)
        name = self._name
        if error is not None:
            name = self._failed or name
            self._attributes["error"] = kind_of(error)
        self._attributes["seconds"] = ended - self._started
        self._emit(Event(name, ended + self._offset, self._attributes, self._number))


def kind_of(error: BaseException) -> str:
    """What an error is called in events: an RTFS error by its kind, one of ours by its code."""
    for attribute in ("kind", "code"):
        name: Any = getattr(error, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(error).__name__
