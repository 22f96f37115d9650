"""The bus, and what it costs and harms: nothing."""

from __future__ import annotations

import logging
import threading

import pytest

from runtime.obs.events import EVENTS, Bus, Event, kind_of, span, tell
from runtime.providers.errors import TimedOut
from runtime.values import RtfsError


def test_subscribers_are_told_until_they_end() -> None:
    bus, told, other = Bus(), [], []
    assert not bus
    end = bus.subscribe(told.append)
    bus.subscribe(other.append)
    assert bus
    tell(bus, "cache.hit", layer="L2", seconds=0.5)
    end()
    end()
    tell(bus, "cache.miss", layer="L2")
    assert [event.name for event in told] == ["cache.hit"]
    assert told[0].attributes == {"layer": "L2", "seconds": 0.5}
    assert [event.name for event in other] == ["cache.hit", "cache.miss"]


def test_nobody_listens() -> None:
    tell(None, "cache.hit", layer="L1")
    tell(Bus(), "cache.hit", layer="L1")
    with span(Bus(), "call.done", function="f") as told:
        told["target"] = "local"
    with span(None, "call.done"), pytest.raises(ZeroDivisionError), span(Bus(), "call.done"):
        raise ZeroDivisionError


def test_a_subscriber_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus, told = Bus(), []

    def broken(event: Event) -> None:
        raise RuntimeError("out of disk")

    bus.subscribe(broken)
    bus.subscribe(told.append)
    with caplog.at_level(logging.ERROR, "rtfsc"):
        for _ in range(3):
            tell(bus, "cache.put", layer="L1")
    assert len(told) == 3
    assert len(caplog.records) == 1, "heard of once"
    assert "broken" in caplog.text and "out of disk" in caplog.text


def test_an_interrupt_is_not_swallowed() -> None:
    bus = Bus()

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    bus.subscribe(interrupted)
    with pytest.raises(KeyboardInterrupt):
        tell(bus, "cache.put", layer="L1")


def test_spans_know_what_they_happened_in() -> None:
    bus, told = Bus(), []
    bus.subscribe(told.append)
    with span(bus, "call.done", function="f"):
        tell(bus, "call.decided", target="local")
        with span(bus, "model.asked", model="m") as attributes:
            attributes["output_tokens"] = 3
    decided, asked, done = told
    assert (done.name, done.parent) == ("call.done", 0)
    assert decided.parent == asked.parent == done.span != asked.span
    assert asked.attributes["output_tokens"] == 3
    assert 0 <= asked.attributes["seconds"] <= done.attributes["seconds"]
    tell(bus, "call.decided")
    assert told[-1].parent == 0


def test_a_block_that_raises() -> None:
    bus, told = Bus(), []
    bus.subscribe(told.append)
    with pytest.raises(TimedOut), span(bus, "model.asked", "model.failed", model="m"):
        raise TimedOut("m", "no answer")
    with pytest.raises(ValueError, match="secret"), span(bus, "capability.called"):
        raise ValueError("secret")
    assert [(e.name, e.attributes["error"]) for e in told] == [
        ("model.failed", "timeout"),
        ("capability.called", "ValueError"),
    ]
    assert "secret" not in repr(told)


def test_threads_subscribe_and_emit_together() -> None:
    bus, told = Bus(), []

    def work() -> None:
        for _ in range(200):
            end = bus.subscribe(told.append)
            tell(bus, "cache.put", layer="L1")
            end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bus
    assert len(told) >= 800


def test_kinds_of_errors() -> None:
    assert kind_of(RtfsError("DivisionByZero", "Division by zero")) == "DivisionByZero"
    assert kind_of(KeyError("x")) == "KeyError"


def test_the_table_of_events() -> None:
    for name, attributes in EVENTS.items():
        assert name.count(".") == 1 and name == name.lower()
        assert len(set(attributes)) == len(attributes)
