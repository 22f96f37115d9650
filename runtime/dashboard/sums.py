"""Sums over the series of a tally."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.obs.tally import METRICS, Histogram, Tally


def summed(tally: Tally, metric: str, **wanted: str) -> float:
    """Of a counter, over the series whose labels are these."""
    names = METRICS[metric].labels
    return sum(
        value
        for (name, labels), value in tally.values.items()
        if name == metric and all(dict(zip(names, labels, strict=True))[k] == v for k, v in wanted.items())
    )


def by_label(tally: Tally, metric: str, label: str) -> dict[str, float]:
    """Of a counter, per value of one label, the largest first."""
    at, found = METRICS[metric].labels.index(label), dict[str, float]()
    for (name, labels), value in tally.values.items():
        if name == metric:
            found[labels[at]] = found.get(labels[at], 0.0) + value
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def merged(tally: Tally, metric: str, label: str) -> dict[str, Histogram]:
    """Of a histogram, per value of one label."""
    at, found = METRICS[metric].labels.index(label), dict[str, Histogram]()
    for (name, labels), histogram in tally.histograms.items():
        if name == metric:
            into = found.setdefault(labels[at], Histogram(len(histogram.counts)))
            into.counts = [a + b for a, b in zip(into.counts, histogram.counts, strict=True)]
            into.total += histogram.total
    return found


def overall(tally: Tally, metric: str) -> Histogram:
    into = Histogram(len(METRICS[metric].bounds) + 1)
    for (name, _), histogram in tally.histograms.items():
        if name == metric:
            into.counts = [a + b for a, b in zip(into.counts, histogram.counts, strict=True)]
            into.total += histogram.total
    return into


def quantile(histogram: Histogram, bounds: Sequence[float], share: float) -> float | None:
    """Estimated within its bucket; None where nothing was observed. What is in the last bucket counts as its
    lower bound."""
    total = sum(histogram.counts)
    if not total:
        return None
    rank, seen, lower = share * total, 0.0, 0.0
    for bound, count in zip(bounds, histogram.counts, strict=False):
        if seen + count >= rank and count:
            return lower + (bound - lower) * (rank - seen) / count
        seen, lower = seen + count, bound
    return bounds[-1]
