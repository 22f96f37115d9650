"""Keys that are encrypted, moved and replaced."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runtime.trust import keys as keys_module
from runtime.trust import pkcs8, records
from runtime.trust.errors import BadSignature, KeyFileError, TrustStoreError, WrongPassphrase
from runtime.trust.keys import PASSPHRASE_FILE, KeyRing, SigningKey
from runtime.trust.records import Rotation
from runtime.trust.rotation import read, rotate, rotations
from runtime.trust.store import TrustedKey, TrustStore

NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE_FILE, raising=False)
    monkeypatch.setattr(pkcs8, "SCRYPT_N", 1 << 10)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing(tmp_path)
    ring.new("team")
    return ring


def test_the_cost_of_a_try_is_high() -> None:
    import importlib

    assert importlib.reload(pkcs8).SCRYPT_N * pkcs8.SCRYPT_R * 128 == 128 << 20


def test_an_encrypted_key_is_pkcs8_that_others_read(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    info = KeyRing(tmp_path).new("k", passphrase="schön")
    key = load_pem_private_key(info.path.read_bytes(), "schön".encode())
    assert key.public_key().public_bytes_raw() == info.public.raw  # type: ignore[union-attr]
    again = KeyRing(tmp_path / "2").new("k", passphrase="schön")
    assert info.path.read_bytes()[60:100] != again.path.read_bytes()[60:100], "salted"


@pytest.mark.parametrize("cut", [40, 120, -40, -20])
def test_a_damaged_key_is_told_from_a_wrong_passphrase(tmp_path: Path, cut: int) -> None:
    ring = KeyRing(tmp_path)
    path = ring.new("k", passphrase="right").path
    with pytest.raises(WrongPassphrase, match="wrong passphrase"):
        ring.load("k", lambda name: "wrong")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(KeyFileError) as caught:
        ring.load("k", lambda name: "right")
    assert type(caught.value) is KeyFileError


def test_a_public_key_of_another_is_noticed(ring: KeyRing, tmp_path: Path) -> None:
    public = ring.new("other").public
    (tmp_path / "team.pub").write_bytes(public.pem())
    with pytest.raises(KeyFileError, match="not the public key of team"):
        ring.load("team")
    (tmp_path / "team.pub").unlink()
    assert ring.load("team").public == ring.public("team") != public


def test_the_old_key_names_the_new_one(ring: KeyRing) -> None:
    old = ring.load("team")
    done = rotate(ring, "team", clock=lambda: NOW)
    assert done.old == old.public and ring.load("team").public == done.new.public == ring.public("team")
    signed = read(done.statement.read_bytes())
    assert signed.record == Rotation(old.public.key_id, done.new.public, NOW)
    for key in (old.public, done.new.public):
        signed.verify(key)
    with pytest.raises(BadSignature):
        signed.verify(SigningKey.generate().public)
    third = rotate(ring, "team", clock=lambda: NOW + 1)
    assert [s.record for s in rotations(ring, "team")] == [signed.record, third.signed.record]


def test_a_rotation_keeps_a_passphrase_only_if_it_is_given_one(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.new("k", passphrase="first")
    with pytest.raises(WrongPassphrase):
        rotate(ring, "k", prompt=lambda name: "wrong")
    rotate(ring, "k", prompt=lambda name: "first", passphrase="second")
    assert ring.is_encrypted("k")
    assert ring.load("k", lambda name: "second")
    with pytest.raises(KeyFileError, match="empty"):
        rotate(ring, "k", prompt=lambda name: "second", passphrase="")


@pytest.mark.parametrize("suffix", [".rotation", ".pem", ".pub"])
def test_an_interrupted_rotation_leaves_the_old_key_or_the_new(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Dying before each of the three files is written."""
    from runtime.trust import rotation

    genuine, old = keys_module.write_atomic, ring.public("team")

    def dies(path: Path, data: bytes, **options: Any) -> None:
        if path.suffix == suffix:
            raise KeyboardInterrupt
        genuine(path, data, **options)

    for module in (keys_module, rotation):
        monkeypatch.setattr(module, "write_atomic", dies)
    with pytest.raises(KeyboardInterrupt):
        rotate(ring, "team")
    monkeypatch.undo()
    key = ring.load("team")
    assert (key.public == old) is (suffix != ".pub")
    assert ring.public("team") == key.public, "mended by loading"
    rotate(ring, "team")
    assert ring.load("team").public not in (old, key.public)


def test_statements_that_are_none_are_refused(ring: KeyRing) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    record = Rotation(old.public.key_id, new.public, NOW)
    with pytest.raises(BadSignature):
        read(records.sign(record, old).envelope.encode())  # the new key does not agree
    with pytest.raises(BadSignature, match="Not a statement"):
        read(records.sign(records.Head(0, "0" * 64, NOW), old).envelope.encode())


def test_the_successor_has_the_rights_of_the_old_key() -> None:
    old, new, other = (SigningKey.generate().public for _ in range(3))
    trust = TrustStore().with_key(TrustedKey(old, "team", ("shop.*",), roles=("publish", "review")))
    after = trust.with_successor(old.key_id, new, NOW)
    successor, retired = after.resolve("team"), after.find(old.key_id)
    assert (successor.public, successor.namespaces, successor.roles) == (
        new,
        ("shop.*",),
        ("publish", "review"),
    )
    assert retired is not None and retired.retired == NOW and after.owner(successor) == old.key_id
    assert after.with_successor(old.key_id, new, NOW) == after
    with pytest.raises(TrustStoreError, match="another successor"):
        after.with_successor(old.key_id, other, NOW)
    with pytest.raises(TrustStoreError, match="is not trusted"):
        TrustStore().with_successor(old.key_id, new, NOW)
    with pytest.raises(TrustStoreError, match="is revoked"):
        trust.revoke_key(old.key_id).with_successor(old.key_id, new, NOW)


def test_a_successor_that_was_trusted_already_is_the_same_signer_from_then_on() -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    trust = TrustStore().with_key(TrustedKey(old.public, "team"))
    trust = trust.with_key(TrustedKey(new.public, "mine", ("shop.*",)))
    after = trust.with_successor(old.public.key_id, new.public, NOW)
    before, successor = after.find(old.public.key_id), after.find(new.public.key_id)
    assert before is not None and successor is not None
    assert (before.name, before.retired) == ("team", NOW)
    assert (successor.name, successor.namespaces, successor.retired) == ("mine", ("shop.*",), None)
    assert after.owner(successor) == after.owner(before)
    assert after.with_successor(old.public.key_id, new.public, NOW) == after
    with pytest.raises(TrustStoreError, match="cannot succeed"):
        after.with_successor(new.public.key_id, old.public, NOW)


def test_keys_of_one_signer_remain_one_when_the_middle_one_is_removed() -> None:
    keys = [SigningKey.generate().public for _ in range(3)]
    trust = TrustStore().with_key(TrustedKey(keys[0], "team"))
    for old, new in pairwise(keys):
        trust = trust.with_successor(old.key_id, new, NOW)
    trust = trust.without_key(keys[1].key_id)
    first, last = trust.find(keys[0].key_id), trust.find(keys[2].key_id)
    assert first is not None and last is not None
    assert trust.owner(last) == trust.owner(first)
