"""The page: one HTML document, complete without scripts and without anything from elsewhere."""

from __future__ import annotations

import time

from runtime.dashboard.asking import models
from runtime.dashboard.caching import caches
from runtime.dashboard.calling import calls
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup, Node, tag
from runtime.dashboard.overview import overview
from runtime.dashboard.solving import solving, tickets
from runtime.dashboard.storing import modules

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%232563c9'/%3E"
    "%3Cpath d='M6 3 3.5 8 6 13M10 3l2.5 5L10 13' stroke='white' stroke-width='1.8' fill='none'/%3E%3C/svg%3E"
)


def page(facts: Facts, refresh: int | None = None) -> str:
    """``refresh``: seconds after which the browser loads it again."""
    shown = [
        ("overview", "Overview", overview(facts)),
        ("caches", "Caches", caches(facts)),
        ("modules", "Modules", modules(facts)),
        ("calls", "Calls", calls(facts)),
        ("models", "Models", models(facts)),
        ("solve", "Solve", solving(facts)),
        ("tickets", "Tickets", tickets(facts)),
    ]
    links = [tag("li", tag("a", name, href=f"#{id}")) for id, name, body in shown if body is not None]
    problems = [tag("div", problem, class_="card problem", role="alert") for problem in facts.problems]
    body = tag(
        "body",
        tag("a", "To the contents", href="#contents", class_="skip"),
        tag("header", tag("div", *_head(facts, refresh), _navigation(links))),
        tag("main", *problems, *(body for _, _, body in shown), id="contents"),
        tag("footer", f"rtfsc {facts.version} · counted on this machine by this user; hits in the store are "
            "those of everyone who uses it."),
    )  # fmt: skip
    return "<!doctype html>\n" + tag("html", _top(refresh), body, lang="en") + "\n"


def _top(refresh: int | None) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=refresh) if refresh else None,
        tag("title", "rtfsc dashboard"),
        tag("link", rel="stylesheet", href="style.css"),
        tag("link", rel="icon", href=_ICON),
    )


def _head(facts: Facts, refresh: int | None) -> list[Node]:
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(facts.time))
    switch = (
        tag("a", "stop refreshing", href="./")
        if refresh
        else tag("a", "refresh every 10 s", href="?refresh=10")
    )
    place = f"store {facts.place} · " if facts.place else ""
    return [
        tag("h1", "rtfsc ", tag("span", "dashboard")),
        tag("p", place, f"as of {at} · ", switch, class_="place"),
    ]


def _navigation(links: list[Markup]) -> Markup:
    return tag("nav", tag("ul", *links), aria_label="Sections")
