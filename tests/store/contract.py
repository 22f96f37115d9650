"""What every backend must do.  A new backend subclasses the two suites and overrides the fixture."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from store_samples import ARTIFACT, predicate, sha

from runtime.store import vectors as vectors_of
from runtime.store.blobs import KINDS, SOURCE, WASM, BlobBackend, BlobStore, digest_of
from runtime.store.errors import MissingBlob, NotStored, TooLarge
from runtime.store.index import Description, Entry, Hit, IndexBackend, Meaning, Near, NewEntry, Uses
from runtime.trust.statement import Export, Statement


class BlobContract:
    @pytest.fixture
    def backend(self, tmp_path: Any) -> BlobBackend:
        raise NotImplementedError

    def test_what_is_put_is_got(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        for kind in KINDS:
            for data in (b"", b"x", ARTIFACT):
                digest = blobs.put(kind, data)
                assert digest == digest_of(data)
                assert blobs.get(kind, digest) == data

    def test_it_knows_what_it_holds(self, backend: BlobBackend) -> None:
        assert not backend.holds("wasm/ab/cd")
        backend.write("wasm/ab/cd", b"1")
        assert backend.holds("wasm/ab/cd") and not backend.holds("wasm/ab/ce")

    def test_absent_names_are_missing(self, backend: BlobBackend) -> None:
        with pytest.raises(MissingBlob):
            BlobStore(backend).get(WASM, sha("absent"))

    def test_the_same_content_is_kept_once(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        assert blobs.put(WASM, b"abc") == blobs.put(WASM, b"abc")
        assert list(blobs.digests(WASM)) == [(digest_of(b"abc"), 3)]

    def test_kinds_are_apart(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        digest = blobs.put(WASM, b"abc")
        with pytest.raises(MissingBlob):
            blobs.get(SOURCE, digest)

    def test_other_bytes_under_a_name_are_replaced(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        digest = digest_of(b"abc")
        backend.write(f"wasm/{digest[:2]}/{digest[2:]}", b"abd")
        blobs.put(WASM, b"abc")
        assert blobs.get(WASM, digest) == b"abc"

    def test_names_are_sorted_and_complete(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        digests = sorted(blobs.put(WASM, bytes([i])) for i in range(20))
        assert [digest for digest, _ in blobs.digests(WASM)] == digests
        assert list(blobs.digests(SOURCE)) == []

    def test_names_while_others_delete(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        digests = {blobs.put(WASM, bytes([i])) for i in range(5)}
        found = blobs.digests(WASM)
        listed = {next(found)[0]}
        for digest in digests:
            blobs.delete(WASM, digest)
        assert listed | {digest for digest, _ in found} <= digests

    def test_deleting_is_idempotent(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        digest = blobs.put(WASM, b"abc")
        blobs.delete(WASM, digest)
        blobs.delete(WASM, digest)
        assert list(blobs.digests(WASM)) == []

    def test_reading_beyond_the_limit_is_refused(self, backend: BlobBackend) -> None:
        backend.write("wasm/ab/cd", b"12345")
        assert backend.read("wasm/ab/cd", 5) == b"12345"
        with pytest.raises(TooLarge):
            backend.read("wasm/ab/cd", 4)

    def test_too_much_is_not_put(self, backend: BlobBackend) -> None:
        blobs = BlobStore(backend)
        small = WASM._replace(limit=4)
        with pytest.raises(TooLarge):
            blobs.put(small, b"12345")
        assert list(blobs.digests(WASM)) == []

    def test_probing_leaves_nothing(self, backend: BlobBackend) -> None:
        assert backend.probe() is None
        assert [list(backend.names(kind.name)) for kind in KINDS] == [[]] * len(KINDS)
        assert backend.sweep() == 0


def new_entry(salt: str = "", created_ms: int = 1, signature: str = "manifest", **changes: Any) -> NewEntry:
    statement = Statement(sha(f"artifact{salt}"), predicate(salt=salt, **changes))
    return NewEntry(Description.of(statement), None, sha(signature), sha("signer"), created_ms)


def meaning(*vector: float, export: str = "quote", embedder: str = "e", text: str = "") -> Meaning:
    return Meaning(export, sha("interface"), embedder, text, struct.pack(f"<{len(vector)}f", *vector))


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers of calls that run at once, each in a thread."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def add(index: IndexBackend, new: NewEntry) -> Entry:
    entry, created = index.add(new)
    assert created
    return entry


class IndexContract:
    @pytest.fixture
    def index(self, tmp_path: Any) -> IndexBackend:
        raise NotImplementedError

    def test_an_entry_comes_back_whole(self, index: IndexBackend) -> None:
        exports = tuple(
            Export(name, "function", sha(name), sha("i"), sha(f"r{name}"), ("network", "clock"))
            for name in "ab"
        )
        new = new_entry(
            exports=exports, doc="Preise ☃", version="1.0", source_digest=sha("s"), ir_digest=sha("ir")
        )
        entry = add(index, new)
        assert (
            entry
            == new.entry(entry.id, 1)
            == index.get(entry.id)
            == index.at_action(new.description.action_key)
        )
        assert entry.status == "Verified" and entry.use_count == 0

    @pytest.mark.parametrize(
        ("by", "key"),
        [
            ("action_key", sha("actionshop.pricing1")),
            ("source_digest", sha("source1")),
            ("storage_pointer", sha("artifact1")),
            ("retrieval_key", sha("retrieval1")),
            ("def_hash", sha("def1")),
        ],
    )
    def test_every_key_finds_its_entry_alone(self, index: IndexBackend, by: Any, key: str) -> None:
        assert index.find(by, key) == []
        first = add(index, new_entry("1", source_digest=sha("source1")))
        add(index, new_entry("2", source_digest=sha("source2")))
        assert index.find(by, key) == [first]
        assert index.find(by, sha("nothing")) == []

    def test_candidates_come_newest_first(self, index: IndexBackend) -> None:
        old, newest, middle = (add(index, new_entry(str(t), t)) for t in (1, 9, 5))
        assert index.find("interface_hash", sha("interface")) == [newest, middle, old]
        assert index.find("interface_hash", sha("interface"), limit=2) == [newest, middle]
        assert index.all() == [newest, middle, old]

    def test_entries_by_the_beginning_of_their_digest(self, index: IndexBackend) -> None:
        first, second = add(index, new_entry("1")), add(index, new_entry("2"))
        assert index.starting(first.digest[:8]) == index.starting(first.digest) == [first]
        assert index.starting("") == [second, first] and index.starting("%") == index.starting("x") == []

    def test_an_entry_with_one_interface_twice_is_found_once(self, index: IndexBackend) -> None:
        exports = tuple(Export(n, "function", sha(n), sha("i"), sha(f"r{n}")) for n in "ab")
        entry = add(index, new_entry(exports=exports))
        assert index.find("interface_hash", sha("i")) == [entry]

    def test_only_verified_entries_are_found(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        for status in ("Pending", "Revoked"):
            index.set_status(entry.id, status, "why")  # type: ignore[arg-type]
            assert index.find("interface_hash", sha("interface")) == []
            changed = index.get(entry.id)
            assert changed is not None and (changed.status, changed.status_reason) == (status, "why")

    def test_the_first_writer_of_an_action_wins(self, index: IndexBackend) -> None:
        first = add(index, new_entry(signature="first"))
        assert index.add(new_entry(signature="second")) == (first, False)
        assert index.all() == [first]

    def test_an_unusable_entry_is_replaced_if_it_is_still_the_same(self, index: IndexBackend) -> None:
        bad = add(index, new_entry(signature="bad"))
        index.set_status(bad.id, "Pending", "damaged")
        good, _ = index.add(new_entry(signature="good"), replacing=bad)
        assert good.signature == sha("good") and good.status == "Verified"
        assert index.add(new_entry(signature="late"), replacing=bad) == (good, False)
        assert index.all() == [good]

    def test_one_entry_whoever_writes_at_once(self, index: IndexBackend) -> None:
        answers = together([lambda i=i: index.add(new_entry(signature=str(i))) for i in range(6)])
        assert len(answers) == 6 and len({entry.signature for entry, _ in answers}) == 1
        assert sum(created for _, created in answers) == 1
        assert index.all() == [answers[0][0]]

    def test_uses_add_up(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.touch({entry.id: Uses(2, 100)})
        index.touch({entry.id: Uses(3, 200), entry.id + 1: Uses(1, 200)})
        used = index.get(entry.id)
        assert used is not None and (used.use_count, used.last_used_ms) == (5, 200)

    def test_removed_is_gone(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.remove(entry.id)
        index.remove(entry.id)
        assert index.all() == [] and index.find("retrieval_key", sha("retrieval")) == []

    def test_a_status_meant_for_another_manifest_is_not_set(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.set_status(entry.id, "Pending", "damaged", signature=sha("another"))
        assert index.get(entry.id) == entry
        index.set_status(entry.id, "Pending", "damaged", signature=entry.signature)
        assert index.find("action_key", entry.description.action_key) == []
        index.set_status(entry.id + 1, "Verified", "")

    # -- versions

    def test_serials_count_per_name(self, index: IndexBackend) -> None:
        first, second, third = (add(index, new_entry(str(i), 9 - i)) for i in range(3))
        other = add(index, new_entry(name="shop.other"))
        assert [first.serial, second.serial, third.serial, other.serial] == [1, 2, 3, 1]
        assert index.history("shop.pricing") == [third, second, first]
        assert index.history("shop.pricing", 2) == [third, second]
        assert index.history("shop.other") == [other] and index.history("shop") == []

    def test_a_serial_is_never_given_again(self, index: IndexBackend) -> None:
        index.remove(add(index, new_entry("1")).id)
        assert add(index, new_entry("2")).serial == 2

    def test_serials_of_many_writers_have_no_gaps(self, index: IndexBackend) -> None:
        together([lambda i=i: add(index, new_entry(str(i))) for i in range(12)])
        assert [entry.serial for entry in index.history("shop.pricing")] == list(range(12, 0, -1))

    def test_history_has_every_status(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.set_status(entry.id, "Revoked", "bad")
        assert [e.status for e in index.history("shop.pricing")] == ["Revoked"]

    def test_a_replacement_keeps_id_serial_and_pin(self, index: IndexBackend) -> None:
        bad, newer = add(index, new_entry("1")), add(index, new_entry("2"))
        index.pin(bad.id, True)
        index.add_meanings(bad.id, [meaning(1.0)])
        index.set_current("shop.pricing", bad.id)
        good, created = index.add(new_entry("1", signature="good"), replacing=bad)
        assert created and (good.id, good.serial, good.pinned) == (bad.id, 1, True)
        assert index.current("shop.pricing") == good and index.history("shop.pricing") == [newer, good]
        assert index.meanings(sha("interface"), "e") == []

    def test_a_replacement_of_another_name_is_a_new_version_there(self, index: IndexBackend) -> None:
        bad = add(index, new_entry("1"))
        action = bad.description.action_key
        new = new_entry("1", signature="good", name="shop.other")
        new = new._replace(description=new.description._replace(action_key=action))
        good, _ = index.add(new, replacing=bad)
        assert good.serial == 1 and index.history("shop.other") == [good]
        assert index.history("shop.pricing") == [] and index.current("shop.pricing") is None

    def test_the_newest_verified_entry_is_current(self, index: IndexBackend) -> None:
        assert index.current("shop.pricing") is None
        first, second = add(index, new_entry("1", 9)), add(index, new_entry("2", 1))
        assert index.current("shop.pricing") == second
        index.set_status(second.id, "Revoked", "bad")
        assert index.current("shop.pricing") == first

    def test_a_chosen_entry_stays_current(self, index: IndexBackend) -> None:
        first = add(index, new_entry("1"))
        add(index, new_entry("2"))
        index.set_current("shop.pricing", first.id)
        third = add(index, new_entry("3"))
        assert index.current("shop.pricing") == first
        index.set_current("shop.pricing", None)
        assert index.current("shop.pricing") == third

    @pytest.mark.parametrize("end", ["revoked", "removed"])
    def test_no_other_takes_the_place_of_a_chosen_entry(self, index: IndexBackend, end: str) -> None:
        first, _ = add(index, new_entry("1")), add(index, new_entry("2"))
        index.set_current("shop.pricing", first.id)
        if end == "revoked":
            index.set_status(first.id, "Revoked", "bad")
        else:
            index.remove(first.id)
        assert index.current("shop.pricing") is None

    def test_only_an_entry_of_the_name_can_be_chosen(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        add(index, new_entry(name="shop.other"))
        for name, entry_id in (("shop.other", entry.id), ("shop.pricing", 99), ("nobody", entry.id)):
            with pytest.raises(NotStored):
                index.set_current(name, entry_id)
        index.set_current("nobody", None)
        assert index.current("shop.pricing") == entry

    def test_pins_come_and_go(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        assert not entry.pinned
        for pinned in (True, False):
            index.pin(entry.id, pinned)
            assert index.history("shop.pricing")[0].pinned is pinned
        index.pin(99, True)

    # -- meanings

    def test_meanings_are_read_by_interface_and_embedder(self, index: IndexBackend) -> None:
        first, second = add(index, new_entry("1")), add(index, new_entry("2"))
        mine = [meaning(0.1, -2.5, export="a", text="Preis ☃"), meaning(0.25, 3, export="b")]
        index.add_meanings(second.id, [*mine, meaning(1.0, embedder="other")])
        index.add_meanings(first.id, [meaning(1, 2)])
        group = [(first.id, meaning(1, 2)), *((second.id, m) for m in mine)]
        assert index.meanings(sha("interface"), "e") == group
        assert index.meanings(sha("interface"), "other") == [(second.id, meaning(1.0, embedder="other"))]
        assert index.meanings(sha("nothing"), "e") == index.meanings(sha("interface"), "none") == []

    def test_a_meaning_is_replaced(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.add_meanings(entry.id, [meaning(1.0, text="old")])
        index.add_meanings(entry.id, [meaning(2.0, text="new")])
        assert index.meanings(sha("interface"), "e") == [(entry.id, meaning(2.0, text="new"))]

    def test_meanings_end_with_their_entry(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        index.add_meanings(entry.id, [meaning(1.0)])
        index.set_status(entry.id, "Pending", "damaged")
        assert index.meanings(sha("interface"), "e") == []
        assert index.nearest(sha("interface"), "e", meaning(1.0).vector, 5) == []
        index.set_status(entry.id, "Verified", "")
        assert index.meanings(sha("interface"), "e") == [(entry.id, meaning(1.0))]
        index.remove(entry.id)
        index.add_meanings(entry.id, [meaning(1.0)])
        assert index.meanings(sha("interface"), "e") == []

    @pytest.mark.parametrize("vector", [b"", b"123", struct.pack("<f", float("nan")),
                                        struct.pack("<2f", float("inf"), 1)])  # fmt: skip
    def test_vectors_that_are_none(self, index: IndexBackend, vector: bytes) -> None:
        entry = add(index, new_entry())
        with pytest.raises(ValueError):
            index.add_meanings(entry.id, [meaning(1.0), meaning(1.0, export="z")._replace(vector=vector)])
        with pytest.raises(ValueError):
            index.nearest(sha("interface"), "e", vector, 1)
        assert index.meanings(sha("interface"), "e") == []

    def test_the_nearest_come_first(self, index: IndexBackend) -> None:
        vectors = [(1, 0), (0.5, 0.5), (-1, 0), (0, 0), (0, 1), (3, 0), (1, 0, 0)]
        entries = [add(index, new_entry(str(i))) for i in range(len(vectors))]
        for entry, vector in zip(entries, vectors, strict=True):
            index.add_meanings(entry.id, [meaning(*vector)])
        near = index.nearest(sha("interface"), "e", meaning(2, 0).vector, 10)
        found = [(entries.index(next(e for e in entries if e.id == n.entry_id)), n.export) for n in near]
        assert [i for i, _ in found] == [5, 0, 1, 4, 3, 2], "equals: the newer first; no other lengths"
        assert {export for _, export in found} == {"quote"}
        assert [round(n.score, 4) for n in near] == [1, 1, 0.7071, 0, 0, -1]
        best = index.nearest(sha("interface"), "e", meaning(2, 0).vector, 1)
        assert best == [Near(entries[5].id, "quote", pytest.approx(1.0))]

    def test_a_graph_finds_what_a_search_of_all_finds(
        self, index: IndexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runtime.store.groups.LARGE", 30)
        random = Random(5)

        def vector() -> list[float]:
            return [random.gauss(0, 1) for _ in range(8)]

        def add_some(count: int) -> list[Entry]:
            entries = [add(index, new_entry(str(random.random()))) for _ in range(count)]
            for entry in entries:
                index.add_meanings(entry.id, [meaning(*vector())])
            return entries

        def check() -> None:
            for _ in range(20):
                wanted = meaning(*vector()).vector
                exact = vectors_of.nearest(index.meanings(sha("interface"), "e"), wanted, 3)
                found = index.nearest(sha("interface"), "e", wanted, 3)
                assert [(n.entry_id, n.export) for n in found] == [(n.entry_id, n.export) for n in exact]
                assert [n.score for n in found] == pytest.approx([n.score for n in exact], abs=1e-6)

        entries = add_some(60)
        check()
        made = index.prepare_groups(30)
        assert made in ([], [(sha("interface"), "e", 60)])
        check()
        add_some(10)
        index.set_status(entries[3].id, "Revoked", "bad")
        index.remove(entries[4].id)
        index.add_meanings(entries[5].id, [meaning(*vector())])
        check()
        index.prepare_groups(30)
        check()

    # -- ledger

    def test_the_log_is_read_as_it_was_written(self, index: IndexBackend) -> None:
        assert index.log_size() == 0 and index.log(0, 10) == []
        leaves = [b"", b"\0\xff", b"two", b"two"]
        assert [index.append_log(leaf) for leaf in leaves] == [0, 1, 2, 3]
        assert index.log_size() == 4
        assert index.log(0, 4) == index.log(0, 99) == leaves
        assert index.log(1, 3) == leaves[1:3]
        assert index.log(4, 9) == index.log(3, 1) == []

    def test_an_entry_and_its_leaf_are_added_together_or_not_at_all(self, index: IndexBackend) -> None:
        entry, created = index.add(new_entry(), leaf=b"first")
        assert created and index.log(0, 9) == [b"first"]
        assert index.add(new_entry(signature="other"), leaf=b"late") == (entry, False)
        assert index.log(0, 9) == [b"first"]
        assert index.add(new_entry(signature="other"), entry, leaf=b"again")[1]
        assert index.log(0, 9) == [b"first", b"again"]

    def test_a_manifest_is_replaced_only_if_it_is_the_expected_one(self, index: IndexBackend) -> None:
        entry = add(index, new_entry())
        assert index.set_manifest(entry.id, entry.signature, sha("both"), b"leaf")
        assert index.get(entry.id) == entry._replace(signature=sha("both"))
        assert not index.set_manifest(entry.id, entry.signature, sha("third"), b"late")
        assert not index.set_manifest(entry.id + 1, entry.signature, sha("third"), b"late")
        assert index.get(entry.id) == entry._replace(signature=sha("both"))
        assert index.log(0, 9) == [b"leaf"]

    def test_an_entry_that_waits_is_not_found_yet(self, index: IndexBackend) -> None:
        waiting = add(index, new_entry()._replace(status="Pending", status_reason="1 of 2 signatures"))
        assert (waiting.status, waiting.status_reason) == ("Pending", "1 of 2 signatures")
        assert index.all() == [waiting]
        assert index.find("interface_hash", sha("interface")) == []
        index.set_status(waiting.id, "Verified", "")
        assert [e.id for e in index.find("interface_hash", sha("interface"))] == [waiting.id]

    def test_the_log_of_many_writers_has_no_gaps(self, index: IndexBackend) -> None:
        numbers = together([lambda i=i: index.append_log(b"%d" % i) for i in range(12)])
        assert sorted(numbers) == list(range(12)) and index.log_size() == 12
        assert sorted(index.log(0, 12)) == sorted(b"%d" % i for i in range(12))

    def test_hits_are_kept_in_order(self, index: IndexBackend) -> None:
        hits = [
            Hit(100, "definition", sha("r"), 7, sha("artifact"), "hit"),
            Hit(100, "meaning", "(declare f [] : Int)", None, None, "miss", 0.125, "Ähnlich ☃"),
            Hit(200, "text", sha("s"), 99, sha("artifact"), "refused", None, "T003"),
        ]
        assert index.hits(10) == []
        index.record_hits(hits[:2])
        index.record_hits(hits[2:])
        assert index.hits(10) == hits[::-1]
        assert index.hits(2) == [hits[2], hits[1]]
        assert index.hits(10, since_ms=101) == [hits[2]]

    def test_it_can_be_written(self, index: IndexBackend) -> None:
        assert index.read_only_reason() is None
        index.close()
