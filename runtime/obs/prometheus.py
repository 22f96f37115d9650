"""A tally in the text format that Prometheus reads (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from runtime.obs.tally import METRICS, Histogram, Labels, Metric, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(tally: Tally, version: str) -> str:
    """All metrics in a fixed order; those that nothing was counted for have no samples. ``version``: of
    rtfsc."""
    now = tally.copy()
    lines = [
        "# HELP rtfsc_build_info The version that runs.",
        "# TYPE rtfsc_build_info gauge",
        f"rtfsc_build_info{_labels(('version',), (version,))} 1",
    ]
    for name, metric in METRICS.items():
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        if metric.kind == "histogram":
            found = sorted(
                ((labels, h) for (of, labels), h in now.histograms.items() if of == name), key=itemgetter(0)
            )
            for labels, histogram in found:
                lines += _histogram(name, metric, labels, histogram)
        else:
            values = sorted((labels, value) for (of, labels), value in now.values.items() if of == name)
            lines += [f"{name}{_labels(metric.labels, labels)} {_number(value)}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _histogram(name: str, metric: Metric, labels: Labels, histogram: Histogram) -> Iterator[str]:
    cumulated = 0.0
    for bound, count in zip((*map(_number, metric.bounds), "+Inf"), histogram.counts, strict=True):
        cumulated += count
        yield f"{name}_bucket{_labels((*metric.labels, 'le'), (*labels, bound))} {_number(cumulated)}"
    yield f"{name}_sum{_labels(metric.labels, labels)} {_number(histogram.total)}"
    yield f"{name}_count{_labels(metric.labels, labels)} {_number(cumulated)}"


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    # Lone surrogates cannot be sent.
    value = value.encode("utf-8", "replace").decode()
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
