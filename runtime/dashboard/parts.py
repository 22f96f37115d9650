"""Pieces of the page: tiles, cards, tables, times."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

from runtime.dashboard.markup import Markup, Node, tag
from runtime.dashboard.sums import quantile
from runtime.obs.logs import duration
from runtime.obs.tally import SECONDS, Histogram

NOTHING = "—"
LEGEND = tag("ul", tag("li", "hits", class_="hit"), tag("li", "misses"), class_="legend")


def section(id: str, title: str, *children: Node) -> Markup:
    return tag("section", tag("h2", title, id=f"{id}-title"), *children, id=id, aria_labelledby=f"{id}-title")


def card(*children: Node) -> Markup:
    return tag("div", *children, class_="card")


def tile(name: str, value: str, note: Node = None) -> Markup:
    return tag(
        "div", tag("p", name, class_="name"), tag("div", value, class_="value"),
        tag("p", note, class_="note") if note is not None else None, class_="card tile",
    )  # fmt: skip


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Markup]]) -> Markup:
    """In a frame that scrolls sideways on its own. A head that ends with ``#`` is above numbers."""
    top = [
        tag("th", head.rstrip("#"), scope="col", class_="number" if head.endswith("#") else None)
        for head in heads
    ]
    body = tag("tbody", *(tag("tr", *row) for row in rows))
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *top)), body)
    return tag(
        "div",
        tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=caption),
        class_="card",
    )


def cell(*children: Node) -> Markup:
    return tag("td", *children)


def number(*children: Node) -> Markup:
    return tag("td", *children, class_="number")


def words(*children: Node) -> Markup:
    return tag("td", *children, class_="text")


def head(*children: Node) -> Markup:
    return tag("th", *children, scope="row")


def under(*children: Node) -> Markup:
    """A second line in small print."""
    return tag("span", *children, class_="under")


def badge(text: str, kind: str = "") -> Markup:
    return tag("span", text, class_=f"badge {kind}".strip())


def code(text: str) -> Markup:
    return tag("code", text)


def empty(advice: str) -> Markup:
    """Says what makes something appear here; what stands between backquotes is code."""
    return card(advised(advice))


def advised(advice: str) -> Markup:
    parts = advice.split("`")
    return tag("p", *(code(p) if i % 2 else p for i, p in enumerate(parts)), class_="empty")


def moment(seconds: float | None, now: float) -> Markup:
    """How long ago, with the exact time when pointed at."""
    if seconds is None or not 0 <= seconds < 1e11:
        return tag("td", "never" if seconds is None else NOTHING, class_="time")
    exact = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return tag("td", tag("time", ago(now - seconds), datetime=stamp, title=exact), class_="time")


def ago(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "at no time"
    for unit, scale in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= scale:
            return f"{int(seconds // scale)} {unit} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"


def percent(part: float, whole: float) -> str:
    """Never 100 % or 0 % where it is not quite."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    if share in (0.0, 100.0):
        return f"{share:.0f} %"
    return f"{min(max(share, 0.1), 99.9):.1f} %"


def times(histogram: Histogram | None) -> tuple[Markup, Markup]:
    def shown(share: float) -> str:
        found = quantile(histogram, SECONDS, share) if histogram is not None else None
        return NOTHING if found is None else duration(found)

    return number(shown(0.5)), number(shown(0.95))


def attribute(given: Any, name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value)


def measured(given: Any, name: str) -> float | None:
    """An attribute that is a number; None where it is none: a file may hold anything."""
    value = given.get(name)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
