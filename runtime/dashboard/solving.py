"""Runs of solve, and tickets."""

from __future__ import annotations

from runtime.dashboard.charts import amount
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup, tag
from runtime.dashboard.parts import (
    ago,
    attribute,
    badge,
    card,
    cell,
    code,
    empty,
    head,
    measured,
    moment,
    section,
    table,
    tile,
    under,
    words,
)
from runtime.dashboard.sums import by_label
from runtime.obs.events import Event
from runtime.obs.logs import duration


def solving(facts: Facts) -> Markup:
    runs: dict[str, list[Event]] = {}
    for event in reversed(facts.kept.named("solve.step", "solve.done")):
        runs.setdefault(attribute(event.attributes, "run"), []).append(event)
    if not runs:
        return section(
            "solve",
            "Solve",
            empty(
                'No task was given to solve. `rtfsc solve "TASK" --signature … --example …` looks in the '
                "store first, and has a model write what is missing."
            ),
        )
    latest = sorted(runs.values(), key=lambda events: events[-1].time, reverse=True)[:12]
    return section(
        "solve", "Solve", *(_run(events, facts.time, opened=i == 0) for i, events in enumerate(latest))
    )


def _run(events: list[Event], now: float, *, opened: bool) -> Markup:
    last = events[-1]
    task = next((attribute(e.attributes, "task") for e in events if e.attributes.get("task")), "a task")
    outcome = attribute(last.attributes, "outcome") if last.name == "solve.done" else "not ended"
    good = last.name == "solve.done" and outcome not in ("failed", "refused", "error")
    steps = [
        tag("li", tag("strong", attribute(e.attributes, "step")), " ", attribute(e.attributes, "outcome"),
            _took(e), under(attribute(e.attributes, "detail")) if e.attributes.get("detail") else None)
        for e in events if e.name == "solve.step"
    ]  # fmt: skip
    module = attribute(last.attributes, "module")
    return card(
        tag("details",
            tag("summary", badge(outcome, "good" if good else "warn"), " ", task, " ",
                tag("span", ago(now - last.time), _took(last), class_="soft")),
            tag("ol", *steps, class_="steps"),
            tag("p", "module ", code(module), class_="empty") if module else None, open=opened),
    )  # fmt: skip


def _took(event: Event) -> str:
    seconds = measured(event.attributes, "seconds")
    return f" · {duration(seconds)}" if seconds is not None else ""


def tickets(facts: Facts) -> Markup | None:
    """Nothing where there are none: few use them."""
    states = by_label(facts.kept.total, "rtfsc_tickets_total", "state")
    if not states:
        return None
    tiles = [tile(state.capitalize(), amount(n)) for state, n in states.items()]
    latest = facts.kept.named("ticket.submitted", "ticket.done", "ticket.failed", "ticket.cancelled")[:12]
    rows = [
        [moment(e.time, facts.time), head(code(attribute(e.attributes, "ticket")[:24])),
         words(attribute(e.attributes, "function")),
         cell(badge(e.name.split(".")[1], {"ticket.done": "good", "ticket.failed": "bad"}.get(e.name, ""))),
         words(attribute(e.attributes, "error"))]
        for e in latest
    ]  # fmt: skip
    heads = ("When", "Ticket", "Function", "State", "Error")
    return section(
        "tickets", "Tickets", tag("div", *tiles, class_="tiles"), table("Recent tickets", heads, rows)
    )
