"""Statistics that outlive a process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from runtime.obs import statistics_wanted
from runtime.obs.events import Event, tell
from runtime.obs.statistics import DAYS, KEPT, Statistics, read

DAY = 86_400.0


def called(target: str, count: int = 1) -> list[Event]:
    return [Event("call.done", 1.0, {"target": target, "seconds": 1e-4}) for _ in range(count)]


def total(path: Path, target: str) -> float:
    return read(path).total.values.get(("rtfsc_calls_total", (target, "ok")), 0.0)


def test_what_one_process_did_another_one_sees(tmp_path: Path) -> None:
    path = tmp_path / "home" / "statistics.sqlite"
    for _ in range(2):
        statistics = Statistics(path, clock=lambda: 1000 * DAY)  # no midnight comes in between
        for event in called("wasm", 3):
            statistics(event)
        tell(statistics, "store.hit", by="meaning", request="the sum", score=0.9, digest="ab")
        statistics.close()
    kept = read(path)
    assert path.stat().st_mode & 0o077 == 0, "only for its owner"
    assert total(path, "wasm") == 6
    assert kept.total.histograms["rtfsc_call_seconds", ("wasm",)].counts[3] == 6
    assert [e.attributes["request"] for e in kept.named("store.hit")] == ["the sum", "the sum"]
    assert len(kept.days) == 1


def test_nothing_is_opened_before_the_first_event(tmp_path: Path) -> None:
    statistics = Statistics(tmp_path / "none" / "s.sqlite")
    statistics.close()
    assert not (tmp_path / "none").exists()
    assert read(tmp_path / "none" / "s.sqlite").events == []


def test_it_is_written_behind(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    statistics = Statistics(path, interval=0.01)
    statistics(called("wasm")[0])
    give_up = time.monotonic() + 60
    while total(path, "wasm") == 0 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert total(path, "wasm") == 1
    statistics.close()
    statistics.close()


def test_several_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.obs.statistics._LAST_S", 60.0)
    path = tmp_path / "s.sqlite"
    writers = [Statistics(path, interval=0.005) for _ in range(3)]

    def work(statistics: Statistics) -> None:
        for event in called("wasm", 200):
            statistics(event)
        statistics.close()

    threads = [threading.Thread(target=work, args=(w,)) for w in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(path, "wasm") == 600


def test_what_another_writer_keeps_from_the_file_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    statistics = Statistics(path, interval=60.0)
    for event in called("wasm", 3):
        statistics(event)
    assert statistics.flush()
    tell(statistics, "call.decided", function="f", target="local-pure")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not statistics.flush()
        for event in called("wasm", 2):
            statistics(event)
        other.execute("ROLLBACK")
    statistics.close()
    assert total(path, "wasm") == 5 and len(read(path).named("call.decided")) == 1


def test_events_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    statistics = Statistics(path)
    for i in range(KEPT["call.decided"] + 20):
        tell(statistics, "call.decided", function=f"f{i}", target="local-pure")
        if i % 50 == 0:
            statistics.flush()
    statistics.close()
    found = read(path).named("call.decided")
    assert len(found) == KEPT["call.decided"]
    assert found[0].attributes["function"] == f"f{KEPT['call.decided'] + 19}"


def test_old_days_are_added_up(tmp_path: Path) -> None:
    path, now = tmp_path / "s.sqlite", [1000 * DAY]
    for day in (1000, 1001, 1001 + DAYS + 1):
        now[0] = day * DAY
        statistics = Statistics(path, clock=lambda: now[0])
        statistics(called("wasm")[0])
        statistics.close()
    assert sorted(read(path).days) == [0, 1001 + DAYS + 1]
    assert total(path, "wasm") == 3


def test_semantic_hits_are_kept_and_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    statistics = Statistics(path)
    tell(statistics, "cache.hit", layer="L1")
    tell(statistics, "cache.hit", layer="L3", score=0.96, query="a", match="b")
    statistics.close()
    kept = read(path)
    assert [event.attributes["layer"] for event in kept.events] == ["L3"]
    assert kept.total.values["rtfsc_cache_lookups_total", ("L1", "", "hit")] == 1


def test_files_that_are_none_of_ours_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"not a database, but somebody's" * 100)
    statistics = Statistics(path)
    statistics(called("wasm")[0])
    statistics.close()
    assert path.read_bytes().startswith(b"not a database")
    assert read(path).events == []
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    statistics = Statistics(path)
    statistics(called("wasm")[0])
    statistics.close()
    assert read(path).events == []


def test_damaged_rows_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    statistics = Statistics(path)
    statistics(called("wasm")[0])
    statistics.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO series VALUES (1, 'rtfsc_gone_total', '[]', -2, 5)")
        other.execute("INSERT INTO events (time, name, attributes) VALUES (1, 'store.hit', '[]')")
    assert total(path, "wasm") == 1
    assert [dict(event.attributes) for event in read(path).events] == [{}]


def test_a_folder_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    statistics = Statistics(tmp_path / "file" / "s.sqlite")
    statistics(called("wasm")[0])
    statistics.close()


def test_a_killed_process_loses_no_more_than_the_last_moments(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    program = (
        "import os, sys; from pathlib import Path; from runtime.obs.statistics import Statistics\n"
        "from runtime.obs.events import Event\n"
        "s = Statistics(Path(sys.argv[1]))\n"
        "s(Event('call.done', 1.0, {'target': 'wasm', 'seconds': 1.0})); s.flush()\n"
        "s(Event('call.done', 1.0, {'target': 'wasm', 'seconds': 1.0})); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, path], check=False)
    assert total(path, "wasm") == 1


def test_it_can_be_switched_off() -> None:
    assert statistics_wanted({}) and statistics_wanted({"RTFSC_STATISTICS": "1"})
    assert not statistics_wanted({"RTFSC_STATISTICS": "0"}) and not statistics_wanted(
        {"RTFSC_STATISTICS": "off"}
    )
