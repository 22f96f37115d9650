"""The figures that matter most, look-ups per day, similarity."""

from __future__ import annotations

import time

from runtime.dashboard.charts import Column, amount, columns
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup, Node, tag
from runtime.dashboard.parts import (
    LEGEND,
    advised,
    card,
    percent,
    section,
    tile,
)
from runtime.dashboard.sums import merged, summed
from runtime.obs.tally import SCORES, Histogram, Tally

_DAYS = 14
_NOTHING_BY_MEANING = (
    "No look-up by meaning yet: `rtfsc find` makes one, and so do calls of functions that are declared "
    "without a body."
)


def overview(facts: Facts) -> Markup:
    total = facts.kept.total
    calls = summed(total, "rtfsc_calls_total")
    failed = calls - summed(total, "rtfsc_calls_total", outcome="ok")
    lookups = summed(total, "rtfsc_store_lookups_total")
    stored = summed(total, "rtfsc_store_lookups_total", outcome="hit")
    cached, cache_hits = (
        summed(total, "rtfsc_cache_lookups_total"),
        summed(total, "rtfsc_cache_lookups_total", outcome="hit"),
    )
    asked = summed(total, "rtfsc_model_requests_total")
    verified = facts.counts.get("Verified", 0)
    rest = ", ".join(
        f"{n} {status.lower()}" for status, n in sorted(facts.counts.items()) if status != "Verified"
    )
    tiles = [
        tile(
            "Modules to reuse",
            amount(verified),
            rest or "all verified" if facts.counts else "the store is empty",
        ),
        tile(
            "Found in the store", percent(stored, lookups), f"{amount(stored)} of {amount(lookups)} look-ups"
        ),
        tile(
            "Hits in caches",
            percent(cache_hits, cached),
            f"{amount(cache_hits)} of {amount(cached)} look-ups",
        ),
        tile("Calls", amount(calls), f"{amount(failed)} failed" if failed else "none failed"),
        tile("Asked models", amount(asked), f"cost {summed(total, 'rtfsc_model_cost_total'):.4g}"),
    ]
    body: list[Node] = [tag("div", *tiles, class_="tiles")]
    if lookups or cached:
        body.append(tag("div", _per_day(facts), _similarity(facts), class_="grid"))
    return section("overview", "Overview", *body)


def _per_day(facts: Facts) -> Markup:
    today, data = int(facts.time // 86_400), []
    for day in range(today - _DAYS + 1, today + 1):
        tally = facts.kept.days.get(day) or Tally()
        metrics = ("rtfsc_store_lookups_total", "rtfsc_cache_lookups_total")
        hits = sum(summed(tally, m, outcome="hit") for m in metrics)
        misses = sum(summed(tally, m) for m in metrics) - hits
        date = time.strftime("%d %b", time.gmtime(day * 86_400)).lstrip("0")
        data.append(Column(date, (hits, misses), f"{date}: {amount(hits)} hits, {amount(misses)} misses"))
    title = "Look-ups per day"
    return card(tag("h3", title), columns(title, data, ("hit", "miss"), every=3), LEGEND)


def _similarity(facts: Facts) -> Markup:
    found = merged(facts.kept.total, "rtfsc_similarity", "outcome")
    if not any(sum(h.counts) for h in found.values()):
        return card(tag("h3", "Similarity"), advised(_NOTHING_BY_MEANING))
    none = Histogram(len(SCORES) + 1)
    hits, misses = found.get("hit", none).counts, found.get("miss", none).counts
    labels = [f"<{SCORES[0]:g}", *(f"{bound:g}" for bound in SCORES[:-1])]
    data = [
        Column(
            label[-3:] if label[0] != "<" else label,
            (h, m),
            f"{_from(i)}: {amount(h)} hits, {amount(m)} misses",
        )
        for i, (label, h, m) in enumerate(zip(labels, hits, misses, strict=False))
    ]
    title = "Similarity of the best candidate"
    return card(tag("h3", title), columns(title, data, ("hit", "miss"), every=2), LEGEND)


def _from(i: int) -> str:
    return f"below {SCORES[0]:g}" if i == 0 else f"{SCORES[i - 1]:g} to {SCORES[i]:g}"
