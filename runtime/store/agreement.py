"""Whether two engines answered the same, and a text that identifies an input."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from runtime.values import (
    DeadlineExceeded,
    ErrorValue,
    Keyword,
    LimitExceeded,
    List,
    Resource,
    RtfsError,
    StackOverflow,
    Symbol,
    Timestamp,
)

T = TypeVar("T")
_TRIES: Final = 3
_SPELLED = (Keyword, Symbol, Timestamp, Resource)


@dataclass(frozen=True, slots=True)
class Answer:
    """A value, or an error (kind, message, span).  ``limited``: a limit was hit, which proves nothing;
    ``fault``: the engine itself failed, which agrees with nothing."""

    value: Any = None
    error: tuple[str, str, Any] | None = None
    limited: bool = False
    fault: bool = False


def fairly(work: Callable[[], T]) -> T:
    """What a program without effects gives.  Where its deadline passed while others had the processor for
    most of the time, it is run again: that says something of the machine, and nothing of the program."""
    for _ in range(_TRIES - 1):
        began, used = time.monotonic(), time.thread_time()
        try:
            return work()
        except DeadlineExceeded:
            if 2 * (time.thread_time() - used) >= time.monotonic() - began:
                raise
    return work()


def ask(function: Callable[..., Any], args: tuple[Any, ...]) -> Answer:
    """Calls the function, `fairly`.  Exceptions that are no errors of a program are faults of the engine."""
    try:
        return Answer(value=fairly(lambda: function(*args)))
    except LimitExceeded:
        return Answer(limited=True)
    except RtfsError as error:
        return Answer(error=(error.kind, error.message, error.span), limited=isinstance(error, StackOverflow))
    except Exception as error:
        return Answer(error=(type(error).__name__, str(error), None), fault=True)


def conclusive(a: Answer, b: Answer) -> bool:
    """How deep a stack goes and how long a call may take are properties of an engine."""
    return not (a.limited or b.limited)


def same_answer(a: Answer, b: Answer) -> bool:
    return not (a.fault or b.fault) and a.error == b.error and same_value(a.value, b.value)


def same_value(a: Any, b: Any) -> bool:
    """Same kind and content, maps in the same order; NaN is NaN, 0.0 is not -0.0, 1 is neither 1.0 nor
    true.  Functions cannot be compared and count as equal.  Nesting may be of any depth."""
    left = [(a, b)]
    while left:
        x, y = left.pop()
        if not _same_node(x, y, left):
            return False
    return True


def _same_node(x: Any, y: Any, left: list[tuple[Any, Any]]) -> bool:
    if type(x) is not type(y):
        return callable(x) and callable(y)
    if isinstance(x, float):
        return struct.pack("<d", x) == struct.pack("<d", y) or (x != x and y != y)
    if isinstance(x, (list, List)):
        left.extend(zip(x, y, strict=False))
        return len(x) == len(y)
    if isinstance(x, dict):
        left.extend(zip(x.values(), y.values(), strict=False))
        return [(type(k), k) for k in x] == [(type(k), k) for k in y]
    if isinstance(x, ErrorValue):
        left.append((x.data, y.data))
        return (x.kind, x.message, x.type) == (y.kind, y.message, y.type)
    return callable(x) or bool(x == y)


def release(value: Any) -> None:
    """Closes the function handles within a result."""
    left = [value]
    while left:
        x = left.pop()
        if isinstance(x, (list, List)):
            left.extend(x)
        elif isinstance(x, dict):
            left.extend(x.values())
        elif callable(x) and hasattr(x, "close"):
            x.close()


def text_of(value: Any) -> str:
    """One text per value, the same in every process; kinds are told apart."""
    if isinstance(value, float):
        return f"f{struct.pack('>d', value).hex()}" if value == value else "fnan"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(text_of, value))}]"
    if isinstance(value, List):
        return f"({' '.join(map(text_of, value))})"
    if isinstance(value, dict):
        return "{" + " ".join(f"{text_of(k)} {text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, _SPELLED):
        return f"{type(value).__name__}:{value.name}"
    if value is None or isinstance(value, (int, UUID)):
        return str(value)
    raise TypeError(f"no input of type {type(value).__name__} can be certified")
