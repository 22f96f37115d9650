"""What calls cost: whoever pays says so, and the action that it is paid for gets it."""

from __future__ import annotations

from contextvars import ContextVar
from decimal import Decimal

_NOTHING = Decimal(0)


class Meter:
    """``total``: what was charged."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = _NOTHING


_meter: ContextVar[Meter | None] = ContextVar("rtfsc_meter", default=None)


def charge(amount: Decimal | float | int) -> None:
    """Adds to the cost of the call that is running, in whatever unit the costs of a runtime are; nothing
    happens where none is metered. For capabilities and models."""
    meter = _meter.get()
    if meter is not None:
        meter.total += amount if isinstance(amount, Decimal) else Decimal(str(amount))


class metered:
    """The meter of a call; what is charged in the block is charged to those around it too."""

    __slots__ = ("_meter", "_outer")

    def __enter__(self) -> Meter:
        self._outer, self._meter = _meter.get(), Meter()
        _meter.set(self._meter)
        return self._meter

    def __exit__(self, *_: object) -> None:
        _meter.set(self._outer)
        if self._outer is not None and self._meter.total:
            self._outer.total += self._meter.total
