"""What calls cost: whoever pays says so, and the action that it is paid for gets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal


class Meter:
    """``total``: what was charged."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = Decimal(0)


_meter: ContextVar[Meter | None] = ContextVar("rtfsc_meter", default=None)


def charge(amount: Decimal | float | int) -> None:
    """Adds to the cost of the call that is running, in whatever unit the costs of a runtime are; nothing
    happens where none is metered. For capabilities and models."""
    meter = _meter.get()
    if meter is not None:
        meter.total += amount if isinstance(amount, Decimal) else Decimal(str(amount))


@contextmanager
def metered() -> Iterator[Meter]:
    """The meter of a call; what is charged in the block is charged to those around it too."""
    outer, meter = _meter.get(), Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)
        if outer is not None:
            outer.total += meter.total
