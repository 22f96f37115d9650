"""What every backend must do.  A new backend subclasses the two suites and overrides the fixture."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from store_samples import ARTIFACT, predicate, sha

from runtime.store.blobs import KINDS, SOURCE, WASM, BlobBackend, BlobStore, digest_of
from runtime.store.errors import MissingBlob, TooLarge
from runtime.store.index import Description, Entry, IndexBackend, NewEntry, Uses
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
            entry == new.entry(entry.id) == index.get(entry.id) == index.at_action(new.description.action_key)
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
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda i=i: answers.append(index.add(new_entry(signature=str(i)))))
            for i in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
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

    def test_it_can_be_written(self, index: IndexBackend) -> None:
        assert index.read_only_reason() is None
        index.close()
