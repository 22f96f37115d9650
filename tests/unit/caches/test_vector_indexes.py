"""What L3 asks for the nearest: one contract for the indexes in memory, in a file and in PostgreSQL."""

from __future__ import annotations

import random
import sqlite3
import stat
import threading
from array import array

import pytest

from runtime.caches import vectors
from runtime.caches.cold import SqliteCold
from runtime.caches.vectors import MemoryVectors, SemanticHit
from runtime.caches.vectors_file import FileVectors
from runtime.meaning.embedding import Lexical

TEXTS = [
    f"{verb} the {thing}" for verb in ("sort", "count", "sum", "print") for thing in ("words", "numbers")
]


def embedded(text):
    return Lexical().embed([text])[0]


def axis(*values):
    """In this direction, of length 1."""
    length = sum(value * value for value in values) ** 0.5
    return array("f", [value / length for value in values])


@pytest.fixture(params=["memory", "plain", "file", "pgvector"])
def open_index(request, tmp_path, monkeypatch):
    """Makes an index; each call is another process's view of the same place, but in memory."""
    made = []

    def make(**options):
        if request.param in ("memory", "plain"):
            made.append(MemoryVectors(**options))
        elif request.param == "file":
            made.append(FileVectors(tmp_path / "deep" / "questions.sqlite", **options))
        else:
            from runtime.caches.pgvector import PostgresVectors

            request.getfixturevalue("patient")
            made.append(PostgresVectors(request.getfixturevalue("postgres_url"), **options))
        return made[-1]

    if request.param == "plain":
        monkeypatch.setattr(vectors, "_numpy", lambda: None)
    make.kind = request.param
    yield make
    for index in made:
        index.close()


def test_the_nearest_come_first(open_index):
    index = open_index()
    for text in TEXTS:
        index.add("g", "t", text, embedded(text))
    near = index.nearest("g", "t", embedded("count the words"), 3)
    assert near[0].core == "count the words"
    assert near[0].score == pytest.approx(1, abs=1e-5)
    assert [m.score for m in near] == sorted((m.score for m in near), reverse=True)
    assert len(near) == 3
    assert len(index.nearest("g", "t", embedded("x"), 99)) == len(TEXTS) == index.size()


def test_groups_embedders_and_dimensions_are_never_mixed(open_index):
    index = open_index()
    index.add("a", "t", "x", axis(1, 0))
    index.add("b", "t", "y", axis(1, 0))
    index.add("a", "u", "z", axis(1, 0))
    assert [m.core for m in index.nearest("a", "t", axis(1, 0), 9)] == ["x"]
    assert index.nearest("a", "t", axis(1, 0, 0), 9) == []
    assert index.nearest("c", "t", axis(1, 0), 9) == []
    index.clear("a")
    assert index.nearest("a", "t", axis(1, 0), 9) == []
    assert [m.core for m in index.nearest("b", "t", axis(1, 0), 9)] == ["y"]
    index.clear()
    assert index.size() == 0


def test_removing_leaves_the_others(open_index):
    index, left = open_index(), dict.fromkeys(TEXTS)
    chosen = random.Random(1)
    for text in TEXTS:
        index.add("g", "t", text, embedded(text))
        index.add("g", "t", text, embedded(text))
    while left:
        text = chosen.choice(list(left))
        del left[text]
        index.remove("g", "t", text)
        index.remove("g", "t", "was never there")
        assert {m.core for m in index.nearest("g", "t", embedded(text), 99)} == set(left)
    assert index.size() == 0


def test_the_log_has_what_was_recorded(open_index):
    index = open_index()
    made = [SemanticHit(n, "acme", "lexical-2", f"q{n}", "m", 0.99, "phi", "a") for n in range(5)]
    for hit in made:
        index.record(hit)
    assert index.hits(3) == made[:1:-1]
    assert index.hits(99) == made[::-1]


def test_graphs_find_what_exact_search_finds(open_index):
    index, chosen = open_index(), random.Random(2)

    def direction():
        return axis(*(chosen.gauss(0, 1) for _ in range(16)))

    known = {f"text {n}": direction() for n in range(300)}
    for text, vector in known.items():
        index.add("g", "t", text, vector)
    wanted = [direction() for _ in range(40)]
    exact = [index.nearest("g", "t", vector, 1)[0] for vector in wanted]
    # Graphs need numpy and usearch: without them there is none, and the search stays exact.
    assert index.prepare(100) == (open_index.kind != "plain")
    found = [index.nearest("g", "t", vector, 1)[0] for vector in wanted]
    missed = sum(a.core != b.core for a, b in zip(exact, found, strict=True))
    # pgvector draws the levels of its graph by chance; of a thousand of these searches none missed.
    assert missed <= (2 if open_index.kind == "pgvector" else 0)
    # What comes and goes after the graph was made is seen.
    index.add("g", "t", "late", wanted[0])
    assert index.nearest("g", "t", wanted[0], 1)[0].core == "late"
    index.remove("g", "t", "late")
    index.remove("g", "t", exact[0].core)
    assert index.nearest("g", "t", wanted[0], 1)[0].core not in ("late", exact[0].core)


def test_a_full_index_lets_the_oldest_go(open_index, monkeypatch):
    monkeypatch.setattr("runtime.caches.vectors_file._TRIM_EVERY", 1)
    if open_index.kind == "pgvector":
        monkeypatch.setattr("runtime.caches.pgvector._TRIM_EVERY", 1)
    index = open_index(capacity=3)
    for text in TEXTS:
        index.add("g", "t", text, embedded(text))
    assert index.size() == 3
    assert {m.core for m in index.nearest("g", "t", embedded("x"), 9)} == set(TEXTS[-3:])


@pytest.mark.parametrize("open_index", ["file", "pgvector"], indirect=True)
def test_other_processes_see_what_comes_and_goes(open_index):
    if open_index.kind == "file":
        one, other = open_index(), open_index()
    else:
        one = other = open_index()
    one.add("g", "t", "x", axis(1, 0))
    assert [m.core for m in other.nearest("g", "t", axis(1, 0), 9)] == ["x"]
    other.add("g", "t", "y", axis(0, 1))
    assert {m.core for m in one.nearest("g", "t", axis(1, 0), 9)} == {"x", "y"}
    other.remove("g", "t", "x")
    assert [m.core for m in one.nearest("g", "t", axis(1, 0), 9)] == ["y"]
    other.clear()
    assert one.nearest("g", "t", axis(1, 0), 9) == []


def test_a_saved_graph_is_used_by_the_next_process(tmp_path, monkeypatch):
    monkeypatch.setattr("runtime.caches.vectors_file.LARGE", 50)
    path, used = tmp_path / "q.sqlite", []
    one = FileVectors(path)
    for number in range(100):
        one.add("g", "t", str(number), axis(1, number))
    assert one.prepare(50) == 1
    adopt = vectors.Group.adopt
    monkeypatch.setattr(vectors.Group, "adopt", lambda *args: (used.append(1), adopt(*args)))
    one.add("g", "t", "late", axis(1, 0.5))
    assert FileVectors(path).nearest("g", "t", axis(1, 0.5), 1)[0].core == "late"
    assert used == [1]
    for damaged in tmp_path.glob("*.usearch"):
        damaged.write_bytes(b"no graph")
    assert FileVectors(path).nearest("g", "t", axis(1, 0.5), 1)[0].core == "late"
    one.clear()
    assert not list(tmp_path.glob("*usearch*"))


def test_a_file_that_is_no_index_is_an_error_for_the_cache_above(tmp_path):
    path = tmp_path / "q.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.Error):
        FileVectors(path).nearest("g", "t", axis(1, 0), 1)


def test_threads(tmp_path):
    index, failures = FileVectors(tmp_path / "q.sqlite", capacity=50), []

    def work(seed):
        chosen = random.Random(seed)
        try:
            for _ in range(100):
                number = chosen.randrange(80)
                index.add(f"g{number % 3}", "t", str(number), axis(1, number))
                index.nearest(f"g{number % 3}", "t", axis(1, number), 3)
                index.remove("g0", "t", str(chosen.randrange(80)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert index.size() <= 80


def test_many_at_once_are_all_there_or_none(tmp_path):
    index = FileVectors(tmp_path / "q.sqlite")
    index.add("g", "t", "first", axis(1, 0))

    def broken():
        yield "second", axis(0, 1)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        index.add_many("g", "t", broken())
    assert [m.core for m in index.nearest("g", "t", axis(1, 0), 9)] == ["first"]
    index.add_many("g", "t", [("second", axis(0, 1)), ("third", axis(1, 1))])
    assert index.size() == 3
    assert len(FileVectors(tmp_path / "q.sqlite").nearest("g", "t", axis(1, 0), 9)) == 3


def test_the_log_of_hits_has_an_end(open_index, monkeypatch):
    """Also where nothing but hits is added."""
    for module in ("vectors_file", "pgvector"):
        if module == "vectors_file" or open_index.kind == "pgvector":
            monkeypatch.setattr(f"runtime.caches.{module}._TRIM_EVERY", 1)
            monkeypatch.setattr(f"runtime.caches.{module}._MOST_HITS", 5)
    index = open_index(**({"logged": 5} if open_index.kind in ("memory", "plain") else {}))
    for number in range(12):
        index.record(SemanticHit(number, "t", "e", "q", "m", 0.99, "model", "answer"))
    assert [hit.time_ms for hit in index.hits(100)] == [11, 10, 9, 8, 7]


def test_others_on_this_machine_read_neither_questions_nor_answers(tmp_path):
    folder = tmp_path / "answers"
    index, cold = FileVectors(folder / "questions.sqlite"), SqliteCold(folder / "answers.sqlite")
    index.add("g", "t", "x", axis(1, 0))
    cold.write("0" * 64, b"answer")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    index.close()
    cold.close()
