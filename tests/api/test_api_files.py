"""`rtfsc.load`: modules from files and bytes, signed and not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from commands import run

import rtfsc
from rtfsc.driver import compile_text
from rtfsc.options import CompileOptions
from runtime.trust.errors import BadSignature, DigestMismatch, Malformed, UntrustedKey

SOURCE = "(defn twice [n : Int] : Int (* 2 n))\n(def x 5)\n(defn fail [n] (/ n 0))\n"


def built(target: str = "wasm32") -> Any:
    return compile_text(SOURCE, CompileOptions(target=target))


@pytest.fixture(params=["wasm32", "rtfs-ir"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_load_of_bytes_and_of_a_file(tmp_path: Path, target: str) -> None:
    data = built(target).artifact
    path = tmp_path / "m.bin"
    path.write_bytes(data)
    for module in (rtfsc.load(data), rtfsc.load(path), rtfsc.load(str(path))):
        assert list(module) == ["twice", "x", "fail"] and module.twice(4) == 8 and module.x == 5
        assert module.__provenance__.origin == "file" and module.__provenance__.signer is None
        with pytest.raises(rtfsc.DivisionByZero) as caught:
            module.fail(1)
        assert SOURCE[slice(*caught.value.span)] == "(/ n 0)"


COMPILER = ("lark", "rtfsc.syntax", "rtfsc.lower", "rtfsc.passes")


def test_load_does_not_load_the_compiler(tmp_path: Path) -> None:
    path = tmp_path / "m.wasm"
    path.write_bytes(built().artifact)
    code = (
        "import sys, rtfsc; assert rtfsc.load(sys.argv[1]).twice(4) == 8; "
        f"print([m for m in sys.modules if m.startswith({COMPILER})])"
    )
    assert run(sys.executable, "-c", code, path, cwd=tmp_path) == "[]\n"


@pytest.fixture
def signed(runtime: rtfsc.Runtime, tmp_path: Path, target: str) -> Path:
    compilation = built(target)
    path = tmp_path / "m.bin"
    path.write_bytes(compilation.artifact)
    Path(f"{path}.dsse").write_bytes(runtime.sign(compilation, "local"))
    return path


def test_a_signed_file(signed: Path, runtime: rtfsc.Runtime) -> None:
    module = rtfsc.load(signed)
    assert module.twice(4) == 8
    assert module.__provenance__.signer == runtime.keys.public("local").key_id


def test_signed_files_that_are_refused(signed: Path, runtime: rtfsc.Runtime) -> None:
    manifest = Path(f"{signed}.dsse")
    data, signature = signed.read_bytes(), manifest.read_bytes()
    signed.write_bytes(data + b"\0")
    with pytest.raises(DigestMismatch):
        rtfsc.load(signed)
    signed.write_bytes(data)
    head, _, tail = signature.rpartition(b'"sig":"')
    manifest.write_bytes(head + b'"sig":"' + b"AAAA" + tail[4:])
    with pytest.raises(BadSignature):
        rtfsc.load(signed)
    manifest.write_bytes(b"{}")
    with pytest.raises(Malformed):
        rtfsc.load(signed)
    manifest.write_bytes(signature)
    assert rtfsc.load(signed).twice(1) == 2
    runtime.paths.trust.unlink()
    with pytest.raises(UntrustedKey) as caught:
        rtfsc.load(signed)
    assert isinstance(caught.value, rtfsc.TrustError) and caught.value.code == "T002"


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\0asm", b"\0asm\1\0\0\0", b"\0rtfsir\1", b"\0rtfsir\1\5abc"], ids=repr
)
def test_bytes_that_are_no_module(data: bytes) -> None:
    with pytest.raises(rtfsc.ModuleRejected):
        rtfsc.load(data)


def test_every_cut_of_a_module_is_refused(target: str) -> None:
    data = built(target).artifact
    for n in range(0, len(data), max(1, len(data) // 60)):
        with pytest.raises(rtfsc.ModuleRejected):
            rtfsc.load(data[:n])


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        rtfsc.load("absent.wasm")


def test_limits_of_a_loaded_module() -> None:
    data = compile_text("(defn spin [n] (spin n))").artifact
    with pytest.raises(rtfsc.DeadlineExceeded):
        rtfsc.load(data, limits=rtfsc.Limits(deadline_ms=50)).spin(1)
