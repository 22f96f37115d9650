"""What is told of when a program's call is decided about, looked up and answered by a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import rtfsc
from runtime.delegation.setup import Delegating, open_delegation
from runtime.obs.events import EVENTS, Bus, Event
from runtime.obs.otel import Spans
from runtime.obs.tally import Tally
from runtime.providers.base import OnText, Request, Response
from runtime.providers.echo import Echo
from runtime.providers.errors import TimedOut

POLICY = '[[rule]]\nname = "moods"\nsymbol = "mood"\ntarget = "remote-big"\nfallback = ["local-pure"]\n'


class Big(Echo):
    local = False
    broken = False

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        if self.broken:
            raise TimedOut(self.id, "no answer")
        return Response('"glad"', self.id, "1", input_tokens=30, output_tokens=1, confidence=1.0)

    def cost_per_call(self) -> float:
        return 0.5


class Observed:
    def __init__(self) -> None:
        self.bus, self.tally, self.events = Bus(), Tally(), list[Event]()
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        for subscriber in (self.events.append, self.tally, Spans(provider.get_tracer("test"))):
            self.bus.subscribe(subscriber)
        self.model = Big("big")
        self.delegating: Delegating = open_delegation(text=POLICY, models=[self.model], emit=self.bus)
        self.runtime = rtfsc.Runtime(delegation=self.delegating, emit=self.bus)
        self.mood = self.runtime.compile(
            '(defn mood "The mood of a text." [text : String] : String "none")'
        ).mood

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def close(self) -> None:
        self.runtime.close()
        self.delegating.close()


@pytest.fixture
def observed() -> Iterator[Observed]:
    found = Observed()
    yield found
    found.close()


def one(events: list[Event], name: str, **wanted: object) -> Event:
    (found,) = (
        e for e in events if e.name == name and all(e.attributes.get(k) == v for k, v in wanted.items())
    )
    return found


def test_decision_look_up_and_answer(observed: Observed) -> None:
    assert observed.mood("what a day") == "glad"
    decided = one(observed.events, "call.decided")
    assert decided.attributes["target"] == "remote-big" and "moods" in str(decided.attributes["decided_by"])
    assert one(observed.events, "cache.miss", layer="L2")
    assert one(observed.events, "cache.put", layer="L2")
    asked = one(observed.events, "model.asked")
    assert (asked.attributes["cost"], asked.attributes["input_tokens"]) == (0.5, 30)
    for event in observed.events:
        assert set(event.attributes) <= set(EVENTS[event.name]), event
        assert "what a day" not in repr(event)
    observed.events.clear()
    assert observed.mood("what a day") == "glad"
    assert one(observed.events, "cache.hit", layer="L2")
    assert "model.asked" not in observed.names
    values = observed.tally.values
    assert values["rtfsc_model_requests_total", ("big", "ok")] == 1
    assert values["rtfsc_model_cost_total", ("big",)] == 0.5
    assert values["rtfsc_calls_total", ("remote-big", "ok")] == 2


def test_the_tree_of_spans(observed: Observed) -> None:
    observed.mood("what a day")
    spans: dict[str, list[ReadableSpan]] = {}
    for found in observed.exporter.get_finished_spans():
        spans.setdefault(found.name, []).append(found)
    by_id = {s.context.span_id: s for found in spans.values() for s in found if s.context}

    def above(found: ReadableSpan) -> list[str]:
        names = []
        while found.parent is not None:
            found = by_id[found.parent.span_id]
            names.append(found.name)
        return names

    (model,) = spans["model big"]
    assert above(model)[-1] == "call mood"
    (cache,) = (s for s in spans["cache L2"])
    assert above(cache)[-1] == "call mood"
    assert len({s.context.trace_id for found in spans.values() for s in found if s.context}) == 1


def test_a_model_that_fails(observed: Observed) -> None:
    observed.model.broken = True
    assert observed.mood("what a day") == "none", "its own body"
    assert {e.attributes["error"] for e in observed.events if e.name == "model.failed"} == {"timeout"}
    failed = one(observed.events, "call.failed")
    assert (failed.attributes["target"], failed.attributes["error"]) == ("remote-big", "timeout")
    assert observed.tally.values["rtfsc_model_requests_total", ("big", "timeout")] >= 1


def test_decisions_that_were_made_before(observed: Observed) -> None:
    observed.mood("a")
    observed.mood("b")
    layers = [(e.name, e.attributes.get("layer")) for e in observed.events if e.name.startswith("cache.")]
    assert ("cache.miss", "L1") in layers


def test_publishing_and_finding(tmp_path: Path) -> None:
    from rtfsc.source import SourceFile

    bus, events = Bus(), list[Event]()
    bus.subscribe(events.append)
    runtime = rtfsc.Runtime.init(store=tmp_path / "store", home=tmp_path / "home", emit=bus)
    source = SourceFile("twice.rtfs", '(defn twice "Doubles a number." [n : Int] : Int (* 2 n))')
    with runtime:
        published = runtime.publish(source, name="twice", inputs=3)
        assert one(events, "store.published").attributes["digest"] == published.entry.digest
        runtime.compile_source(source)
        assert one(events, "store.hit", by="text").attributes["module"] == "twice"
        found = runtime.search('(declare f [n : Int] : Int "Doubles a number.")')
        hit = one(events, "store.hit", by="meaning")
        assert hit.attributes["request"] == "Doubles a number." and found.hit is not None
        runtime.search('(declare f [n : Int] : Int "The capital of a country.")')
        assert one(events, "store.miss", by="meaning")
        runtime.compile("(defn other [n] n)")
        assert one(events, "store.miss", by="program")
