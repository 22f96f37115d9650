"""Disks that are full, folders that cannot be written, indexes that are not ours."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from store_samples import ARTIFACT, IR, SOURCE, Shop, open_shop, predicate, sha, trusting, verifier

from runtime.store import folder as folder_module
from runtime.store.errors import DamagedIndex, ReadOnlyStore, StoreBusy, StoreError, StoreFull
from runtime.store.store import open_folder
from runtime.trust.errors import UntrustedKey
from runtime.trust.keys import SigningKey
from runtime.trust.store import TrustStore

SUPPORT = str(Path(__file__).parents[1] / "support")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path / "store")


def files(folder: Path) -> set[str]:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


def test_reading_a_store_that_does_not_exist_finds_nothing_and_makes_nothing(tmp_path: Path) -> None:
    store = open_folder(tmp_path / "absent", verifier(TrustStore()))
    assert store.find_by_definition(sha("x")) == store.find_by_interface(sha("x")) == store.list() == []
    assert store.find_by_action(sha("x")) is None and store.get("name") is None
    assert store.stats()["modules"]["Verified"] == 0
    assert store.check().writable
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_store_opened_read_only_serves_hits_and_refuses_to_publish(shop: Shop) -> None:
    shop.store.close()
    store = open_folder(shop.folder, verifier(trusting(shop.key)), read_only=True)
    [entry] = store.find_by_interface(sha("interface"))
    assert store.fetch(entry).artifact == ARTIFACT
    assert store.check().reason == "opened read-only"
    store.touch(entry)
    store.quarantine(entry, StoreError("damaged"))
    assert store.find_by_interface(sha("interface")) == []
    with pytest.raises(ReadOnlyStore):
        store.publish(ARTIFACT, predicate(salt="2"), shop.key)
    assert store.publish(ARTIFACT, predicate(), shop.key).created is False
    store.close()
    [entry] = shop.reopened().list()
    assert entry.use_count == 0 and entry.status == "Verified"


READ_AS_NOBODY = f"""
import os, sys
sys.path.insert(0, {SUPPORT!r})
from pathlib import Path
from store_samples import *
from runtime.trust.keys import PublicKey
from runtime.trust.store import TrustedKey, TrustStore
from runtime.store.errors import ReadOnlyStore
import runtime.store.sqlite, runtime.store.folder, zstandard, sqlite3, concurrent.futures.thread
key = SigningKey.generate()
key.sign(b"loads cryptography")
mine = TrustedKey(PublicKey(bytes.fromhex(sys.argv[2])), "k")
trust = TrustStore().with_key(mine).with_key(TrustedKey(key.public, "own"))
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = open_folder(Path(sys.argv[1]), verifier(trust))
[entry] = store.find_by_interface(sha("interface"))
assert store.fetch(entry).artifact == ARTIFACT
assert store.source(entry) == SOURCE
try:
    store.publish(ARTIFACT, predicate(salt="2"), key)
    sys.exit("published into a read-only folder")
except ReadOnlyStore as error:
    print(error)
health = store.check()
assert not health.writable, health
print(health.reason)
store.touch(entry)
store.close()
"""


def test_a_folder_that_cannot_be_written_degrades_to_read_only() -> None:
    """As another user, since root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        Path(name).chmod(0o755)
        shop = open_shop(Path(name) / "store")
        shop.store.close()
        everything = [shop.folder, *shop.folder.rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        command = [sys.executable, "-c", READ_AS_NOBODY, str(shop.folder), shop.key.public.raw.hex()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 2 and str(shop.folder) in done.stdout
        assert len(shop.reopened().list()) == 1
        shop.store.close()


@pytest.mark.parametrize("step", range(4))
def test_a_disk_that_fills_up_at_any_blob_leaves_no_entry(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    before, calls = files(shop.folder), [0]
    genuine = folder_module.write_new

    def full(path: Path, data: bytes, **options: Any) -> None:
        calls[0] += 1
        if calls[0] > step:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        genuine(path, data, **options)

    monkeypatch.setattr(folder_module, "write_new", full)
    with pytest.raises(StoreFull, match="No space left on device"):
        shop.store.publish(b"\0asm other", predicate(salt="2"), shop.key, source=SOURCE + " ", ir=IR + b"2")
    assert shop.store.find_by_definition(sha("retrieval2")) == []
    new = files(shop.folder) - before
    assert len(new) == step and not any("tmp" in name for name in new), "no half-written file is left"
    monkeypatch.undo()
    store = shop.reopened()
    assert store.publish(b"\0asm other", predicate(salt="2"), shop.key).created
    assert len(store.list()) == 2


def test_a_file_size_limit_is_reported_as_a_full_store(shop: Shop) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    genuine = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(StoreFull):
            shop.store.publish(ARTIFACT + b"big", predicate(salt="2"), shop.key)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, genuine)
    assert [entry.name for entry in shop.store.list()] == ["shop.pricing"]
    assert not list((shop.folder / "blobs" / "tmp").iterdir())


def test_an_index_that_cannot_grow_leaves_no_entry(shop: Shop) -> None:
    connection = shop.store.index._open()  # type: ignore[attr-defined]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="no space left"):
        for i in range(100):
            shop.store.publish(ARTIFACT, predicate(salt=str(i), doc="long " * 1000), shop.key)
    store = shop.reopened()
    for entry in store.list():
        assert store.fetch(entry).artifact == ARTIFACT


def test_a_newer_schema_is_read_and_not_written(shop: Shop) -> None:
    shop.store.close()
    with sqlite3.connect(shop.folder / "index.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("ALTER TABLE rtfs_modules ADD COLUMN novelty TEXT")
    connection.close()
    store = shop.reopened()
    assert store.fetch(store.list()[0]).artifact == ARTIFACT
    assert "newer rtfsc" in (store.check().reason or "")
    with pytest.raises(ReadOnlyStore):
        store.publish(ARTIFACT, predicate(salt="2"), shop.key)
    store.close()


def test_a_file_that_is_no_database(shop: Shop) -> None:
    shop.store.close()
    for path in shop.folder.glob("index.sqlite*"):
        path.unlink()
    (shop.folder / "index.sqlite").write_bytes(b"this is not a database" * 100)
    store = shop.reopened()
    with pytest.raises(DamagedIndex, match="damaged"):
        store.list()
    assert not store.check().writable


def test_a_database_that_is_locked_for_too_long(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.store.sqlite_file.BUSY_TIMEOUT_S", 0.05)
    store = shop.reopened()
    other = sqlite3.connect(shop.folder / "index.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        store.publish(ARTIFACT, predicate(salt="2"), shop.key)
    assert store.fetch(store.list()[0]).artifact == ARTIFACT, "readers do not wait for writers"
    store.touch(store.list()[0])
    store.flush()  # counters that cannot be written are dropped without a word
    other.execute("ROLLBACK")
    other.close()
    assert store.publish(ARTIFACT, predicate(salt="2"), shop.key).created


def test_a_key_that_is_not_trusted_leaves_nothing_behind(tmp_path: Path) -> None:
    store = open_folder(tmp_path / "store", verifier(TrustStore()))
    with pytest.raises(UntrustedKey):
        store.publish(ARTIFACT, predicate(), SigningKey.generate())
    assert list(tmp_path.iterdir()) == []
