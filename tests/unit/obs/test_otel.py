"""Spans, by the SDK's own in-memory exporter."""

from __future__ import annotations

import io
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import rtfsc
from runtime.obs import otel
from runtime.obs.events import Bus, Event, span, tell
from runtime.obs.otel import MissingExtra, Spans, spans_to


class Traced:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("test")
        self.bus = Bus()
        self.bus.subscribe(Spans(self.tracer))

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {found.name: found for found in self.exporter.get_finished_spans()}

    def parent(self, name: str) -> str | None:
        above = self.spans[name].parent
        ids = {s.context.span_id: s.name for s in self.spans.values() if s.context}
        return None if above is None else ids[above.span_id]


@pytest.fixture
def traced() -> Traced:
    return Traced()


def test_what_happened_inside_is_below(traced: Traced) -> None:
    with span(traced.bus, "call.done", function="f", target="wasm"):
        with span(traced.bus, "call.decided", function="g") as told:
            told["target"] = "remote-gpt"
        with span(traced.bus, "call.done", function="g", target="remote-gpt"):
            tell(traced.bus, "cache.miss", layer="L2", reason="absent", seconds=1e-6)
            with span(traced.bus, "model.asked", "model.failed", model="gpt") as told:
                told.update(input_tokens=10, output_tokens=2)
            tell(traced.bus, "cache.put", layer="L2")
    assert traced.parent("call f") is None
    assert traced.parent("model gpt") == traced.parent("cache L2") == "call g"
    assert traced.parent("call g") == "call f"
    model = traced.spans["model gpt"]
    assert model.kind == SpanKind.CLIENT
    assert model.attributes and model.attributes["gen_ai.usage.input_tokens"] == 10
    assert [event.name for event in traced.spans["call g"].events] == ["cache.put"]
    ids = {s.context.trace_id for s in traced.spans.values() if s.context}
    assert len(ids) == 1


def test_times_lie_within_each_other(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens between two looks at two clocks, or to one of them."""
    late = iter(range(0, 1000, 10))
    clock = SimpleNamespace(time=lambda: time.time() + next(late), perf_counter=time.perf_counter)
    monkeypatch.setattr("runtime.obs.events.clock", clock)
    with span(traced.bus, "call.done", function="f"), span(traced.bus, "model.asked", model="m"):
        tell(traced.bus, "cache.put", layer="L1")
    outer, inner = traced.spans["call f"], traced.spans["model m"]
    assert outer.start_time and outer.end_time and inner.start_time and inner.end_time
    slack = 10_000  # nanoseconds: times are floats
    assert outer.start_time - slack <= inner.start_time <= inner.end_time <= outer.end_time + slack
    assert inner.start_time - slack <= inner.events[0].timestamp <= inner.end_time + slack


def test_failures(traced: Traced) -> None:
    with pytest.raises(ZeroDivisionError), span(traced.bus, "call.done", "call.failed", function="f"):
        raise ZeroDivisionError("a secret")
    found = traced.spans["call f"]
    assert found.status.status_code == StatusCode.ERROR and found.status.description == "ZeroDivisionError"
    assert found.attributes and found.attributes["rtfsc.event"] == "call.failed"
    assert "secret" not in found.to_json()


def test_below_the_span_of_the_program(traced: Traced) -> None:
    with traced.tracer.start_as_current_span("request"), span(traced.bus, "call.done", function="f"):
        pass
    assert traced.parent("call f") == "request"


def test_what_takes_no_time_is_an_event_of_the_program(traced: Traced) -> None:
    tell(traced.bus, "ticket.submitted", ticket="t")
    with traced.tracer.start_as_current_span("request"):
        tell(traced.bus, "ticket.submitted", ticket="t")
    assert [event.name for event in traced.spans["request"].events] == ["ticket.submitted"]
    assert len(traced.spans) == 1


def test_threads_are_traced_apart(traced: Traced) -> None:
    def work(name: str) -> None:
        with (
            span(traced.bus, "call.done", function=name),
            span(traced.bus, "model.asked", model=f"of-{name}"),
        ):
            pass

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [traced.parent(f"model of-{name}") for name in "abc"] == ["call a", "call b", "call c"]


def test_what_waits_is_bounded(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otel, "MOST_WAITING", 5)
    for _ in range(2):
        with span(traced.bus, "call.done", function="f"):
            for _ in range(8):
                tell(traced.bus, "cache.put", layer="L1")
    first, second = traced.exporter.get_finished_spans()
    for found in (first, second):
        assert found.attributes and found.attributes["rtfsc.dropped"] == 3
        assert len(found.events) == 5


def test_what_waits_for_nobody_makes_room(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that was left behind tells of what it does when the call around it is over."""
    monkeypatch.setattr(otel, "MOST_WAITING", 2)
    with span(traced.bus, "call.done", function="over"):
        lost = Event("cache.put", 0.0, {"layer": "L1"})
    for _ in range(3):
        traced.bus.emit(lost)
    with span(traced.bus, "call.done", function="f"):
        tell(traced.bus, "cache.put", layer="L2")
    found = traced.spans["call f"]
    assert len(found.events) == 1 and found.attributes and found.attributes["rtfsc.dropped"] == 3


def test_odd_texts(traced: Traced) -> None:
    with span(traced.bus, "call.done", function="\ud800 模型", target="x" * 5000):
        pass
    (found,) = traced.exporter.get_finished_spans()
    found.to_json().encode()


def test_a_program_is_traced(traced: Traced, tmp_path: Path) -> None:
    runtime = rtfsc.Runtime(emit=traced.bus, grant=["ccos.system.get-env=HOME"])
    module = runtime.compile('(defn f [n] (do (call :ccos.system.get-env "HOME") (/ 10 n)))')
    assert module.f(5) == 2
    assert traced.parent("capability ccos.system.get-env") == "call f"
    with pytest.raises(rtfsc.DivisionByZero):
        module.f(0)
    failed = traced.exporter.get_finished_spans()[-1]
    assert failed.status.description == "DivisionByZero"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match=r"rtfsc\[otel\]"):
        Spans()
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"rtfsc\[otel\]"):
        spans_to(io.StringIO())


def test_the_global_provider_is_the_default() -> None:
    assert isinstance(trace.get_current_span(), trace.Span)
    with span(bus := Bus(), "call.done"):
        pass
    bus.subscribe(Spans())
    with span(bus, "call.done", function="f"):
        pass
