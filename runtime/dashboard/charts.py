"""Charts as inline SVG. Colours are classes of the style sheet; every chart has its numbers as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runtime.dashboard.markup import Markup, tag

_WIDTH, _HEIGHT, _FOOT, _HEAD = 360, 150, 22, 14


class Column(NamedTuple):
    """``parts``: lengths from the bottom up, in the order of the chart's classes; ``tip``: shown when pointed
    at, and read out."""

    label: str
    parts: tuple[float, ...]
    tip: str


def columns(title: str, data: Sequence[Column], classes: Sequence[str], *, every: int = 1) -> Markup:
    """Stacked columns with a label below every ``every``-th of them. ``title`` is read out."""
    highest = max((sum(c.parts) for c in data), default=0) or 1
    width = _WIDTH / max(len(data), 1)
    room = _HEIGHT - _FOOT - _HEAD
    drawn: list[Markup] = [
        tag("line", x1=0, x2=_WIDTH, y1=_HEIGHT - _FOOT + 0.5, y2=_HEIGHT - _FOOT + 0.5, class_="axis"),
        tag("text", amount(highest), x=0, y=_HEAD - 4, class_="label"),
    ]
    for i, column in enumerate(data):
        drawn.append(_column(column, i * width, width, room / highest, classes))
        if i % every == 0:
            drawn.append(tag("text", column.label, x=round((i + 0.5) * width, 1), y=_HEIGHT - 7,
                             class_="label", text_anchor="middle"))  # fmt: skip
    said = f"{title}: " + "; ".join(c.tip for c in data if sum(c.parts))
    return _svg(said, _WIDTH, _HEIGHT, drawn)


def _column(column: Column, x: float, width: float, scale: float, classes: Sequence[str]) -> Markup:
    bottom = float(_HEIGHT - _FOOT)
    drawn: list[Markup] = []
    gap = min(2.0, width / 5)
    for part, class_ in zip(column.parts, classes, strict=True):
        # What is there is seen: a single call beside a million is one pixel high.
        height = max(part * scale, 1.0) if part else 0.0
        bottom -= height
        if height:
            drawn.append(
                tag("rect", x=round(x + gap / 2, 1), y=round(bottom, 1), width=round(width - gap, 1),
                    height=round(height, 1), rx=1.5, class_=class_)
            )  # fmt: skip
    hover = tag(
        "rect", x=round(x, 1), y=_HEAD, width=round(width, 1), height=_HEIGHT - _FOOT - _HEAD, class_="hover"
    )
    return tag("g", tag("title", column.tip), hover, *drawn)


def bar(share: float, tip: str) -> Markup:
    """A part of a whole, 0 to 1."""
    filled = round(min(max(share, 0.0), 1.0) * 100, 1)
    drawn = [tag("rect", x=0, y=0, width=100, height=8, rx=4, class_="track")]
    if filled:
        drawn.append(tag("rect", x=0, y=0, width=max(filled, 2), height=8, rx=4, class_="hit"))
    return _svg(tip, 100, 8, drawn, class_="bar")


def _svg(said: str, width: int, height: int, drawn: Sequence[Markup], class_: str = "chart") -> Markup:
    return tag("svg", *drawn, viewBox=f"0 0 {width} {height}", role="img", aria_label=said, class_=class_)


def amount(number: float) -> str:
    """Counted things, short: 950, 1.2 k, 3.4 M."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:g}" if number == int(number) else f"{number:.2f}"
