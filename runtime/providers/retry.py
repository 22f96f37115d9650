"""Trying again: after how long, how often, and never past the deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runtime.providers.base import OnText
from runtime.providers.errors import Interrupted, ProviderError, TimedOut, Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """``attempts`` in all. Between two of them there is a pause drawn from 0 to ``base * 2**n`` seconds, at
    most ``most`` (full jitter: many clients that failed together do not come back together); a provider
    that asks for a longer pause gets it."""

    attempts: int = 3
    base: float = 0.5
    most: float = 8.0

    def pause(self, attempt: int, draw: Callable[[], float] = random.random) -> float:
        """Seconds after the given attempt, the first is 1."""
        return draw() * min(self.most, self.base * 2.0 ** (attempt - 1))


def retrying(
    work: Callable[[], T],
    retry: Retry,
    timeout: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    draw: Callable[[], float] = random.random,
) -> T:
    """What ``work`` gives. Raises its last `ProviderError` when it is no use to try again, the attempts
    are used up, or the next pause would end after ``timeout`` seconds."""
    end = clock() + timeout
    attempt = 1
    while True:
        try:
            return work()
        except ProviderError as error:
            asked = error.after if isinstance(error, Unavailable) else None
            pause = max(retry.pause(attempt, draw), asked or 0.0)
            if not error.retryable or attempt >= retry.attempts or clock() + pause >= end:
                raise
        sleep(pause)
        attempt += 1


def retrying_untold(
    ask: Callable[[OnText | None], T], on_text: OnText | None, retry: Retry, timeout: float
) -> T:
    """Like `retrying`, of what hands pieces to ``on_text``: told of one, it is not tried again."""
    told = False

    def tell(text: str) -> None:
        nonlocal told
        told = True
        assert on_text is not None
        on_text(text)

    def attempt() -> T:
        try:
            return ask(tell if on_text is not None else None)
        except (Interrupted, TimedOut, Unavailable) as error:
            error.retryable = error.retryable and not told
            raise

    return retrying(attempt, retry, timeout)
