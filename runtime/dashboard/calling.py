"""Calls and decisions where they run."""

from __future__ import annotations

from runtime.dashboard.charts import Column, amount, columns
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup, Node, tag
from runtime.dashboard.parts import (
    NOTHING,
    attribute,
    card,
    cell,
    code,
    empty,
    head,
    measured,
    moment,
    section,
    table,
    under,
    words,
)
from runtime.dashboard.sums import merged, quantile, summed
from runtime.obs.events import Event
from runtime.obs.logs import duration
from runtime.obs.tally import SECONDS, Histogram, Tally


def calls(facts: Facts) -> Markup:
    total = facts.kept.total
    found = {t: h for t, h in merged(total, "rtfsc_call_seconds", "target").items() if any(h.counts)}
    if not found:
        body: Node = empty(
            "No call was observed. `rtfsc run FILE FUNCTION ARGUMENTS` makes one; in Python, whoever "
            "subscribes to `runtime.obs.events.BUS` is told of calls."
        )
    else:
        largest = sorted(found, key=lambda target: -sum(found[target].counts))[:6]
        body = tag("div", *(_latency(target, found[target], total) for target in largest), class_="grid")
    return section("calls", "Calls", body, _decisions(facts))


def _latency(target: str, histogram: Histogram, total: Tally) -> Markup:
    done = sum(histogram.counts)
    failed = done - summed(total, "rtfsc_calls_total", target=target, outcome="ok")
    labels = ["≤1 µs", *(duration(b) for b in SECONDS[1:]), "more"]
    used = [i for i, n in enumerate(histogram.counts) if n]
    first, last = max(min(used) - 2, 0), min(max(used) + 3, len(labels))
    last = max(last, min(first + 7, len(labels)))
    data = [
        Column(labels[i], (histogram.counts[i],), f"up to {labels[i]}: {amount(histogram.counts[i])}")
        for i in range(first, last)
    ]
    middle, late = (quantile(histogram, SECONDS, share) or 0.0 for share in (0.5, 0.95))
    note = f"{amount(done)} calls · median {duration(middle)} · 95 % within {duration(late)}"
    return card(
        tag("h3", target or "unknown", " ", tag("span", note, class_="soft")),
        columns(f"How long calls on {target} took", data, ("hit",), every=2 if len(data) > 8 else 1),
        tag("p", f"{amount(failed)} failed", class_="empty") if failed > 0 else None,
    )  # fmt: skip


def _decisions(facts: Facts) -> Markup:
    found = facts.kept.named("call.decided")[:20]
    if not found:
        return empty(
            "No decision was made. Functions that are marked with `^:delegation` and those that a rule of "
            "`delegation.toml` speaks of are decided about; `rtfsc why route` explains one."
        )
    heads = ("When", "Function", "Runs on", "Because", "Decided by", "Not taken")
    return table("Recent decisions", heads, [_decision(event, facts.time) for event in found])


def _decision(event: Event, now: float) -> list[Markup]:
    given = event.attributes
    told = given.get("rejected")
    rejected = told if isinstance(told, (list, tuple)) else ()
    confidence = measured(given, "confidence")
    return [
        moment(event.time, now),
        head(attribute(given, "function")),
        cell(code(attribute(given, "target"))),
        words(attribute(given, "reason"),
              under(f"confidence {confidence:.2f}") if confidence is not None else None),
        cell(attribute(given, "decided_by")),
        words(tag("ul", *(tag("li", str(r)) for r in rejected)) if rejected else NOTHING),
    ]  # fmt: skip
