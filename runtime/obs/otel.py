"""Spans for OpenTelemetry (extra ``otel``): what took time is a span below what it happened in, and below
the span of the program around it; what took none becomes an event of its span.

The SDK and its exporters are the program's: ``BUS.subscribe(Spans())`` uses the global tracer provider.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from runtime.obs.clean import attributes_of
from runtime.obs.events import Event

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, Tracer

MOST_WAITING = 10_000
_LOST_S = 600.0
_MISSING = "spans need OpenTelemetry: pip install 'rtfsc[otel]'"
_NAMES = {
    "model": "gen_ai.request.model",
    "provider": "gen_ai.provider.name",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "error": "error.type",
}
"""Attributes that OpenTelemetry has names for; the others are ``rtfsc.NAME``."""


class MissingExtra(ImportError):
    """The packages of an extra are not installed."""


class Spans:
    """A subscriber. An event comes when it ends, so those inside of it come first: they wait, at most
    `MOST_WAITING` of them, and what finds no room is dropped and counted in ``rtfsc.dropped``."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """``tracer``: default that of the global provider. Raises `MissingExtra`."""
        try:
            from opentelemetry import trace
        except ImportError:
            raise MissingExtra(_MISSING) from None
        from rtfsc.version import __version__

        self._trace: Any = trace
        self._tracer = tracer or trace.get_tracer("rtfsc", __version__)
        self._lock = threading.Lock()
        self._waiting: dict[int, list[Event]] = {}
        self._count = 0
        self._dropped = 0
        self._looked = 0.0

    def __call__(self, event: Event) -> None:
        if event.parent:
            with self._lock:
                if self._count >= MOST_WAITING:
                    self._forget_lost(event.time)
                if self._count < MOST_WAITING:
                    self._count += 1
                    self._waiting.setdefault(event.parent, []).append(event)
                else:
                    self._dropped += 1
            return
        if _took_time(event):
            self._make(event, None)
        else:
            around = self._trace.get_current_span()
            around.add_event(event.name, _attributes(event), _nanoseconds(event.time))

    def _forget_lost(self, now: float) -> None:
        """What waits for something that never tells of its end, such as a model that was left behind. Looked
        for now and then, when there is no room."""
        if now - self._looked < _LOST_S / 10:
            return
        self._looked = now
        for parent, inside in list(self._waiting.items()):
            if now - inside[-1].time > _LOST_S:
                del self._waiting[parent]
                self._count -= len(inside)
                self._dropped += len(inside)

    def _make(self, event: Event, context: Context | None) -> None:
        start = event.time - _seconds(event)
        span: Span = self._tracer.start_span(
            _title(event), context, self._kind(event), _attributes(event), start_time=_nanoseconds(start)
        )
        with self._lock:
            inside = self._waiting.pop(event.span, []) if event.span else []
            self._count -= len(inside)
            dropped, self._dropped = self._dropped, 0
        if dropped:
            span.set_attribute("rtfsc.dropped", dropped)
        below = self._trace.set_span_in_context(span)
        for child in inside:
            if _took_time(child):
                self._make(child, below)
            else:
                span.add_event(child.name, _attributes(child), _nanoseconds(child.time))
        if "error" in event.attributes:
            span.set_status(self._trace.StatusCode.ERROR, str(event.attributes["error"]))
        span.end(_nanoseconds(event.time))

    def _kind(self, event: Event) -> Any:
        kinds = self._trace.SpanKind
        return kinds.CLIENT if event.name.startswith("model.") else kinds.INTERNAL


def spans_to(file: IO[str]) -> Spans:
    """Spans that are written to a file as they end, one line of JSON each. Raises `MissingExtra`."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    except ImportError:
        raise MissingExtra(_MISSING) from None

    provider = TracerProvider(resource=Resource.create({"service.name": "rtfsc"}), shutdown_on_exit=False)
    exporter: Any = _Lines(file)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider.get_tracer("rtfsc"))


class _Lines:
    """An exporter. A file that cannot be written any more is given up, which is said once."""

    def __init__(self, file: IO[str]) -> None:
        self._file: IO[str] | None = file

    def export(self, spans: Iterable[ReadableSpan]) -> None:
        if self._file is None:
            return
        try:
            self._file.writelines(span.to_json(indent=None) + "\n" for span in spans)
            self._file.flush()
        except (OSError, ValueError) as error:
            self._file = None
            logging.getLogger("rtfsc").error("no more spans are written: %s", error)

    def shutdown(self) -> None:
        """The file is its opener's."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def _took_time(event: Event) -> bool:
    return bool(event.span) or "seconds" in event.attributes


def _seconds(event: Event) -> float:
    seconds = event.attributes.get("seconds")
    return float(seconds) if isinstance(seconds, (int, float)) else 0.0


def _title(event: Event) -> str:
    """What it is, and of what: ``call.done f`` would be many names for one thing that ended in two ways."""
    what = event.name.partition(".")[0]
    of = event.attributes.get(_SUBJECTS.get(what, ""))
    return f"{what} {of}" if isinstance(of, str) and of else what


_SUBJECTS = {"call": "function", "model": "model", "cache": "layer", "store": "by", "solve": "step",
             "capability": "capability"}  # fmt: skip


def _attributes(event: Event) -> dict[str, Any]:
    named = {"rtfsc.event": event.name}
    for name, value in attributes_of(event).items():
        if name != "seconds":
            named[_NAMES.get(name, f"rtfsc.{name}")] = value
    return named


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
