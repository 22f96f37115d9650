"""What a command tells of what it does: a log where one is asked for, and the statistics that the dashboard
shows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import UsageError

if TYPE_CHECKING:
    from runtime.obs.events import Event

RECORDED = frozenset(
    {
        "run",
        "eval",
        "repl",
        "publish",
        "find",
        "solve",
        "serve",
        "replay",
        "ticket",
        "test",
        "models",
        "ask",
        "distil",
    }
)
"""Commands that add to the statistics."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-format", choices=["human", "json"], help="log what happens, a line per event (default: human)"
    )
    parser.add_argument("--log-file", metavar="FILE", help="append the log there, not to standard error")
    parser.add_argument(
        "--log-level", choices=["debug", "info", "warning", "error"], help="least level (default: info)"
    )
    parser.add_argument(
        "--trace", metavar="FILE", help="append OpenTelemetry spans there, a line of JSON each (rtfsc[otel])"
    )


def observing(name: str, run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command ``run``, observed while it runs."""

    def observed(options: argparse.Namespace) -> int:
        with _log(options), _trace(options), _statistics(name):
            return run(options)

    return observed


@contextmanager
def _log(options: argparse.Namespace) -> Iterator[None]:
    if not (options.log_format or options.log_file or options.log_level):
        yield
        return
    from runtime.obs.events import BUS
    from runtime.obs.logs import Log

    try:
        stream: Any = open(options.log_file, "a", encoding="utf-8") if options.log_file else sys.stderr  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"--log-file: {error.strerror}: {options.log_file}") from None
    log = Log(stream, options.log_format or "human", options.log_level or "info")
    end = BUS.subscribe(log)
    try:
        yield
    finally:
        end()
        log.close()


@contextmanager
def _trace(options: argparse.Namespace) -> Iterator[None]:
    if options.trace is None:
        yield
        return
    from runtime.obs.events import BUS
    from runtime.obs.otel import MissingExtra, spans_to

    try:
        file = open(options.trace, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"--trace: {error.strerror}: {options.trace}") from None
    try:
        end = BUS.subscribe(spans_to(file))
    except MissingExtra as error:
        file.close()
        raise UsageError(f"--trace: {error}") from None
    try:
        yield
    finally:
        end()
        with suppress(OSError):
            file.close()


@contextmanager
def _statistics(name: str) -> Iterator[None]:
    from runtime.obs import statistics_wanted

    if name not in RECORDED or not statistics_wanted():
        yield
        return
    from runtime.obs.events import BUS

    opened: list[Any] = []

    def record(event: Event) -> None:
        if not opened:  # most commands emit nothing, and need not load a database for that
            from runtime.obs.statistics import FILE, Statistics
            from runtime.store.paths import user_home

            opened.append(Statistics(user_home() / FILE))
        opened[0](event)

    end = BUS.subscribe(record)
    try:
        yield
    finally:
        end()
        for statistics in opened:
            statistics.close()
