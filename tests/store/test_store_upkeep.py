"""Versions, pins, clean-up, repair, the governance log, and why something is found."""

from __future__ import annotations

import threading

import pytest

from rtfsc import Runtime
from rtfsc.source import SourceFile
from runtime.evidence import evidence, facts_of
from runtime.store.blobs import WASM
from runtime.store.repair import check_all, repair
from runtime.store.signing import roll_back
from runtime.store.upkeep import collect


@pytest.fixture
def runtime(tmp_path):
    with Runtime.init(store=tmp_path / "store", home=tmp_path / "home") as runtime:
        yield runtime


def program(version):
    return SourceFile("shop.rtfs", f"(defn price [x : Int] : Int (+ x {version}))")


def publish(runtime, *versions):
    return [runtime.publish(program(v), name="shop", inputs=1).entry for v in versions]


def test_publishing_again_makes_a_new_version(runtime):
    publish(runtime, 1, 2, 2)
    history = runtime.store.index.history("shop")
    assert [entry.serial for entry in history] == [2, 1]
    assert runtime.store.index.current("shop").serial == 2


def test_rollback_is_explicit_and_lasts(runtime):
    first, second = publish(runtime, 1, 2)
    roll_back(runtime.store, first, "2 was wrong", runtime.keys.load("local", None))
    assert runtime.store.index.current("shop").id == first.id
    assert runtime.get(runtime.store.index.current("shop")).price(1) == 2
    (third,) = publish(runtime, 3)
    assert third.serial == 3
    assert second.status == "Verified"


def test_collect_keeps_the_newest_the_pinned_and_the_current(runtime):
    entries = publish(runtime, *range(1, 8))
    runtime.store.index.pin(entries[1].id, True)
    roll_back(runtime.store, entries[3], "", runtime.keys.load("local", None))
    runtime.store.revoke(entries[0], "bad")
    trial = collect(runtime.store, versions=2, dry_run=True)
    assert sorted(entry.serial for entry in trial.entries) == [3, 5]
    assert len(runtime.store.list()) == 7
    done = collect(runtime.store, versions=2, grace_s=0)
    assert sorted(entry.serial for entry in done.entries) == [3, 5]
    assert sorted(entry.serial for entry in runtime.store.list()) == [1, 2, 4, 6, 7]
    assert done.blobs >= 4
    assert done.bytes > 1000
    for entry in runtime.store.list():
        if entry.status == "Verified":
            runtime.store.fetch(entry)
    again = collect(runtime.store, versions=2, grace_s=0)
    assert (again.entries, again.blobs) == ([], 0)


def test_collect_removes_what_nobody_used_for_long(runtime):
    publish(runtime, 1)
    other = runtime.publish(program(9), name="other", inputs=1).entry
    assert collect(runtime.store, unused_days=90, dry_run=True).entries == []
    # The current version of a name always stays, however old.
    assert collect(runtime.store, unused_days=-1, dry_run=True).entries == []
    publish(runtime, 2)
    gone = collect(runtime.store, unused_days=-1, dry_run=True).entries
    assert [(e.name, e.serial) for e in gone] == [("shop", 1)]
    assert other.name == "other"


def test_collect_leaves_blobs_that_are_taken_up_meanwhile(runtime):
    orphan = runtime.store.blobs.put(WASM, b"\0asm left by a crash")

    def publish_meanwhile(seconds):
        publish(runtime, 1)

    found = collect(runtime.store, sleep=publish_meanwhile)
    assert found.blobs == 1
    assert orphan not in [digest for digest, _ in runtime.store.blobs.digests(WASM)]
    assert runtime.get(runtime.store.get("shop")).price(1) == 2


@pytest.mark.parametrize("taken", ["all", "nothing"])
def test_collect_while_a_publisher_is_stopped(runtime, monkeypatch, taken):
    """For longer than the grace: what it had put was no entry's yet."""
    add = runtime.store.index.add

    def add_late(*arguments):
        gone = collect(runtime.store, grace_s=0, dry_run=taken == "nothing")
        assert gone.blobs == 3
        return add(*arguments)

    with monkeypatch.context() as stopped:
        stopped.setattr(runtime.store.index, "add", add_late)
        publish(runtime, 1)
    entry = runtime.store.get("shop")
    assert runtime.get(entry).price(1) == 2
    assert runtime.store.source(entry) == program(1).text
    assert collect(runtime.store, grace_s=0).blobs == 0


def test_collect_while_others_publish(runtime, tmp_path):
    """The grace is longer than any publication: it lasts until those that are under way have ended."""
    publish(runtime, *range(1, 6))
    failures = []
    ended, at = {1: 0, 2: 0}, threading.Condition()

    def work(offset):
        with Runtime(store=tmp_path / "store", home=tmp_path / "home") as other:
            for version in range(4):
                try:
                    entry = other.publish(program(100 * offset + version), name=f"n{offset}", inputs=1).entry
                    other.store.fetch(entry)
                except Exception as error:
                    failures.append(error)
                with at:
                    ended[offset] += 1
                    at.notify()

    def wait(seconds):
        with at:
            before = dict(ended)
            assert at.wait_for(lambda: all(ended[n] in (4, *range(m + 1, 5)) for n, m in before.items()), 300)

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        collect(runtime.store, versions=5, sleep=wait)
    for thread in threads:
        thread.join()
    assert failures == []
    assert check_all(runtime.store) == []


def test_check_all_finds_damage_and_repair_decides(runtime, tmp_path):
    entries = publish(runtime, 1, 2)
    damaged = tmp_path / "store/blobs/wasm" / entries[0].digest[:2] / entries[0].digest[2:]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found = check_all(runtime.store)
    assert [(entry.serial, reason[:5]) for entry, reason in found] == [(1, "ST008")]
    done = repair(runtime.store)
    assert (done.restored, done.removed, done.waiting) == (0, 1, 0)
    assert [entry.serial for entry in runtime.store.list()] == [2]


def test_every_hit_is_on_record(runtime):
    publish(runtime, 1)
    runtime.compile(program(1).text)
    runtime.compile("(defn price [y : Int] : Int (+ y 1)) ; in other words")
    runtime.compile("(defn cost [y : Int] : Int (+ y 1))")
    runtime.get(runtime.store.get("shop"))
    runtime.store.flush()
    assert [(hit.kind, hit.outcome) for hit in reversed(runtime.store.index.hits(9))] == [
        ("text", "hit"), ("action", "hit"), ("definition", "hit"), ("name", "hit"),
    ]  # fmt: skip
    assert runtime.store.get("shop").use_count == 4


def test_why_a_program_hits(runtime):
    (entry,) = publish(runtime, 1)
    by_text = evidence(runtime, program(1))
    assert [attempt.by for attempt in by_text.attempts] == ["text"]
    facts = facts_of(runtime, by_text.hit)
    assert (facts["digest"], facts["version"], facts["signers"][0]["name"]) == (entry.digest, 1, "local")
    assert facts["record"] == 0
    by_meaning = evidence(runtime, SourceFile("x", "(defn cost [y : Int] : Int (+ y 1)) ; other names"))
    assert [(a.by, a.found) for a in by_meaning.attempts] == [
        ("text", 0), ("action", 0), ("definitions", 1),
    ]  # fmt: skip
    assert by_meaning.hit.entry.id == entry.id


def test_why_a_program_misses(runtime):
    publish(runtime, 1)
    found = evidence(runtime, program(2))
    assert found.hit is None
    assert [(a.by, a.found) for a in found.attempts] == [("text", 0), ("action", 0), ("definitions", 0)]
    assert found.nearest.name == "shop"
    assert [field for field, _, _ in found.differences] == ["source_digest", "price: def_hash"]


def test_why_a_stranger_misses(runtime, tmp_path):
    publish(runtime, 1)
    with Runtime(store=tmp_path / "store", home=tmp_path / "stranger") as stranger:
        found = evidence(stranger, program(1))
    assert found.hit is None
    assert [reason[:4] for attempt in found.attempts for _, reason in attempt.refused] == ["T002"] * 3


def test_nothing_comes_near(runtime):
    assert evidence(runtime, program(1)).nearest is None
    publish(runtime, 1)
    found = evidence(runtime, SourceFile("x", '(defn greet [n : String] : String (str "hi " n))'))
    assert found.nearest is None
