"""Counting events, and the format that Prometheus reads, by its own parser."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.obs.events import EVENTS, Bus, Event, span, tell
from runtime.obs.prometheus import exposition
from runtime.obs.tally import _RULES, METRICS, MOST_SERIES, Tally


def samples(tally: Tally) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(exposition(tally, "1.2.3"))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_the_tables_agree() -> None:
    for name, rules in _RULES.items():
        for rule in rules:
            attributes = [*(label for label in rule.labels if label[0] != "="), *filter(None, [rule.value])]
            assert set(attributes) <= set(EVENTS[name]), name
            assert len(rule.labels) == len(METRICS[rule.metric].labels), rule
    used = {rule.metric for rules in _RULES.values() for rule in rules}
    assert used == set(METRICS)
    for name, metric in METRICS.items():
        assert name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.bounds) == (metric.kind == "histogram")


def test_nothing_happened() -> None:
    assert samples(Tally()) == {("rtfsc_build_info", (("version", "1.2.3"),)): 1.0}
    families = {f.name: f.type for f in text_string_to_metric_families(exposition(Tally(), "1"))}
    assert families["rtfsc_calls"] == "counter" and families["rtfsc_call_seconds"] == "histogram"


def test_calls_caches_and_models() -> None:
    bus, tally = Bus(), Tally()
    bus.subscribe(tally)
    for seconds in (0.5e-6, 3e-6, 200.0):
        tell(bus, "call.done", function="f", target="wasm", seconds=seconds)
    tell(bus, "call.failed", function="f", target="remote-gpt", error="timeout", seconds=1.0)
    tell(bus, "cache.hit", layer="L3", store="numpy", score=0.97, seconds=0.001)
    tell(bus, "cache.miss", layer="L1", reason="absent")
    tell(bus, "model.asked", model="gpt", cost=0.25, input_tokens=10, output_tokens=2, seconds=2.0)
    tell(bus, "model.asked", model="gpt", cost=0.5, seconds=2.0)
    tell(bus, "model.health", model="gpt", ok=True)
    tell(bus, "model.health", model="gpt", ok=False)
    found = samples(tally)
    assert found["rtfsc_calls_total", (("outcome", "ok"), ("target", "wasm"))] == 3
    assert found["rtfsc_calls_total", (("outcome", "timeout"), ("target", "remote-gpt"))] == 1
    assert found["rtfsc_call_seconds_bucket", (("le", "1e-06"), ("target", "wasm"))] == 1
    assert found["rtfsc_call_seconds_bucket", (("le", "5e-06"), ("target", "wasm"))] == 2
    assert found["rtfsc_call_seconds_bucket", (("le", "100"), ("target", "wasm"))] == 2
    assert found["rtfsc_call_seconds_bucket", (("le", "+Inf"), ("target", "wasm"))] == 3
    assert found["rtfsc_call_seconds_count", (("target", "wasm"),)] == 3
    assert found["rtfsc_call_seconds_sum", (("target", "wasm"),)] == pytest.approx(200.0000035)
    assert found["rtfsc_model_cost_total", (("model", "gpt"),)] == 0.75
    assert found["rtfsc_model_tokens_total", (("direction", "input"), ("model", "gpt"))] == 10
    assert found["rtfsc_model_up", (("model", "gpt"),)] == 0
    lookup = ("rtfsc_cache_lookups_total", (("layer", "L3"), ("outcome", "hit"), ("store", "numpy")))
    assert found[lookup] == 1
    assert found["rtfsc_similarity_bucket", (("layer", "L3"), ("le", "0.97"), ("outcome", "hit"))] == 1
    assert found["rtfsc_similarity_bucket", (("layer", "L3"), ("le", "0.96"), ("outcome", "hit"))] == 0


def test_digests_are_no_labels() -> None:
    tally = Tally()
    for i in range(1000):
        tally(Event("call.done", 0.0, {"target": f"l4-{i:016x}", "function": f"f{i}", "seconds": 1e-6}))
    assert samples(tally)["rtfsc_calls_total", (("outcome", "ok"), ("target", "l4"))] == 1000


def test_labels_are_bounded() -> None:
    tally = Tally()
    for i in range(MOST_SERIES + 50):
        tally(Event("capability.called", 0.0, {"capability": f"c{i}", "outcome": "ok", "seconds": 0.1}))
    found = samples(tally)
    calls = {labels: n for (name, labels), n in found.items() if name == "rtfsc_capability_calls_total"}
    assert len(calls) == MOST_SERIES + 1
    assert calls[("capability", "other"), ("outcome", "other")] == 50
    assert found["rtfsc_capability_seconds_count", (("capability", "other"),)] == 50


@pytest.mark.parametrize(
    "id", ['"', "\\", "a\nb", 'x{le="1"} 5\n# TYPE', "模型 😀", "\ud800", "", "a" * 5000]
)
def test_odd_labels(id: str) -> None:
    tally = Tally()
    tally(Event("model.asked", 0.0, {"model": id, "seconds": 0.1}))
    text = exposition(tally, "1")
    text.encode()
    asked = [
        s
        for f in text_string_to_metric_families(text)
        for s in f.samples
        if s.name == "rtfsc_model_requests_total"
    ]
    assert [s.value for s in asked] == [1.0]
    assert asked[0].labels["model"] == id[:100].encode("utf-8", "replace").decode()


@pytest.mark.parametrize("amount", [math.nan, math.inf, -1.0, "many", None])
def test_odd_amounts_count_nothing(amount: object) -> None:
    tally = Tally()
    tally(Event("model.asked", 0.0, {"model": "m", "cost": amount}))  # type: ignore[dict-item]
    assert [name for name, _ in samples(tally)] == ["rtfsc_build_info", "rtfsc_model_requests_total"]


def test_unknown_events_count_nothing() -> None:
    tally = Tally()
    tally(Event("thing.happened", 0.0, {"model": "m"}))
    assert len(samples(tally)) == 1


def test_what_was_taken_can_be_added_again() -> None:
    tally, kept = Tally(), Tally()
    for _ in range(2):
        with span(tally, "call.done", target="wasm"):
            pass
        taken = tally.take()
        for series, value in taken.values.items():
            kept.add(series, None, value)
        for series, histogram in taken.histograms.items():
            kept.add(series, -1, histogram.total)
            for i, count in enumerate(histogram.counts):
                kept.add(series, i, count)
    assert len(samples(tally)) == 1
    assert samples(kept)["rtfsc_call_seconds_count", (("target", "wasm"),)] == 2
    kept.add(("rtfsc_gone_total", ("x",)), None, 1.0)
    kept.add(("rtfsc_calls_total", ("too", "many", "labels")), None, 1.0)
    kept.add(("rtfsc_call_seconds", ("wasm",)), 99, 1.0)
    assert samples(kept)["rtfsc_call_seconds_count", (("target", "wasm"),)] == 2
