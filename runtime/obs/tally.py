"""Counters and histograms over events, as data: one table says which event counts where.

Labels have few values: kinds of targets, ids of models and capabilities, kinds of errors. Digests, functions
and tasks are none. A metric has at most `MOST_SERIES` combinations; further ones are counted as ``other``.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from runtime.obs.events import Event

MOST_SERIES = 200
OTHER = "other"
Labels: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

SECONDS = (1e-6, 5e-6, 2.5e-5, 1e-4, 5e-4, 2.5e-3, 0.01, 0.05, 0.25, 1.0, 5.0, 25.0, 100.0)
SCORES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 1.0)


class Metric(NamedTuple):
    """``bounds``: upper ones of the buckets of a histogram; the last bucket has none."""

    kind: Kind
    labels: Labels
    help: str
    bounds: tuple[float, ...] = ()


METRICS: Mapping[str, Metric] = {
    "rtfsc_calls_total": Metric("counter", ("target", "outcome"), "Calls of functions, by where they ran."),
    "rtfsc_call_seconds": Metric("histogram", ("target",), "How long calls took.", SECONDS),
    "rtfsc_decisions_total": Metric(
        "counter", ("target", "decided_by"), "Decisions where a call runs, by what decided."
    ),
    "rtfsc_decision_seconds": Metric("histogram", (), "How long decisions took.", SECONDS),
    "rtfsc_cache_lookups_total": Metric(
        "counter", ("layer", "store", "outcome"), "Look-ups in caches; an outcome is hit or why not."
    ),
    "rtfsc_cache_seconds": Metric(
        "histogram", ("layer", "store"), "How long look-ups in caches took.", SECONDS
    ),
    "rtfsc_cache_puts_total": Metric("counter", ("layer", "store"), "Entries put into caches."),
    "rtfsc_similarity": Metric(
        "histogram", ("layer", "outcome"), "Similarity of the best candidate of a look-up by meaning.", SCORES
    ),
    "rtfsc_model_requests_total": Metric("counter", ("model", "outcome"), "Questions to models."),
    "rtfsc_model_seconds": Metric("histogram", ("model",), "How long models took to answer.", SECONDS),
    "rtfsc_model_cost_total": Metric(
        "counter", ("model",), "What answers cost, in the currency of the budgets."
    ),
    "rtfsc_model_tokens_total": Metric("counter", ("model", "direction"), "Tokens of questions and answers."),
    "rtfsc_model_up": Metric("gauge", ("model",), "1 if the model was in order when it was last looked at."),
    "rtfsc_store_lookups_total": Metric(
        "counter", ("by", "outcome"), "Look-ups in the store of modules (L4), by kind of key."
    ),
    "rtfsc_store_seconds": Metric("histogram", ("by",), "How long look-ups in the store took.", SECONDS),
    "rtfsc_store_published_total": Metric("counter", (), "Modules published."),
    "rtfsc_solve_steps_total": Metric("counter", ("step", "outcome"), "Steps of solving tasks."),
    "rtfsc_solve_runs_total": Metric("counter", ("outcome",), "Tasks given to solve."),
    "rtfsc_solve_seconds": Metric("histogram", ("outcome",), "How long solving took.", SECONDS),
    "rtfsc_policy_loads_total": Metric("counter", ("outcome",), "Policy files read while programs ran."),
    "rtfsc_tickets_total": Metric("counter", ("state",), "Tickets that entered a state."),
    "rtfsc_ticket_seconds": Metric("histogram", ("state",), "How long tickets ran.", SECONDS),
    "rtfsc_capability_calls_total": Metric(
        "counter", ("capability", "outcome"), "Calls of capabilities; an outcome is ok or the kind of error."
    ),
    "rtfsc_capability_seconds": Metric(
        "histogram", ("capability",), "How long calls of capabilities took.", SECONDS
    ),
}


class _Rule(NamedTuple):
    """``labels``: names of attributes, or what follows an equals sign; ``value``: the attribute that is
    added or observed, nothing happens where it is missing; empty: 1."""

    metric: str
    labels: Labels = ()
    value: str = ""


_RULES: Mapping[str, tuple[_Rule, ...]] = {
    "call.decided": (
        _Rule("rtfsc_decisions_total", ("target", "decided_by")),
        _Rule("rtfsc_decision_seconds", (), "seconds"),
    ),
    "call.done": (
        _Rule("rtfsc_calls_total", ("target", "=ok")),
        _Rule("rtfsc_call_seconds", ("target",), "seconds"),
    ),
    "call.failed": (
        _Rule("rtfsc_calls_total", ("target", "error")),
        _Rule("rtfsc_call_seconds", ("target",), "seconds"),
    ),
    "cache.hit": (
        _Rule("rtfsc_cache_lookups_total", ("layer", "store", "=hit")),
        _Rule("rtfsc_cache_seconds", ("layer", "store"), "seconds"),
        _Rule("rtfsc_similarity", ("layer", "=hit"), "score"),
    ),
    "cache.miss": (
        _Rule("rtfsc_cache_lookups_total", ("layer", "store", "reason")),
        _Rule("rtfsc_cache_seconds", ("layer", "store"), "seconds"),
        _Rule("rtfsc_similarity", ("layer", "=miss"), "score"),
    ),
    "cache.put": (_Rule("rtfsc_cache_puts_total", ("layer", "store")),),
    "model.asked": (
        _Rule("rtfsc_model_requests_total", ("model", "=ok")),
        _Rule("rtfsc_model_seconds", ("model",), "seconds"),
        _Rule("rtfsc_model_cost_total", ("model",), "cost"),
        _Rule("rtfsc_model_tokens_total", ("model", "=input"), "input_tokens"),
        _Rule("rtfsc_model_tokens_total", ("model", "=output"), "output_tokens"),
    ),
    "model.failed": (
        _Rule("rtfsc_model_requests_total", ("model", "error")),
        _Rule("rtfsc_model_seconds", ("model",), "seconds"),
    ),
    "model.health": (_Rule("rtfsc_model_up", ("model",), "ok"),),
    "store.hit": (
        _Rule("rtfsc_store_lookups_total", ("by", "=hit")),
        _Rule("rtfsc_store_seconds", ("by",), "seconds"),
        _Rule("rtfsc_similarity", ("=L4", "=hit"), "score"),
    ),
    "store.miss": (
        _Rule("rtfsc_store_lookups_total", ("by", "=miss")),
        _Rule("rtfsc_store_seconds", ("by",), "seconds"),
        _Rule("rtfsc_similarity", ("=L4", "=miss"), "score"),
    ),
    "store.refused": (_Rule("rtfsc_store_lookups_total", ("by", "=refused")),),
    "store.published": (_Rule("rtfsc_store_published_total"),),
    "solve.step": (_Rule("rtfsc_solve_steps_total", ("step", "outcome")),),
    "solve.done": (
        _Rule("rtfsc_solve_runs_total", ("outcome",)),
        _Rule("rtfsc_solve_seconds", ("outcome",), "seconds"),
    ),
    "policy.loaded": (_Rule("rtfsc_policy_loads_total", ("=loaded",)),),
    "policy.refused": (_Rule("rtfsc_policy_loads_total", ("=refused",)),),
    "ticket.submitted": (_Rule("rtfsc_tickets_total", ("=submitted",)),),
    "ticket.started": (_Rule("rtfsc_tickets_total", ("=started",)),),
    "ticket.done": (
        _Rule("rtfsc_tickets_total", ("=done",)),
        _Rule("rtfsc_ticket_seconds", ("=done",), "seconds"),
    ),
    "ticket.failed": (
        _Rule("rtfsc_tickets_total", ("=failed",)),
        _Rule("rtfsc_ticket_seconds", ("=failed",), "seconds"),
    ),
    "ticket.cancelled": (_Rule("rtfsc_tickets_total", ("=cancelled",)),),
    "capability.called": (
        _Rule("rtfsc_capability_calls_total", ("capability", "outcome")),
        _Rule("rtfsc_capability_seconds", ("capability",), "seconds"),
    ),
}

_READ: Mapping[str, tuple[Labels, Labels]] = {
    event: (
        tuple(dict.fromkeys(label for rule in rules for label in rule.labels if label[0] != "=")),
        tuple(dict.fromkeys(rule.value for rule in rules if rule.value)),
    )
    for event, rules in _RULES.items()
}
"""The attributes that an event is counted by, and those that are added or observed."""
_MOST_KNOWN = 1000
_SET = (math.inf,)
"""The bounds of a gauge: what marks it as one."""

Series: TypeAlias = tuple[str, Labels]


class Histogram:
    """``counts``: per bucket, not cumulated, the last one without a bound."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0.0] * buckets
        self.total = 0.0


_Step: TypeAlias = tuple[str, Series, "Histogram | None", tuple[float, ...]]
"""The attribute with the amount, empty for 1; where it goes."""


class Tally:
    """A subscriber. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self.values: dict[Series, float] = {}
        self.histograms: dict[Series, Histogram] = {}
        self._series: dict[str, int] = {}
        self._known: dict[tuple[Any, ...], list[_Step]] = {}

    def __call__(self, event: Event) -> None:
        name, given = event.name, event.attributes
        if name not in _READ:
            return
        labels, amounts = _READ[name]
        key = (
            name,
            *[given.get(label) for label in labels],
            *[isinstance(given.get(a), (int, float)) for a in amounts],
        )
        with self._lock:
            steps = self._known.get(key) or self._resolved(key, given)
            for attribute, series, histogram, bounds in steps:
                amount = given.get(attribute) if attribute else 1.0
                if not isinstance(amount, (int, float)) or not math.isfinite(amount):
                    continue
                if histogram is not None:
                    histogram.counts[bisect_left(bounds, amount)] += 1
                    histogram.total += amount
                elif bounds:
                    self.values[series] = float(amount)
                elif amount >= 0:  # a counter never goes back
                    self.values[series] = self.values.get(series, 0.0) + amount

    def _resolved(self, key: tuple[Any, ...], given: Mapping[str, object]) -> list[_Step]:
        """What an event with these labels adds to. Remembered, within a bound."""
        steps: list[_Step] = []
        for rule in _RULES[key[0]]:
            metric = METRICS[rule.metric]
            series = (rule.metric, tuple([_label(name, given) for name in rule.labels]))
            if metric.kind == "histogram":
                if isinstance(given.get(rule.value), (int, float)):
                    steps.append((rule.value, series, self._histogram(series), metric.bounds))
            elif not rule.value or isinstance(given.get(rule.value), (int, float)):
                series = self._admitted(series, self.values)
                steps.append((rule.value, series, None, _SET if metric.kind == "gauge" else ()))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = steps
        return steps

    def _histogram(self, series: Series) -> Histogram:
        series = self._admitted(series, self.histograms)
        found = self.histograms.get(series)
        if found is None:
            found = self.histograms[series] = Histogram(len(METRICS[series[0]].bounds) + 1)
        return found

    def _admitted(self, series: Series, known: Mapping[Series, object]) -> Series:
        if series in known:
            return series
        name, labels = series
        count = self._series.get(name, 0)
        if count >= MOST_SERIES:
            return name, (OTHER,) * len(labels)
        self._series[name] = count + 1
        return series

    def add(self, series: Series, part: int | None, amount: float) -> None:
        """Adds what was kept elsewhere. ``part``: of a histogram, the number of the bucket, or -1 for the
        sum; None for what is none. Metrics that are not known any more are passed over."""
        metric = METRICS.get(series[0])
        if metric is None or len(series[1]) != len(metric.labels):
            return
        with self._lock:
            if metric.kind != "histogram" or part is None:
                self.values[series] = self.values.get(series, 0.0) + amount
            elif part < 0:
                self._histogram(series).total += amount
            elif part <= len(metric.bounds):
                self._histogram(series).counts[part] += amount

    def take(self) -> Tally:
        """What was counted since the last time."""
        taken = Tally()
        with self._lock:
            taken.values, taken.histograms = self.values, self.histograms
            self._clear()
        return taken

    def copy(self) -> Tally:
        """As it is now."""
        copied = Tally()
        with self._lock:
            copied.values = dict(self.values)
            for series, histogram in self.histograms.items():
                copied.histograms[series] = same = Histogram(0)
                same.counts, same.total = list(histogram.counts), histogram.total
        return copied


def _label(name: str, given: Mapping[str, object]) -> str:
    if name[0] == "=":
        return name[1:]
    value = str(given.get(name) or "")
    if name == "target" and value.startswith("l4"):
        return "l4"  # a target of the store has the digest in its name
    return value[:100]
