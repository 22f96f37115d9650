"""Statistics that outlive a process: a small SQLite file in the user's data folder, written behind.

Counters and histograms are added up per day; of the events that the dashboard shows the latest are kept.
What cannot be written now, since others write, is written later; what cannot be written at all is dropped:
statistics are never worth an error.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from runtime.connection import log_ahead
from runtime.obs.clean import attributes_of
from runtime.obs.events import Event
from runtime.obs.tally import Tally

FILE = "statistics.sqlite"
KEPT: Mapping[str, int] = {
    "call.decided": 200, "call.failed": 200, "cache.hit": 200, "model.failed": 100, "model.health": 100,
    "store.hit": 300, "store.refused": 100, "store.published": 100, "solve.step": 1000, "solve.done": 100,
    "ticket.submitted": 200, "ticket.done": 200, "ticket.failed": 200, "ticket.cancelled": 200,
}  # fmt: skip
"""How many of an event are kept; of hits in caches only those by meaning."""
DAYS = 90
"""Older days are added to day 0."""
MOST_ROWS = 20_000
_VERSION = 1
_INTERVAL_S = 2.0
_LAST_S = 6.0
"""How long a process that ends tries to write, while others do."""
_TABLES = """
    CREATE TABLE IF NOT EXISTS series (
        day INTEGER NOT NULL, metric TEXT NOT NULL, labels TEXT NOT NULL, part INTEGER NOT NULL,
        value REAL NOT NULL, PRIMARY KEY (day, metric, labels, part)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY, time REAL NOT NULL, name TEXT NOT NULL, attributes TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS events_name ON events (name, id);
"""
_Row: TypeAlias = tuple[int, str, str, int]
"""Day, metric, labels, part."""
_NO_PART = -2
"""The part of what is no histogram; -1: the sum of one; from 0 on the numbers of buckets."""


class Statistics:
    """A subscriber. Nothing is opened before the first event; `close` writes what is left."""

    def __init__(
        self, path: Path, *, interval: float = _INTERVAL_S, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self._interval, self._clock = path, interval, clock
        self._tally = Tally()
        self._rows: dict[_Row, float] = {}  # taken from the tally, and not written yet
        self._events: deque[Event] = deque(maxlen=sum(KEPT.values()))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._dirty = False

    def __call__(self, event: Event) -> None:
        self._tally(event)
        if event.name in KEPT and (event.name != "cache.hit" or event.attributes.get("score") is not None):
            self._events.append(event)
        self._dirty = True
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="rtfsc-statistics", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self.flush()

    def flush(self) -> bool:
        """Writes what happened since the last time; whether nothing is left to be written."""
        with self._lock:
            if not self._dirty:
                return True
            self._dirty = False
            day = int(self._clock() // 86_400)
            for row, value in _rows(day, self._tally.take()):
                self._rows[row] = self._rows.get(row, 0.0) + value
            events = list(self._events)
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with closing(_opened(self.path)) as connection:
                    self._write(connection, day, events)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    self._dirty = True
                    return False
            except (OSError, sqlite3.Error):
                pass
            self._rows.clear()
            for _ in events:
                self._events.popleft()
            return True

    def close(self) -> None:
        """Idempotent."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        end = time.monotonic() + _LAST_S
        while not self.flush() and time.monotonic() < end:
            time.sleep(0.02)

    def _write(self, connection: sqlite3.Connection, day: int, events: list[Event]) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET value = value + excluded.value",
                [(*row, value) for row, value in self._rows.items()],
            )
            connection.executemany(
                "INSERT INTO events (time, name, attributes) VALUES (?, ?, ?)",
                [(e.time, e.name, json.dumps(attributes_of(e))) for e in events],
            )
            for name in {event.name for event in events}:
                connection.execute(
                    "DELETE FROM events WHERE name = ? AND id <= (SELECT id FROM events WHERE name = ?"
                    " ORDER BY id DESC LIMIT 1 OFFSET ?)",
                    (name, name, KEPT[name]),
                )
            _fold(connection, day)


def _rows(day: int, taken: Tally) -> Iterator[tuple[_Row, float]]:
    for (metric, labels), value in taken.values.items():
        if metric != "rtfsc_model_up":  # what holds now is no sum; the events have it
            yield (day, metric, json.dumps(labels), _NO_PART), value
    for (metric, labels), histogram in taken.histograms.items():
        key = json.dumps(labels)
        yield (day, metric, key, -1), histogram.total
        yield from (((day, metric, key, i), n) for i, n in enumerate(histogram.counts) if n)


def _fold(connection: sqlite3.Connection, day: int) -> None:
    (oldest,) = connection.execute("SELECT min(day) FROM series WHERE day > 0").fetchone()
    (rows,) = connection.execute("SELECT count(*) FROM series").fetchone()
    before = day - DAYS
    if rows > MOST_ROWS:
        before = day
    elif oldest is None or oldest >= before:
        return
    connection.execute(
        "INSERT INTO series SELECT 0, metric, labels, part, sum(value) FROM series WHERE day > 0 AND day < ?"
        " GROUP BY metric, labels, part ON CONFLICT DO UPDATE SET value = value + excluded.value",
        (before,),
    )
    connection.execute("DELETE FROM series WHERE day > 0 AND day < ?", (before,))
    if rows > 2 * MOST_ROWS:  # nothing to add up: rather no statistics than a file without bounds
        connection.execute("DELETE FROM series")


class Kept(NamedTuple):
    """What was read: ``total`` over all days, ``days``: per day (since 1970) in ascending order,
    ``events``: newest first."""

    total: Tally
    days: dict[int, Tally]
    events: list[Event]

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.name in names]


def read(path: Path) -> Kept:
    """What is there; nothing for a file that does not exist or is none of ours."""
    kept = Kept(Tally(), {}, [])
    if not path.exists():
        return kept
    with suppress(sqlite3.Error, ValueError), closing(_opened(path, write=False)) as connection:
        for day, metric, labels, part, value in connection.execute("SELECT * FROM series ORDER BY day"):
            series, number = (metric, tuple(json.loads(labels))), None if part == _NO_PART else part
            for tally in (kept.total, kept.days.setdefault(day, Tally())):
                tally.add(series, number, value)
        rows = connection.execute("SELECT time, name, attributes FROM events ORDER BY time DESC, id DESC")
        kept.events.extend(Event(name, at, _attributes(text)) for at, name, text in rows)
    return kept


def _attributes(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _opened(path: Path, *, write: bool = True) -> sqlite3.Connection:
    if not write:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # tasks are nobody else's business
    connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            log_ahead(connection)
            connection.executescript(_TABLES)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"{path} is of another version")
        # A power cut may take the last seconds, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection
