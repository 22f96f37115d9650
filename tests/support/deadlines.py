"""Calls that are to work on an instance with a short deadline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from runtime.values import DeadlineExceeded


def in_time(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call gives. A pause of the machine that pushes it over its deadline is nobody's fault: it is
    made again."""
    for _ in range(20):
        with suppress(DeadlineExceeded):
            return call(*arguments)
    return call(*arguments)
