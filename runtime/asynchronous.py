"""Calls that are awaited: programs run in threads of their own, and the event loop goes on.

An instance runs one call at a time, in the order in which they were made; several instances (`Pool`) run as
many at once. Programs share Python's lock with everything else: what runs at the same time is the waiting of
their capabilities, and every program lets others on every few milliseconds.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from runtime.values.errors import limit_error
from runtime.values.interruption import Stoppable, stoppable


class Stopped(Exception):
    """Nobody waits for the call any more."""


class Call:
    """A call that waits for its turn, runs, or has ended: ``future``."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any], context: Context) -> None:
        self.future: Future[Any] = Future()
        self._function, self._arguments, self._context = function, arguments, context
        self._running: Stoppable | None = None
        self._lock = threading.Lock()
        self._unwanted: BaseException | None = None

    def run(self) -> None:
        """In the thread of the call."""
        if not self.future.set_running_or_notify_cancel():
            return
        with stoppable() as running:
            with self._lock:
                self._running = running
                if self._unwanted is not None:
                    running.stop(self._unwanted)
            try:
                value = self._context.run(self._perform)
            except BaseException as error:
                self._function, self._arguments = _nothing, ()
                self.future.set_exception(error)
            else:
                self.future.set_result(value)

    def _perform(self) -> Any:
        if self._unwanted is not None:
            raise self._unwanted
        return self._function(*self._arguments)

    def stop(self, error: BaseException) -> None:
        """Ends it, whether it has begun or not."""
        if self.future.cancel():
            return
        with self._lock:
            self._unwanted = error
            if self._running is not None:
                self._running.stop(error)


class Lane:
    """The calls of one instance, one after the other."""

    def __init__(self) -> None:
        self.forget()
        _all_lanes.add(self)

    def forget(self) -> None:
        self._waiting: deque[Call] = deque()
        self._lock = threading.Lock()
        self._busy = False

    def __len__(self) -> int:
        return len(self._waiting) + self._busy

    def add(self, call: Call) -> None:
        with self._lock:
            self._waiting.append(call)
            if self._busy:
                return
            self._busy = True
        THREADS.run(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                call = self._waiting.popleft()
            call.run()


class Threads:
    """As many as there is work; who is idle for a while ends. None outlives the process."""

    IDLE_S = 10.0

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Condition()
        self._work: deque[Callable[[], None]] = deque()
        self._idle = 0

    def run(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._work.append(work)
            if self._idle >= len(self._work):
                self._lock.notify()
                return
        threading.Thread(target=self._serve, name="rtfsc-call", daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
                try:
                    if not self._lock.wait_for(lambda: bool(self._work), self.IDLE_S):
                        return
                    work = self._work.popleft()
                finally:
                    self._idle -= 1
            work()


THREADS = Threads()
_all_lanes: WeakSet[Lane] = WeakSet()
_lanes: WeakKeyDictionary[Any, Lane] = WeakKeyDictionary()
_lanes_lock = threading.Lock()


def _in_child() -> None:
    """A child of a fork has none of the threads: what they were to do there is the parent's."""
    global _lanes_lock
    _lanes_lock = threading.Lock()
    THREADS.forget()
    for lane in _all_lanes:
        lane.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def lane_of(instance: Any) -> Lane:
    with _lanes_lock:
        return _lanes.setdefault(instance, Lane())


async def call_async(function: Any, arguments: Sequence[Any], deadline_ms: int | None = None) -> Any:
    """The value of the call of a function of the instance ``function.owner``, which waits for those before
    it in the same instance. ``deadline_ms``: from now on, waiting included; then the call is stopped, and
    `DeadlineExceeded` is raised. When the task is cancelled the call is stopped too; what waits in a
    capability ends when that has answered."""
    lane = lane_of(function.owner)
    return await awaited(lane, Call(function, arguments, copy_context()), deadline_ms)


async def awaited(lane: Lane, call: Call, deadline_ms: int | None) -> Any:
    import asyncio

    lane.add(call)
    future = asyncio.wrap_future(call.future)
    try:
        if deadline_ms is None:
            return await future
        done, _ = await asyncio.wait((future,), timeout=deadline_ms / 1000)
        if not done:
            raise limit_error("DeadlineExceeded", deadline_ms)
        return future.result()
    finally:
        if not future.done():
            future.cancel()
        if not call.future.done():
            call.stop(Stopped("nobody waits for the call any more"))


def _nothing(*_: Any) -> None:
    """In place of what a failed call was made of, which its error would keep."""


class Pool:
    """``make`` makes an instance, at most ``size`` of them, each when all others are busy::

        async with runtime.pool(source, size=8) as pool:
            await asyncio.gather(*(pool.call("fetch", url) for url in urls))

    The top level of the program is evaluated in each; what one sets in its context the others do not see.
    """

    def __init__(self, make: Callable[[], Any], size: int = 8) -> None:
        if size < 1:
            raise ValueError(f"a pool has one instance at least, not {size}")
        self._make, self._size = make, size
        self._lock = threading.Lock()
        self._members: list[_Member] = []
        self._closed = False

    def call(
        self, function: str, *arguments: Any, deadline_ms: int | None = None
    ) -> Coroutine[Any, Any, Any]:
        """Awaitable: the value of an exported function. Raises as the function does, KeyError if there is
        none of this name."""
        member = self._free()
        call = Call(member.perform, (function, arguments), copy_context())
        member.calls.add(call)
        call.future.add_done_callback(lambda _: self._done(member, call))
        return awaited(member.lane, call, deadline_ms)

    def close(self) -> None:
        """Frees the instances, each when its call has been stopped; calls that run or wait raise
        `InstanceClosed`. What waits in a capability is stopped when that has answered."""
        with self._lock:
            self._closed, members, self._members = True, self._members, []
        for member in members:
            member.close()

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _done(self, member: _Member, call: Call) -> None:
        with self._lock:
            member.waiting -= 1
            member.calls.discard(call)

    def _free(self) -> _Member:
        from runtime.values.errors import InstanceClosed

        with self._lock:
            if self._closed:
                raise InstanceClosed("the pool is closed")
            idle = min(self._members, key=lambda member: member.waiting, default=None)
            if idle is None or (idle.waiting and len(self._members) < self._size):
                idle = _Member(self._make)
                self._members.append(idle)
            idle.waiting += 1
            return idle


class _Member:
    """An instance of a pool. ``waiting``: calls that have not ended."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.lane, self.waiting = Lane(), 0
        self.calls: set[Call] = set()
        self._make, self._module = make, None
        self._closed = False

    _module: Any

    def perform(self, function: str, arguments: Sequence[Any]) -> Any:
        """In its own thread, where the instance is made too: the loop does not wait for the compiler."""
        from runtime.values.errors import InstanceClosed

        if self._module is None and not self._closed:
            self._module = self._make()
        if self._closed:
            raise InstanceClosed("the pool is closed")
        return self._module[function](*arguments)

    def close(self) -> None:
        from runtime.values.errors import InstanceClosed

        self._closed = True
        for call in tuple(self.calls):
            if call.future.running():  # those that wait find it closed
                call.stop(InstanceClosed("the pool is closed"))
        if len(self.lane):
            self.lane.add(Call(self._free, (), copy_context()))
        else:
            self._free()

    def _free(self) -> None:
        if self._module is not None:
            self._module.close()
