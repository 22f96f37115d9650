"""Counters and the governance log between use and index."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from store_samples import predicate, sha

from runtime.store.errors import ReadOnlyStore, StoreError, StoreUnreachable
from runtime.store.index import Description, Hit, NewEntry
from runtime.store.memory import MemoryIndex
from runtime.store.notes import Notes
from runtime.trust.statement import Statement


class Failing(MemoryIndex):
    error: StoreError | None = None

    def record_hits(self, hits: Sequence[Hit]) -> None:
        if self.error is not None:
            raise self.error
        super().record_hits(hits)


def hit(number: int) -> Hit:
    return Hit(number, "text", sha("s"), 1, sha("a"), "hit")


def test_threads_lose_no_use_and_no_line() -> None:
    index = MemoryIndex()
    description = Description.of(Statement(sha("artifact"), predicate()))
    entry, _ = index.add(NewEntry(description, None, sha("m"), sha("s"), 1))
    notes = Notes(index)

    def work(number: int) -> None:
        notes.used(entry.id, number)
        notes.hit(hit(number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(4000)))
    notes.flush()
    used = index.get(entry.id)
    assert used is not None and used.use_count == 4000
    assert sorted(line.time_ms for line in index.hits(9999)) == list(range(4000))


def test_lines_wait_for_a_server_that_is_away() -> None:
    index = Failing()
    index.error = StoreUnreachable("gone")
    notes = Notes(index)
    for number in range(600):
        notes.hit(hit(number))
    assert index.hits(9999) == []
    index.error = None
    notes.flush()
    assert [line.time_ms for line in index.hits(9999)] == list(range(599, -1, -1))


def test_lines_that_can_never_be_written_are_dropped() -> None:
    index = Failing()
    index.error = ReadOnlyStore("read-only")
    notes = Notes(index)
    notes.hit(hit(1))
    notes.flush()
    index.error = None
    notes.flush()
    assert index.hits(9) == []
