"""Intervals of 64-bit integers, and what arithmetic does to them.

An interval is a pair ``(low, high)``, both within it.  Checked arithmetic yields a value only where the
exact result fits, so the interval of a result is that of the exact results, cut to 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1
Range = tuple[int, int]
FULL: Final[Range] = (INT_MIN, INT_MAX)
LENGTHS: Final[Range] = (0, (1 << 32) - 1)
"""How many elements, entries or code points a value can have."""
_STEPS: Final = (INT_MIN, 0, LENGTHS[1], INT_MAX)
"""Bounds that widening stops at."""


def fits(r: Range) -> bool:
    return r[0] >= INT_MIN and r[1] <= INT_MAX


def cut(r: Range) -> Range:
    return max(r[0], INT_MIN), min(r[1], INT_MAX)


def join(a: Range, b: Range) -> Range:
    return min(a[0], b[0]), max(a[1], b[1])


def widen(old: Range, new: Range) -> Range:
    """An interval around both, whose bounds, where they moved, are among a few: loops end soon."""
    low, high = join(old, new)
    if low < old[0]:
        low = max(step for step in _STEPS if step <= low)
    if high > old[1]:
        high = min(step for step in _STEPS if step >= high)
    return low, high


def add(a: Range, b: Range) -> Range:
    return a[0] + b[0], a[1] + b[1]


def sub(a: Range, b: Range) -> Range:
    return a[0] - b[1], a[1] - b[0]


def mul(a: Range, b: Range) -> Range:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def neg(a: Range) -> Range:
    return -a[1], -a[0]


def absolute(a: Range) -> Range:
    if a[0] >= 0:
        return a
    return (-a[1] if a[1] <= 0 else 0), max(-a[0], a[1])


def remainder(a: Range, b: Range) -> Range:
    """Truncated: the sign is that of the dividend."""
    most = max(absolute(b)[1] - 1, 0)
    return (0 if a[0] >= 0 else max(-most, a[0])), (0 if a[1] <= 0 else min(most, a[1]))


def quotient(a: Range, b: Range) -> Range:
    """Truncated: no further from 0 than the dividend divided by the least divisor."""
    most = absolute(a)[1] // max(absolute(b)[0], 1)
    if b[0] >= 0 or b[1] <= 0:
        low, high = (0 if a[0] >= 0 else -most), (0 if a[1] <= 0 else most)
        return (low, high) if b[0] >= 0 else (-high, -low)
    return -most, most


def least(a: Range, b: Range) -> Range:
    return min(a[0], b[0]), min(a[1], b[1])


def greatest(a: Range, b: Range) -> Range:
    return max(a[0], b[0]), max(a[1], b[1])


BINARY: Final[dict[str, Callable[[Range, Range], Range]]] = {
    "add": add, "sub": sub, "mul": mul, "mod": remainder, "rem": remainder, "div": quotient,
}  # fmt: skip
UNARY: Final[dict[str, Callable[[Range], Range]]] = {
    "neg": neg,
    "abs": absolute,
    "inc": lambda a: add(a, (1, 1)),
    "dec": lambda a: sub(a, (1, 1)),
}


def compare(comparison: str, a: Range, b: Range) -> bool | None:
    """The outcome of ``eq``, ``ne``, ``lt``, ``le``, ``gt`` or ``ge``, where it is always the same."""
    if comparison in ("gt", "ge"):
        return compare("lt" if comparison == "gt" else "le", b, a)
    if comparison in ("lt", "le"):
        strict = comparison == "lt"
        if a[1] < b[0] + (not strict):
            return True
        return False if a[0] > b[1] - strict else None
    apart = a[1] < b[0] or b[1] < a[0]
    same = a == b and a[0] == a[1]
    return (comparison == "ne") == apart if apart or same else None
