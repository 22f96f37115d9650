"""Attacks with modules: that ask for more than was signed, are too large, or have other machine code."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runner import runner
from shops import Place, open_shop_at
from store_samples import ARTIFACT, predicate

from backend_wasm.imports import read_imports
from rtfsc.source import SourceFile
from runtime.engine import LOCAL_KEY, Runtime
from runtime.retrieving import RefusedEntry
from runtime.store.blobs import WASM, Kind
from runtime.store.errors import InvalidModule, TooLarge
from runtime.trust import envelope as dsse
from runtime.trust import statement as intoto
from runtime.trust.errors import DigestMismatch, NotLogged, StatementMismatch, Unsigned
from runtime.trust.policy import Policy
from runtime.wasm.errors import ModuleRejected

TRIPLE = "(defn triple [x : Int] : Int (* x 3))"
ASKING = "(defn shout [x] (call :ccos.io.println x))"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RTFSC_CACHE_DIR", str(tmp_path / "cache"))
    with Runtime.init(store=tmp_path / "store", home=tmp_path / "home") as runtime:
        yield runtime


def sign_as(runtime: Runtime, artifact: bytes, change: Callable[[Any], Any]) -> bytes:
    """A manifest by a trusted key that says of the artifact what ``change`` makes of the truth."""
    compilation = runtime.compilation(SourceFile("m", TRIPLE))
    stated = intoto.parse(dsse.parse(runtime.sign(compilation, LOCAL_KEY)).payload)
    digest = hashlib.sha256(artifact).hexdigest()
    statement = stated._replace(digest=digest, predicate=change(stated.predicate))
    return dsse.sign(statement.encode(), runtime.keys.load(LOCAL_KEY)).encode()


def beside(folder: Path, artifact: bytes, manifest: bytes) -> Path:
    path = folder / "m.wasm"
    path.write_bytes(artifact)
    (folder / "m.wasm.dsse").write_bytes(manifest)
    return path


def test_module_importing_what_it_did_not_declare(runtime: Runtime, tmp_path: Path) -> None:
    """It asks the host for something, and its signed statement says that it has no effects."""
    artifact = runtime.compilation(SourceFile("m", ASKING)).artifact
    assert ("rtfs_host", "host", "function") in read_imports(artifact)
    path = beside(tmp_path, artifact, sign_as(runtime, artifact, lambda p: p._replace(effects=())))
    with pytest.raises(StatementMismatch, match="asks the host"):
        runtime.load(path)
    path = beside(tmp_path, artifact, sign_as(runtime, artifact, lambda p: p._replace(effects=("host",))))
    assert runtime.load(path)["shout"]


def test_stored_module_importing_what_it_did_not_declare(runtime: Runtime) -> None:
    artifact = runtime.compilation(SourceFile("m", ASKING)).artifact
    key = runtime.keys.load(LOCAL_KEY)
    entry = runtime.store.publish(artifact, predicate(), key).entry
    with pytest.raises(StatementMismatch, match="asks the host"):
        runtime.get(entry)


@pytest.mark.parametrize(
    "wanted", ['"env" "system"', '"rtfs_host" "open"', '"wasi_snapshot_preview1" "fd_write"']
)
def test_module_importing_what_no_module_may(runtime: Runtime, tmp_path: Path, wanted: str) -> None:
    """Whoever signed it: neither published nor run."""
    from wasm_samples import BODY, HEAD, artifact

    data = artifact(HEAD + f"(import {wanted} (func))" + BODY)
    with pytest.raises(InvalidModule, match="imports"):
        runtime.store.publish(data, predicate(), runtime.keys.load(LOCAL_KEY))
    path = beside(tmp_path, data, sign_as(runtime, data, lambda p: p._replace(effects=("host",))))
    with pytest.raises(ModuleRejected, match="imports"):
        runtime.load(path)


def test_effects_of_published_modules_are_stated(runtime: Runtime) -> None:
    programs = {
        ASKING: ("ccos.io.println",),
        TRIPLE: (),
        '(declare g [x : Int] : Int "doubles")(def f g)': None,
    }
    for text, effects in programs.items():
        published = runtime.publish(SourceFile("m", text), name="m", inputs=1)
        stated = runtime.store.examine(published.entry).statement.predicate.effects
        assert stated == effects if effects is not None else stated


def test_oversize_module(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither taken in nor read: the store may hold one that another program put there."""
    shop = open_shop_at(place)
    small = Kind("wasm", len(ARTIFACT) - 1)
    monkeypatch.setattr("runtime.store.store.ARTIFACT_KINDS", {"wasm32": small})
    with pytest.raises(TooLarge):
        shop.publish(ARTIFACT, salt="2")
    with pytest.raises(TooLarge):
        shop.reopened().fetch(shop.entry)
    assert len(shop.store.list()) == 1 and WASM.limit == 64 << 20
    shop.close()


def test_poisoned_native_cache(tmp_path: Path) -> None:
    """Machine code that somebody changed is compiled anew from the verified module."""
    cli = runner(tmp_path, tmp_path / "cache")
    cli("init", ".")
    cli.file("m.rtfs", TRIPLE)
    cli("publish", "m.rtfs", "--inputs", "1")
    assert cli("run", "--stored", "m", "triple", "2").stdout == "6\n"
    files = [path for path in (tmp_path / "cache" / "native").rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = bytearray(path.read_bytes())
        content[-len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    assert cli("run", "--stored", "m", "triple", "2").stdout == "6\n"


def test_refused_module_is_compiled_anew_where_the_source_is_at_hand(runtime: Runtime) -> None:
    source = SourceFile("m", TRIPLE)
    entry = runtime.publish(source, name="m", inputs=1).entry
    runtime.store.blobs.backend.write(f"wasm/{entry.digest[:2]}/{entry.digest[2:]}", b"poison")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = runtime.compile_source(source)
    assert module["triple"](2) == 6
    assert [w.category for w in caught] == [RefusedEntry]


def test_file_with_a_manifest_of_another(runtime: Runtime, tmp_path: Path) -> None:
    artifact = runtime.compilation(SourceFile("m", TRIPLE)).artifact
    path = beside(tmp_path, artifact, sign_as(runtime, artifact + b"!", lambda p: p))
    with pytest.raises(DigestMismatch):
        runtime.load(path)


def test_file_without_the_proof_that_the_policy_asks_for(runtime: Runtime, tmp_path: Path) -> None:
    artifact = runtime.compilation(SourceFile("m", TRIPLE)).artifact
    path = beside(tmp_path, artifact, sign_as(runtime, artifact, lambda p: p))
    assert runtime.load(path)["triple"](2) == 6
    runtime.trust_file.change(lambda trust: trust.with_policy(Policy(logged=True)))
    with Runtime(home=tmp_path / "home") as strict, pytest.raises(NotLogged, match="no proof beside"):
        strict.load(path)


def test_unsigned_file_gets_no_capability(tmp_path: Path, runtime: Runtime) -> None:
    artifact = runtime.compilation(SourceFile("m", ASKING)).artifact
    path = tmp_path / "m.wasm"
    path.write_bytes(artifact)
    from runtime.values import RtfsError
    from runtime.vouched import verified_file

    with Runtime(home=tmp_path / "home", grant=["ccos.io.println"]) as granted, pytest.raises(RtfsError):
        granted.load(path)["shout"]("x")
    with pytest.raises(Unsigned):
        verified_file(path, artifact, runtime.verifier)
