"""The process that runs llama.cpp: reads questions from standard input, writes answers to standard output.

The first message holds the settings of the model; it is answered with ``{"ready": …}``. Then each
``{"id": n, "messages": …}`` is answered with ``{"id": n, "taken": true}``, any number of
``{"id": n, "text": piece}`` and one of ``{"id": n, "done": …}`` or
``{"id": n, "error": kind, "message": …}``; ``{"cancel": n}`` ends it early.
The process ends when its input does, so that it never outlives who asked for it.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import threading
from typing import Any

from runtime.providers.llama.frames import Malformed, Unpacker, packed

_LOOK_SECONDS = 1.0


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Channel:
    """The two pipes. Messages are read in a thread of its own: while the model works, it can be told to
    stop, and the end of the input ends the process."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink
        self._parent = os.getppid()
        self._asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self._asked.get()

    def send(self, message: dict[str, Any]) -> None:
        data = packed(message)
        try:
            while data:
                data = data[os.write(self._sink, data) :]
        except OSError:
            os._exit(0)  # nobody listens

    def check(self, id: int) -> None:
        if id in self._cancelled:
            self._cancelled.clear()
            raise Cancelled

    def _listen(self) -> None:
        unpacker = Unpacker()
        while True:
            # Another process may hold the other end of the pipe open, so its end alone is not enough.
            readable, _, _ = select.select([self._source], [], [], _LOOK_SECONDS)
            if os.getppid() != self._parent:
                os._exit(0)
            if not readable:
                continue
            data = os.read(self._source, 1 << 16)
            if not data:
                os._exit(0)
            try:
                messages = unpacker.feed(data)
            except Malformed:
                os._exit(2)
            for message in messages:
                if "cancel" in message:
                    self._cancelled.add(message["cancel"])
                else:
                    self._asked.put(message)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key that is meant for the parent
    channel = Channel(0, os.dup(1))
    os.dup2(2, 1)  # what libraries print is no message
    settings = channel.next()
    try:
        _limit_memory(settings.get("memory", 0))
        from runtime.providers.llama.model import Model

        model = Model(settings)
    except BaseException as error:
        channel.send({"failed": _kind(error), "message": _text(error)})
        return
    channel.send({"ready": model.facts()})
    while True:
        request = channel.next()
        id = request["id"]
        channel.send({"id": id, "taken": True})
        try:
            channel.send({"id": id, "done": model.answer(request, channel)})
        except Cancelled:
            channel.send({"id": id, "done": {"cancelled": True}})
        except Exception as error:
            channel.send({"id": id, "error": _kind(error), "message": _text(error)})


def _limit_memory(mebibytes: int) -> None:
    if mebibytes:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))


def _kind(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "package"
    if isinstance(error, MemoryError):
        return "memory"
    return getattr(error, "kind", "failed")


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


if __name__ == "__main__":
    main()
