"""The cache layers."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.dashboard.charts import amount, bar
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup
from runtime.dashboard.parts import (
    cell,
    empty,
    head,
    number,
    percent,
    section,
    table,
    times,
    under,
    words,
)
from runtime.dashboard.sums import merged, overall, summed
from runtime.obs.tally import METRICS, Tally

_WHY = {"": "not there", "miss": "not there", "absent": "not there"}
_LAYERS = {
    "L1": "decisions",
    "L2": "answers of models",
    "L3": "answers by meaning",
    "L4": "modules in the store",
}


def caches(facts: Facts) -> Markup:
    rows = [row for layer in _LAYERS for row in _layer(facts.kept.total, layer)]
    if not rows:
        return section(
            "caches",
            "Caches",
            empty(
                "Nothing was looked up yet. Programs ask the store when they run (`rtfsc run FILE`); the "
                "other layers are asked when calls are delegated to models "
                "(`rtfsc run FILE --delegation delegation.toml`)."
            ),
        )
    heads = ("Layer", "Look-ups#", "Hits#", "Hit rate", "Median#", "95 %#", "Why not")
    return section("caches", "Caches", table("Look-ups per layer", heads, rows))


def _layer(tally: Tally, layer: str) -> Iterable[list[Markup]]:
    """L4 is counted as look-ups in the store."""
    metric, seconds = ("rtfsc_store_lookups_total", "rtfsc_store_seconds")
    if layer != "L4":
        metric, seconds = ("rtfsc_cache_lookups_total", "rtfsc_cache_seconds")
    wanted = {} if layer == "L4" else {"layer": layer}
    lookups, hits = summed(tally, metric, **wanted), summed(tally, metric, **wanted, outcome="hit")
    if not lookups:
        return
    histogram = overall(tally, seconds) if layer == "L4" else merged(tally, seconds, "layer").get(layer)
    why, stores = _outcomes(tally, metric, wanted)
    places = ", ".join(f"{amount(n)} {store}" for store, n in sorted(stores.items()) if store)
    yield [
        head(layer, under(_LAYERS[layer])),
        number(amount(lookups)),
        number(amount(hits), under(places) if places else None),
        cell(bar(hits / lookups, f"{layer}: {percent(hits, lookups)} hits"), " ", percent(hits, lookups)),
        *times(histogram),
        words(", ".join(f"{_WHY.get(reason, reason)} {amount(n)}" for reason, n in sorted(why.items()))),
    ]


def _outcomes(tally: Tally, metric: str, wanted: dict[str, str]) -> tuple[dict[str, float], dict[str, float]]:
    """Misses by reason, and hits by where they were found."""
    names, why, stores = METRICS[metric].labels, dict[str, float](), dict[str, float]()
    for (name, labels), value in tally.values.items():
        if name != metric:
            continue
        given = dict(zip(names, labels, strict=True))
        if all(given[label] == text for label, text in wanted.items()):
            hit = given["outcome"] == "hit"
            into, key = (stores, given.get("store", "")) if hit else (why, given["outcome"])
            into[key] = into.get(key, 0.0) + value
    return why, stores
