"""Waiting for an answer no longer than was said, whatever the one who is asked does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from runtime.providers.base import ModelProvider, OnText, Request, Response
from runtime.providers.errors import Crashed, Garbled, ProviderError, TimedOut

T = TypeVar("T")
_GRACE_S = 0.25
"""Longer than the timeout of a request: a model that keeps to it says itself what it waited for."""


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


def answered(model: ModelProvider, request: Request, on_text: OnText | None = None) -> Response:
    """What the model answers. Raises nothing but `ProviderError`, whoever wrote the model; and in time."""
    try:
        if model.local and "classify" in model.capabilities():  # at once
            return sound(model.infer(request, on_text), model.id)
        seconds = request.timeout + _GRACE_S
        return sound(within(seconds, lambda: model.infer(request, on_text)), model.id)
    except Late:
        raise TimedOut(model.id, f"no answer within {request.timeout:g} s") from None
    except ProviderError:
        raise
    except Exception as error:
        raise Crashed(model.id, f"{type(error).__name__}: {error}") from error


def sound(response: object, id: str) -> Response:
    """Raises `Garbled`, for what a provider of somebody else gives in place of an answer."""
    if not isinstance(response, Response) or not isinstance(response.text, str):
        what = "a response without a text" if isinstance(response, Response) else type(response).__name__
        raise Garbled(id, f"the provider gave {what}, no answer")
    return response
