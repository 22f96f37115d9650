"""Lines of logs: always valid, never with what is nobody's business."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.obs.clean import LONGEST
from runtime.obs.events import EVENTS, Bus, Event, span, tell
from runtime.obs.logs import Log, duration, human_line, json_line, level_of

TEXTS = st.text(st.characters(exclude_categories=[]))
VALUES = st.one_of(TEXTS, st.floats(), st.integers(), st.booleans(), st.none(), st.lists(TEXTS).map(tuple))


def logged(format: str, level: str, *events: Event) -> str:
    stream = io.StringIO()
    log = Log(stream, format, level)  # type: ignore[arg-type]
    for event in events:
        log(event)
    return stream.getvalue()


@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_a_line_is_one_line_of_json(name: str, data: st.DataObject) -> None:
    attributes = {attribute: data.draw(VALUES) for attribute in EVENTS[name]}
    event = Event(name, data.draw(st.floats(0, 4e9)), attributes)
    line = json_line(event, "info")
    assert line.endswith("\n") and line.count("\n") == 1 and line.isascii()
    found = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert (found["event"], found["level"]) == (name, "info")
    json.dumps(found, ensure_ascii=False).encode()  # no lone surrogates
    human = human_line(event, "info")
    assert human.endswith("\n") and len(human.splitlines()) == 1
    assert all(c.isprintable() for c in human[:-1])


def test_what_a_line_says() -> None:
    event = Event(
        "store.hit", 1_700_000_000.25, {"by": "meaning", "request": 'the "sum"\n', "seconds": 0.0004}
    )
    assert json.loads(json_line(event, "info")) == {
        "time": "2023-11-14T22:13:20.250000Z", "level": "info", "event": "store.hit", "by": "meaning",
        "request": 'the "sum"\n', "seconds": 0.0004,
    }  # fmt: skip
    assert (
        human_line(event, "info")
        == '22:13:20.250 info    store.hit by=meaning request="the \\"sum\\"\\n" 400 µs\n'
    )


def test_spans_can_be_put_together() -> None:
    bus, stream = Bus(), io.StringIO()
    bus.subscribe(Log(stream, level="debug"))
    with span(bus, "call.done", function="f"):
        tell(bus, "cache.miss", layer="L2")
    miss, done = map(json.loads, stream.getvalue().splitlines())
    assert miss["parent"] == done["span"]


def test_levels() -> None:
    events = [
        Event("call.done", 0.0, {}),
        Event("solve.done", 0.0, {"outcome": "published"}),
        Event("model.failed", 0.0, {"error": "timeout"}),
    ]
    for least, count in (("debug", 3), ("info", 2), ("warning", 1), ("error", 0)):
        assert len(logged("json", least, *events).splitlines()) == count
    assert level_of(Event("cache.hit", 0.0, {"score": 0.97})) == "info"
    assert level_of(Event("cache.hit", 0.0, {})) == "debug"
    assert level_of(Event("capability.called", 0.0, {"outcome": "failed"})) == "warning"
    assert level_of(Event("model.health", 0.0, {"ok": False})) == "warning"
    assert level_of(Event("policy.refused", 0.0, {"error": "x"})) == "warning"
    with pytest.raises(ValueError, match="no level"):
        Log(io.StringIO(), level="loud")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no format"):
        Log(io.StringIO(), "xml")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@example.org/x",
        "Authorization: Bearer hunter2hunter2",
        "key sk-hunter2hunter2hunter2",
        "api_key=hunter2&x=1",
        "password: hunter2",
        "AKIAhunter2hunter2",
        "skhunter2hunter2hunter2",
        '{"api_key": "hunter2"}',
        "{'password':'hunter2'}",
        "x" * 490 + " token=hunter2",
    ],
)
@pytest.mark.parametrize("format", ["json", "human"])
def test_secrets_are_not_logged(text: str, format: str) -> None:
    line = logged(format, "debug", Event("model.health", 0.0, {"model": "m", "ok": False, "detail": text}))
    assert "hunter2" not in line and "***" in line


def test_what_is_not_in_the_table_is_not_logged() -> None:
    line = logged("json", "debug", Event("call.done", 0.0, {"function": "f", "arguments": "(1 2)"}))
    assert "arguments" not in line and "(1 2)" not in line


def test_long_texts_are_cut() -> None:
    line = logged("json", "debug", Event("store.hit", 0.0, {"request": "x" * 100_000}))
    assert len(json.loads(line)["request"]) == LONGEST


def test_a_stream_that_fails_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bus, stream = Bus(), io.StringIO()
    bus.subscribe(Log(stream))
    stream.close()
    for _ in range(3):
        tell(bus, "store.hit", by="text")
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.ERROR


def test_durations() -> None:
    assert [duration(s) for s in (0.0, 2e-8, 1.5e-6, 0.25, 90.0)] == [
        "0 ns",
        "20 ns",
        "1.5 µs",
        "250 ms",
        "90 s",
    ]
