"""Copies of remote blobs: bound, order of use, and that nothing that goes wrong with them matters."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.store.blobs import SOURCE, WASM, BlobStore, digest_of
from runtime.store.cache import BlobCache, default_folder
from runtime.store.errors import CorruptBlob, MissingBlob
from runtime.store.memory import MemoryBackend


class Counting(MemoryBackend):
    """Counts what is asked of the remote side."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def read(self, name: str, limit: int) -> bytes:
        self.reads += 1
        return super().read(name, limit)


@pytest.fixture
def remote() -> Counting:
    return Counting()


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "cache")


def copy_of(cache: BlobCache, digest: str, kind: str = "wasm") -> Path:
    return cache.folder / kind / digest[:2] / digest[2:]


@pytest.mark.parametrize("kind", [WASM, SOURCE])
def test_a_blob_is_fetched_once(remote: Counting, cache: BlobCache, kind: Any) -> None:
    digest = BlobStore(remote).put(kind, b"data")
    blobs = BlobStore(remote, cache)
    assert [blobs.get(kind, digest) for _ in range(3)] == [b"data"] * 3
    assert remote.reads == 1
    assert BlobStore(remote, BlobCache(cache.folder)).get(kind, digest) == b"data", "by other processes too"
    assert remote.reads == 1


def test_what_is_published_is_at_hand(remote: Counting, cache: BlobCache) -> None:
    blobs = BlobStore(remote, cache)
    assert blobs.get(WASM, blobs.put(WASM, b"data")) == b"data" and remote.reads == 0


def test_a_damaged_copy_is_fetched_anew(remote: Counting, cache: BlobCache) -> None:
    blobs = BlobStore(remote, cache)
    for kind in (WASM, SOURCE):
        digest = blobs.put(kind, b"data" * 100)
        copy = copy_of(cache, digest, kind.name)
        for damage in (b"", b"data", b"x" * 400):
            copy.write_bytes(damage)
            assert blobs.get(kind, digest) == b"data" * 100
            assert blobs.get(kind, digest) == b"data" * 100
    assert remote.reads == 6


def test_a_copy_that_is_no_file(remote: Counting, cache: BlobCache, tmp_path: Path) -> None:
    blobs = BlobStore(remote, cache)
    digest = blobs.put(WASM, b"data")
    copy = copy_of(cache, digest)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"data")
    for replace in (copy.mkdir, lambda: copy.symlink_to(elsewhere), lambda: os.mkfifo(copy)):
        if copy.is_dir():
            copy.rmdir()
        else:
            copy.unlink()
        replace()
        assert blobs.get(WASM, digest) == b"data"
    assert elsewhere.read_bytes() == b"data"


def test_what_the_remote_side_damaged_is_not_kept(remote: Counting, cache: BlobCache) -> None:
    blobs = BlobStore(remote, cache)
    digest = digest_of(b"data")
    remote.write(f"wasm/{digest[:2]}/{digest[2:]}", b"dada")
    with pytest.raises(CorruptBlob):
        blobs.get(WASM, digest)
    assert not copy_of(cache, digest).exists()
    assert blobs.get(WASM, BlobStore(remote).put(WASM, b"data")) == b"data"


def test_deleted_is_deleted_here_too(remote: Counting, cache: BlobCache) -> None:
    blobs = BlobStore(remote, cache)
    digest = blobs.put(WASM, b"data")
    blobs.delete(WASM, digest)
    with pytest.raises(MissingBlob):
        blobs.get(WASM, digest)


def test_it_never_holds_more_than_its_bound(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 10_000)
    for i in range(200):
        cache.put(f"wasm/{i % 100:02d}/{i}", os.urandom(100 + 7 * i % 900))
        assert cache.size() <= 10_000
    assert cache.size() > 5_000
    cache.put("wasm/aa/too-large", b"x" * 10_001)
    assert cache.get("wasm/aa/too-large", 1 << 20) is None and cache.size() > 5_000


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path, 1000)
    names = [f"wasm/aa/{i}" for i in range(9)]
    for i, name in enumerate(names):
        cache.put(name, b"x" * 100)
        os.utime(tmp_path / name, (time.time() - 1000 + i,) * 2)
    assert cache.get(names[0], 100) is not None, "used again"
    cache.put("wasm/bb/new", b"x" * 200)
    left = [name for name in names if cache.get(name, 100) is not None]
    assert names[0] in left and names[8] in left and names[1] not in left and names[2] not in left


def test_several_processes_keep_to_the_bound_together(tmp_path: Path) -> None:
    caches = [BlobCache(tmp_path, 16_000) for _ in range(4)]
    for i in range(400):
        caches[i % 4].put(f"wasm/{i % 4}/{i}", b"x" * 200)
    assert caches[0].size() <= 16_000 * (1 + 4 / 16)


def test_a_folder_that_cannot_be_used_is_a_miss(remote: Counting, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blobs = BlobStore(remote, BlobCache(tmp_path / "file" / "cache"))
    digest = blobs.put(WASM, b"data")
    assert blobs.get(WASM, digest) == b"data" and remote.reads == 1
    blobs.delete(WASM, digest)


def test_a_full_disk_is_a_miss(remote: Counting, cache: BlobCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes, **_: object) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    blobs = BlobStore(remote, cache)
    monkeypatch.setattr("rtfsc.files.write_new", full)
    digest = blobs.put(WASM, b"data" * 100)
    assert blobs.get(WASM, digest) == b"data" * 100
    assert cache.size() == 0, "nothing half-written is left"
    monkeypatch.undo()
    assert blobs.get(WASM, digest) == b"data" * 100 and cache.size() == 400


def test_its_default_place(tmp_path: Path) -> None:
    assert default_folder({"RTFSC_CACHE_DIR": str(tmp_path)}) == tmp_path / "blobs"
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "rtfsc" / "blobs"
    assert default_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "rtfsc" / "blobs"
