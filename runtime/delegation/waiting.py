"""Waiting for an answer no longer than was said, whatever the one who is asked does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class Late(Exception):
    """Nothing came in time."""


def within(seconds: float, work: Callable[[], T]) -> T:
    """What ``work`` gives or raises, done in another thread, which is left to itself when the time is over.
    Raises `Late`. An interrupt of the program (Ctrl-C) ends the waiting."""
    answer: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()
    context = copy_context()

    def run() -> None:
        try:
            answer.append(context.run(work))
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="rtfsc-model", daemon=True).start()
    if not done.wait(min(seconds, threading.TIMEOUT_MAX)):
        raise Late
    if failure:
        raise failure[0]
    return answer[0]
