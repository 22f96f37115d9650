from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from store_samples import ARTIFACT, IR, NOW, SOURCE, Shop, open_shop, predicate, sha, trusting, verifier

from runtime.store.blobs import MANIFEST, WASM, BlobStore, digest_of
from runtime.store.errors import CorruptBlob, InvalidModule, NotVerified, StoreError
from runtime.store.memory import MemoryBackend, MemoryIndex
from runtime.store.repair import repair
from runtime.store.store import ModuleStore, open_folder
from runtime.store.upkeep import collect
from runtime.trust.errors import Expired, LogRewritten, StatementMismatch, TrustError, UntrustedKey
from runtime.trust.keys import SigningKey
from runtime.trust.seen import Seen
from runtime.trust.statement import Validity
from runtime.trust.store import TrustStore


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path / "store")


def refusal(store: ModuleStore) -> TrustError | StoreError:
    with pytest.raises((TrustError, StoreError)) as caught:
        store.fetch(store.list()[0])
    return caught.value


def test_a_published_module_is_found_by_all_its_keys(shop: Shop) -> None:
    store = shop.reopened()
    source_digest = digest_of(SOURCE.encode())
    assert store.find_by_source(source_digest, "compiler-1", "O2", "wasm32") == [shop.entry]
    assert store.find_by_definition(sha("retrieval")) == [shop.entry]
    assert store.find_by_interface(sha("interface")) == [shop.entry]
    assert store.find_by_interface(sha("interface"), target="wasm32") == [shop.entry]
    assert store.find_by_action(sha("actionshop.pricing")) == shop.entry
    export = shop.entry.export("retrieval_key", sha("retrieval"))
    assert export is not None and export.name == "quote"


def test_a_hit_by_source_needs_the_same_compiler_level_and_target(shop: Shop) -> None:
    source_digest = digest_of(SOURCE.encode())
    for compiler, level, target in [
        ("compiler-2", "O2", "wasm32"),
        ("compiler-1", "O0", "wasm32"),
        ("compiler-1", "O2", "rtfs-ir"),
    ]:
        assert shop.store.find_by_source(source_digest, compiler, level, target) == []
    assert shop.store.find_by_interface(sha("interface"), target="rtfs-ir") == []


def test_a_fetched_module_is_complete(shop: Shop) -> None:
    store = shop.reopened()
    fetched = store.fetch(shop.entry)
    assert fetched.artifact == ARTIFACT
    assert fetched.statement.predicate.exports == predicate().exports
    assert store.source(shop.entry) == SOURCE
    assert store.ir(shop.entry) == IR
    verifier(trusting(shop.key)).verify(store.manifest(shop.entry), digest_of(ARTIFACT))


def test_publishing_again_changes_nothing(shop: Shop) -> None:
    again = shop.store.publish(ARTIFACT, predicate(), shop.key, source=SOURCE, ir=IR)
    assert again.entry == shop.entry and not again.created
    assert shop.store.stats()["blobs"]["manifest"]["count"] == 1


def test_source_and_ir_may_be_left_out(shop: Shop) -> None:
    entry = shop.store.publish(ARTIFACT, predicate(salt="bare"), shop.key).entry
    assert shop.store.source(entry) is None and shop.store.ir(entry) is None
    assert entry.description.source_digest is None


def test_a_digest_that_is_not_that_of_the_source_is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidModule, match="source"):
        shop.store.publish(ARTIFACT, predicate(salt="2", source_digest=sha("other")), shop.key, source=SOURCE)


def test_only_valid_modules_are_published(tmp_path: Path) -> None:
    key = SigningKey.generate()

    def validate(artifact: bytes, target: str) -> None:
        if not artifact.startswith(b"\0asm"):
            raise ValueError("bad magic number")

    store = open_folder(tmp_path / "store", verifier(trusting(key)), validate=validate)
    with pytest.raises(InvalidModule, match="bad magic number"):
        store.publish(b"nonsense", predicate(), key)
    assert not (tmp_path / "store").exists()
    assert store.publish(ARTIFACT, predicate(), key).created


def test_an_unknown_target_is_refused(shop: Shop) -> None:

    p = predicate(salt="2")
    with pytest.raises(InvalidModule, match="x86"):
        shop.store.publish(ARTIFACT, p._replace(build=p.build._replace(target="x86")), shop.key)


def test_a_damaged_entry_is_quarantined_for_all_and_healed_by_publishing(shop: Shop) -> None:
    shop.artifact.write_bytes(b"damaged")
    store = shop.reopened()
    error = refusal(store)
    assert isinstance(error, CorruptBlob)
    store.quarantine(store.list()[0], error)
    other = shop.reopened()
    assert other.find_by_interface(sha("interface")) == []
    assert other.list()[0].status == "Pending" and "ST008" in other.list()[0].status_reason
    with pytest.raises(NotVerified):
        other.fetch(other.list()[0])
    healed = other.publish(ARTIFACT, predicate(), shop.key, source=SOURCE)
    assert healed.created
    assert other.find_by_interface(sha("interface")) == [healed.entry]
    assert other.fetch(healed.entry).artifact == ARTIFACT
    assert len(other.list()) == 1


def test_a_refusal_by_local_policy_is_not_held_against_the_entry(shop: Shop) -> None:
    store = shop.reopened(trust=TrustStore())
    error = refusal(store)
    assert isinstance(error, UntrustedKey)
    store.quarantine(store.list()[0], error)
    assert store.find_by_interface(sha("interface")) == []
    assert shop.reopened().find_by_interface(sha("interface")) == [shop.entry]


def test_publishing_over_an_entry_that_is_not_trusted_replaces_it(shop: Shop) -> None:
    mine = SigningKey.generate()
    store = shop.reopened(trust=trusting(mine))
    published = store.publish(ARTIFACT, predicate(), mine)
    assert published.created and published.entry.signer == mine.public.key_id
    assert store.fetch(published.entry).signers == (mine.public.key_id,)
    assert len(store.list()) == 1


def test_an_expired_entry_is_published_anew(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "store", validity=Validity(None, NOW + 10))
    store = shop.reopened(now=NOW + 100)
    assert isinstance(refusal(store), Expired)
    renewed = store.publish(ARTIFACT, predicate(validity=Validity(None, NOW + 1000)), shop.key)
    assert renewed.created
    assert store.fetch(renewed.entry).artifact == ARTIFACT


def test_a_module_that_would_be_refused_at_once_is_not_published(shop: Shop) -> None:
    with pytest.raises(Expired):
        shop.store.publish(ARTIFACT, predicate(salt="2", validity=Validity(None, NOW - 10)), shop.key)
    assert len(shop.store.list()) == 1


def test_uses_are_written_on_close_and_at_exit_of_the_owner(shop: Shop) -> None:
    store = shop.reopened()
    for _ in range(3):
        store.touch(shop.entry)
    assert store.list()[0].use_count == 0
    store.flush()
    assert store.list()[0].use_count == 3
    store.touch(shop.entry)
    again = shop.reopened()
    assert again.list()[0].use_count == 4
    assert again.list()[0].last_used_ms is not None
    assert again.stats()["uses"] == 4


def test_entries_are_found_by_id_name_and_digest(shop: Shop) -> None:
    store, entry = shop.store, shop.entry
    for text in (str(entry.id), "shop.pricing", entry.digest, entry.digest[:12]):
        assert store.get(text) == entry
    for text in ("999", "shop", entry.digest[:5], ""):
        assert store.get(text) is None


def test_stats_count_what_is_there(shop: Shop) -> None:
    stats = shop.store.stats()
    assert stats["modules"] == {"Verified": 1, "Pending": 0, "Revoked": 0}
    assert stats["blobs"]["wasm"] == {"count": 1, "bytes": len(ARTIFACT)}
    assert stats["blobs"]["source"]["count"] == stats["blobs"]["manifest"]["count"] == 1


def test_checking_leaves_the_folder_as_it_was(shop: Shop) -> None:
    before = sorted(shop.folder.rglob("*"))
    assert shop.store.check().writable
    assert sorted(shop.folder.rglob("*")) == before


def test_repair_removes_what_nobody_needs(shop: Shop) -> None:
    orphan = shop.store.blobs.put(WASM, b"nobody points here")
    abandoned = shop.folder / "blobs" / "tmp" / "half"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (1, 1))
    done = repair(shop.store)
    assert (done.orphans, done.abandoned, done.restored, done.removed) == (1, 1, 0, 0)
    assert orphan not in [digest for digest, _ in shop.store.blobs.digests(WASM)]
    assert shop.store.fetch(shop.entry).artifact == ARTIFACT
    assert shop.store.source(shop.entry) == SOURCE and shop.store.ir(shop.entry) == IR


def test_repair_decides_pending_entries(shop: Shop) -> None:
    bad = shop.store.publish(ARTIFACT + b"!", predicate(salt="bad"), shop.key).entry
    shop.store.blobs.delete(WASM, bad.digest)
    for entry in (shop.entry, bad):
        shop.store.index.set_status(entry.id, "Pending", "crash")
    done = repair(shop.store)
    assert (done.restored, done.removed) == (1, 1)
    assert shop.store.list() == [shop.entry]


def test_a_lost_race_leaves_no_second_manifest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another signer publishes the action between our look and our entry."""
    rival = SigningKey.generate()
    folder = shop.folder
    both = trusting(shop.key, rival)
    ours, theirs = (open_folder(folder, verifier(both)) for _ in range(2))
    genuine = ours.index.add

    def late(*args: object, **options: object) -> object:
        theirs.publish(ARTIFACT, predicate(salt="race"), rival)
        return genuine(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ours.index, "add", late)
    published = ours.publish(ARTIFACT, predicate(salt="race"), shop.key)
    assert not published.created and published.entry.signer == rival.public.key_id
    assert len(list(ours.blobs.digests(MANIFEST))) == 2  # that of the shop's first module, and the rival's


def test_a_store_in_memory_works_the_same() -> None:
    key = SigningKey.generate()
    store = ModuleStore(BlobStore(MemoryBackend()), MemoryIndex(), verifier(trusting(key)))
    entry = store.publish(ARTIFACT, predicate(), key, source=SOURCE).entry
    assert store.fetch(store.find_by_definition(sha("retrieval"))[0]).artifact == ARTIFACT
    assert store.source(entry) == SOURCE
    assert not store.publish(ARTIFACT, predicate(), key).created
    assert repair(store).orphans == 0
    store.close()


def test_a_name_stands_for_its_current_version(shop: Shop) -> None:
    newer = shop.store.publish(ARTIFACT + b"2", predicate(salt="2"), shop.key).entry
    assert shop.store.get("shop.pricing") == newer
    shop.store.index.set_current("shop.pricing", shop.entry.id)
    assert shop.store.get("shop.pricing") == shop.entry
    shop.store.index.set_status(shop.entry.id, "Revoked", "bad")
    with pytest.raises(NotVerified, match="not verified any more"):
        shop.store.get("shop.pricing")
    shop.store.index.set_current("shop.pricing", None)
    assert shop.store.get("shop.pricing") == newer
    shop.store.index.set_status(newer.id, "Pending", "damaged")
    found = shop.store.get("shop.pricing")
    assert found is not None and found.status == "Pending"


def test_a_digest_never_means_a_name(shop: Shop) -> None:
    digest = shop.entry.digest
    shop.store.publish(ARTIFACT + b"!", predicate(name=digest), shop.key)
    assert shop.store.get(digest) == shop.entry


def test_a_name_that_is_a_number_goes_before_numbers_of_entries(shop: Shop) -> None:
    named = shop.store.publish(ARTIFACT + b"!", predicate(name=str(shop.entry.id)), shop.key).entry
    assert shop.store.get(str(shop.entry.id)) == named


def test_a_beginning_of_several_digests_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shop.store.publish(ARTIFACT + b"!", predicate(name="other"), shop.key).entry
    monkeypatch.setattr(shop.store.index, "starting", lambda prefix: [other, shop.entry])
    with pytest.raises(StoreError, match="2 digests begin with abcd1234") as caught:
        shop.store.get("abcd1234")
    assert caught.value.hint == "give more digits"


# -- rows that somebody wrote by hand: SQLite keeps any value in any column

ODD: dict[str, Any] = {"bytes": b"\0\xff", "text": "x", "float": 1.5, "large": 2**63 - 1, "below": -1}
COLUMNS = (
    "name", "version", "doc", "target", "level", "compiler_fingerprint", "action_key", "interface_hash",
    "source_digest", "storage_pointer", "source_pointer", "ir_pointer", "signature", "signer",
    "validation_status", "status_reason", "creation_timestamp", "last_used_timestamp", "use_count", "serial",
    "pinned",
)  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_of_another_type_is_refused_or_does_not_matter(shop: Shop, column: str, kind: str) -> None:
    edit(shop, f"UPDATE rtfs_modules SET {column} = ?", ODD[kind])
    use_all(shop)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(
    "column", ["name", "kind", "def_hash", "interface_hash", "retrieval_key", "effects", "position"]
)
def test_a_value_of_another_type_in_an_export(shop: Shop, column: str, kind: str) -> None:
    edit(shop, f"UPDATE rtfs_exports SET {column} = ?", ODD[kind])
    use_all(shop)


@pytest.mark.parametrize("effects", ["{}", "[1]", "null", "[" * 100_000, '["a"'])
def test_effects_that_are_no_list_of_texts(shop: Shop, effects: str) -> None:
    edit(shop, "UPDATE rtfs_exports SET effects = ?", effects)
    [entry] = shop.store.list()
    with pytest.raises(StatementMismatch):
        shop.store.examine(entry)
    use_all(shop)


def edit(shop: Shop, statement: str, *values: Any) -> None:
    """Where the schema lets it."""
    shop.store.close()
    with closing(sqlite3.connect(shop.folder / "index.sqlite")) as connection:
        with suppress(sqlite3.IntegrityError):
            connection.execute(statement, values)
        connection.commit()
    shop.reopened()


def use_all(shop: Shop) -> None:
    """Nothing fails but as errors of the store and of trust do."""
    store = shop.store
    for entry in store.list():
        assert json.dumps(entry) and time.gmtime(entry.created_ms / 1000) is not None
        with suppress(TrustError, StoreError):
            assert store.fetch(entry).artifact == ARTIFACT
        store.index.history(entry.name)
        with suppress(TrustError, StoreError):
            store.source(entry)
    store.stats()
    collect(store, dry_run=True)
    repair(store)
    store.publish(ARTIFACT, predicate(salt="other"), shop.key)


@pytest.mark.parametrize("leaf", ["text", 5, 1.5, b"\xff", ""])
def test_a_leaf_of_another_type_is_a_log_that_was_rewritten(shop: Shop, leaf: Any) -> None:
    seen = Seen()
    shop.store.close()
    with open_folder(shop.folder, verifier(trusting(shop.key), seen=seen)) as store:
        store.log.refresh()
    edit(shop, "UPDATE rtfs_log SET leaf = ?", leaf)
    with (
        open_folder(shop.folder, verifier(trusting(shop.key), seen=seen)) as store,
        pytest.raises(LogRewritten),
    ):
        store.fetch(shop.entry)
