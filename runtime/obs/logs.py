"""Logs: one line per event, for machines or for people."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Any, Literal

from runtime.obs.clean import attributes_of
from runtime.obs.events import Event

_encoded = json.JSONEncoder(allow_nan=False).encode
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "human"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")

_DEBUG = frozenset(
    {"call.decided", "call.done", "cache.hit", "cache.miss", "cache.put", "model.health", "store.miss",
     "ticket.started"}
)  # fmt: skip
_OFTEN_FINE = frozenset({"call.failed", "model.failed", "store.refused", "ticket.failed", "policy.refused"})
_FAILED_OUTCOMES = frozenset({"failed", "refused", "error"})


def level_of(event: Event) -> Level:
    """Failures that have a fallback are warnings. A semantic hit is worth knowing, since it may be wrong."""
    attributes = event.attributes
    if event.name in _OFTEN_FINE:
        return "warning"
    if event.name == "cache.hit" and attributes.get("score") is not None:
        return "info"
    if event.name == "model.health" and not attributes.get("ok"):
        return "warning"
    if event.name == "capability.called":
        return "debug" if attributes.get("outcome") == "ok" else "warning"
    if attributes.get("outcome") in _FAILED_OUTCOMES:
        return "warning"
    return "debug" if event.name in _DEBUG else "info"


class Log:
    """A subscriber that writes a line to ``stream`` for every event of at least ``level``. A stream that
    cannot be written any more is given up."""

    def __init__(self, stream: IO[str], format: Format = "json", level: Level = "info") -> None:
        if level not in LEVELS:
            raise ValueError(f"no level {level!r}; there are {', '.join(LEVELS)}")
        if format not in ("json", "human"):
            raise ValueError(f"no format {format!r}; there are json and human")
        self._stream, self._least = stream, LEVELS.index(level)
        self._line = json_line if format == "json" else human_line
        self._lock = threading.Lock()
        self._open = True

    def __call__(self, event: Event) -> None:
        level = level_of(event)
        if LEVELS.index(level) < self._least or not self._open:
            return
        line = self._line(event, level)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # a full disk; a stream that was closed
                self._open = False
                raise

    def close(self) -> None:
        """Closes the stream, unless it is one of the process's own."""
        with self._lock:
            self._open = False
            if self._stream not in (sys.stdout, sys.stderr):
                with suppress(OSError):  # what could not be written was told of
                    self._stream.close()

    def __repr__(self) -> str:
        return f"<log in {getattr(self._stream, 'name', 'a stream')}>"


def json_line(event: Event, level: Level) -> str:
    """An object on one line, in ASCII: ``time`` in UTC, ``level``, ``event``, and its attributes."""
    facts: dict[str, Any] = {"time": _utc(event.time), "level": level, "event": event.name}
    for name, value in attributes_of(event).items():
        facts[name] = value
    if event.span:
        facts["span"] = event.span
    if event.parent:
        facts["parent"] = event.parent
    return _encoded(facts) + "\n"


def human_line(event: Event, level: Level) -> str:
    """``12:34:56.789 info store.hit by=meaning request="sum of squares" 0.4 ms``"""
    words = [_utc(event.time)[11:23], f"{level:<7}", event.name]
    attributes = attributes_of(event)
    seconds = attributes.pop("seconds", None)
    words += [f"{name}={_shown(value)}" for name, value in attributes.items()]
    if isinstance(seconds, float | int):
        words.append(duration(seconds))
    return " ".join(words) + "\n"


def duration(seconds: float) -> str:
    """With three digits, in the unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _utc(seconds: float) -> str:
    whole, part = divmod(seconds, 1)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int(part * 1e6):06d}Z"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    text = str(value)
    if text and all(c.isalnum() or c in "-_.:/+" for c in text):
        return text
    # Quoted, and whatever could move a terminal's cursor or make a second line is escaped.
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    return "\\" + character if character in '"\\' else character.encode("unicode_escape").decode()
