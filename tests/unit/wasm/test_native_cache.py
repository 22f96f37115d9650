"""The cache of machine code: hits, and everything that must be a miss."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from wasm_samples import artifact

from runtime.wasm import engine as wasm_engine
from runtime.wasm import native_cache
from runtime.wasm.bridge import bridge_status
from runtime.wasm.executor import WasmExecutor
from runtime.wasm.native_cache import NativeCache, default_folder

DIGEST = hashlib.sha256(b"module").digest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "native"


def test_what_was_put_is_found(folder: Path) -> None:
    cache = NativeCache("setup", folder)
    assert cache.get(DIGEST) is None
    cache.put(DIGEST, b"machine code")
    assert NativeCache("setup", folder).get(DIGEST) == b"machine code"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_another_setup_misses(folder: Path) -> None:
    NativeCache("setup", folder).put(DIGEST, b"machine code")
    assert NativeCache("other", folder).get(DIGEST) is None


@pytest.mark.parametrize("at", [0, 20, 47, -1])
def test_a_changed_byte_is_a_miss(folder: Path, at: int) -> None:
    cache = NativeCache("setup", folder)
    cache.put(DIGEST, b"machine code")
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    assert cache.get(DIGEST) is None
    assert not file.exists()


def test_a_file_under_another_name_is_a_miss(folder: Path) -> None:
    cache = NativeCache("setup", folder)
    cache.put(DIGEST, b"machine code")
    cache.put(hashlib.sha256(b"other").digest(), b"other code")
    one, two = folder.iterdir()
    one.write_bytes(two.read_bytes())
    two.unlink()
    assert cache.get(DIGEST) is None or cache.get(hashlib.sha256(b"other").digest()) is None
    assert sum(cache.get(hashlib.sha256(name).digest()) is not None for name in (b"module", b"other")) == 0


def test_a_folder_open_to_others_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    cache = NativeCache("setup", folder)
    cache.put(DIGEST, b"machine code")
    assert cache.get(DIGEST) is None
    assert list(folder.iterdir()) == []
    assert "0700" in str(cache.unusable_reason())


def test_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    cache = NativeCache("setup", folder)
    cache.put(DIGEST, b"machine code")
    (file,) = folder.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert cache.get(DIGEST) is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = NativeCache("setup", tmp_path / "file" / "native")
    cache.put(DIGEST, b"machine code")
    assert cache.get(DIGEST) is None
    assert cache.unusable_reason()


def test_old_entries_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_cache, "_MOST_FILES", 8)
    monkeypatch.setattr(native_cache, "_PRUNE_EVERY", 1)
    cache = NativeCache("setup", folder)
    digests = [hashlib.sha256(bytes([n])).digest() for n in range(20)]
    for n, digest in enumerate(digests):
        cache.put(digest, b"machine code")
        os.utime(folder / cache._path(digest).name, ns=(n, n))
    kept = [n for n, digest in enumerate(digests) if cache.get(digest)]
    assert len(kept) <= 9
    assert kept == list(range(20 - len(kept), 20))


def test_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("RTFSC_CACHE_DIR", raising=False)
    assert default_folder() == tmp_path / "xdg" / "rtfsc" / "native"
    monkeypatch.setenv("RTFSC_CACHE_DIR", str(tmp_path / "own"))
    assert default_folder() == tmp_path / "own" / "native"


def test_a_second_executor_does_not_compile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = artifact()
    assert bridge_status().direct, "so that the self-test's module is not among the entries"
    assert WasmExecutor(folder).instantiate(data).run() == 42
    entries = sorted(os.listdir(folder))
    assert len(entries) == 2, "rt and the module"
    second = WasmExecutor(folder)
    compiled: list[bytes] = []
    monkeypatch.setattr(second.cache(), "put", lambda digest, native: compiled.append(digest))
    assert second.instantiate(data).run() == 42
    assert compiled == []


def test_poisoned_machine_code_is_compiled_anew(folder: Path) -> None:
    data = artifact()
    WasmExecutor(folder).instantiate(data).close()
    for file in folder.iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    assert WasmExecutor(folder).instantiate(data).run() == 42


def test_sealed_nonsense_is_compiled_anew(folder: Path) -> None:
    """As after an update of wasmtime that kept its version: the seal fits, wasmtime refuses."""
    data = artifact()
    first = WasmExecutor(folder)
    first.cache().put(hashlib.sha256(data).digest(), b"nonsense")
    assert first.instantiate(data).run() == 42
    native = first.cache().get(hashlib.sha256(data).digest())
    assert native is not None
    assert wasm_engine.engine().restore(native).imports()[0] == ("rtfs", "memory")
