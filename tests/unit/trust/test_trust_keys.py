from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from runtime.trust import keys
from runtime.trust.errors import BadSignature, KeyFileError, WrongPassphrase
from runtime.trust.keys import PASSPHRASE_FILE, KeyRing, PublicKey, SigningKey


@pytest.fixture(autouse=True)
def no_passphrase_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE_FILE, raising=False)


def test_a_new_key_is_private_and_signs(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    info = ring.new("local")
    assert stat.S_IMODE(info.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    key = ring.load("local")
    assert key.public == info.public == ring.public("local")
    key.public.verify(key.sign(b"message"), b"message")
    assert info.public.key_id == hashlib.sha256(info.public.raw).hexdigest()


def test_a_signature_of_other_bytes_or_another_key_is_refused() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"message")
    for public, value, message in [
        (key.public, signature, b"other"),
        (SigningKey.generate().public, signature, b"message"),
        (key.public, signature[:-1], b"message"),
    ]:
        with pytest.raises(BadSignature):
            public.verify(value, message)


def test_keys_are_listed_and_exported_without_passphrase(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    assert ring.list() == []
    ring.new("team", passphrase="secret")
    ring.new("local")
    assert [info.name for info in ring.list()] == ["local", "team"]
    assert PublicKey.from_pem(ring.export("team").encode()) == ring.public("team")
    assert "team" in ring and "other" not in ring


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    info = ring.new("team", passphrase="schön")
    assert b"ENCRYPTED" in info.path.read_bytes()
    asked: list[str] = []

    def prompt(name: str) -> str:
        asked.append(name)
        return "schön"

    assert ring.load("team", prompt).public == info.public
    assert asked == ["team"]
    with pytest.raises(WrongPassphrase):
        ring.load("team", lambda name: "falsch")
    with pytest.raises(WrongPassphrase, match="needs a passphrase"):
        ring.load("team")


def test_the_passphrase_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(tmp_path)
    info = ring.new("team", passphrase="secret")
    (tmp_path / "word").write_text("secret\r\nsecond line\n")
    monkeypatch.setenv(PASSPHRASE_FILE, str(tmp_path / "word"))
    assert ring.load("team").public == info.public
    monkeypatch.setenv(PASSPHRASE_FILE, str(tmp_path / "absent"))
    with pytest.raises(KeyFileError, match=PASSPHRASE_FILE):
        ring.load("team")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    ring = KeyRing(tmp_path)
    path = ring.new("local").path
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="others can read") as caught:
        ring.load("local")
    assert "chmod 600" in (caught.value.hint or "")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    before = ring.new("local").path.read_bytes()
    with pytest.raises(KeyFileError, match="exists already"):
        ring.new("local")
    assert (tmp_path / "local.pem").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["local.pem", "local.pub"]


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = keys.write_atomic

    def full(path: Path, data: bytes, **options: Any) -> None:
        if path.suffix == ".pub":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        genuine(path, data, **options)

    monkeypatch.setattr(keys, "write_atomic", full)
    with pytest.raises(KeyFileError, match="No space left"):
        KeyRing(tmp_path).new("local")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "x" * 65, "a b", "-rf"])
def test_a_key_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyFileError, match="no name for a key"):
        KeyRing(tmp_path).new(name)


def test_what_is_not_an_ed25519_key_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    weak = generate_private_key(SECP256R1())
    path = tmp_path / "weak.pem"
    path.write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    ring = KeyRing(tmp_path)
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        ring.load("weak")
    public = weak.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        PublicKey.from_pem(public)
    path.write_bytes(b"nonsense")
    with pytest.raises(KeyFileError, match="not a private key"):
        ring.load("weak")
    with pytest.raises(KeyFileError, match="no such key"):
        ring.load("absent")
