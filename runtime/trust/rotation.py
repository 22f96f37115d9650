"""Replaces a key by a new one of the same name, and lets the old one say so.

The statement stays beside the keys as ``NAME.<id of the old one>.rotation``.  Who trusts the old key can
trust the new one because of it, and what the old one signed before keeps its validity; the private half of
the old key is gone, so that it signs nothing more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from runtime.trust import records
from runtime.trust.errors import BadSignature, KeyFileError, TrustError
from runtime.trust.files import write_atomic
from runtime.trust.keys import KeyInfo, KeyRing, Prompt, PublicKey, SigningKey, refuse_empty, short
from runtime.trust.records import Rotation, Signed


class Rotated(NamedTuple):
    """``statement``: the file in which the old key names the new one."""

    old: PublicKey
    new: KeyInfo
    statement: Path
    signed: Signed


def rotate(
    ring: KeyRing,
    name: str,
    *,
    prompt: Prompt | None = None,
    passphrase: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Rotated:
    """``passphrase``: of the new key.  An interrupted rotation leaves the old key or the new one.

    Raises `KeyFileError`, `WrongPassphrase`.
    """
    refuse_empty(passphrase)
    old, new = ring.load(name, prompt), SigningKey.generate()
    signed = records.sign(Rotation(old.public.key_id, new.public, int(clock())), old, new)
    path = ring.folder / f"{name}.{short(old.public.key_id)}.rotation"
    try:
        write_atomic(path, signed.envelope.encode(), mode=0o644)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot write: {error.strerror}") from error
    return Rotated(old.public, ring.replace(name, new, passphrase=passphrase), path, signed)


def rotations(ring: KeyRing, name: str) -> list[Signed]:
    """What the former keys of that name said about their successors, oldest first."""
    found = [_read(path) for path in sorted(ring.folder.glob(f"{name}.{'[0-9a-f]' * 16}.rotation"))]
    return sorted(found, key=lambda signed: signed.record.time)


def leading_here(ring: KeyRing, name: str) -> list[Signed]:
    """Of those statements the ones that lead to the key of that name as it is now, oldest first: one of an
    interrupted rotation may name a key that was never kept."""
    by_new = {s.record.new: s for s in rotations(ring, name) if isinstance(s.record, Rotation)}
    by_id = {key.key_id: key for key in by_new}
    key: PublicKey | None = ring.public(name)
    chain: list[Signed] = []
    while key is not None and key in by_new and by_new[key] not in chain:
        chain.append(by_new[key])
        key = by_id.get(chain[-1].record.subject)
    return chain[::-1]


def was_replaced(ring: KeyRing, name: str, old: PublicKey, new: PublicKey) -> bool:
    """Whether a statement names ``new`` the successor of ``old``."""
    said = (signed.record for signed in rotations(ring, name))
    return any(isinstance(r, Rotation) and (r.old, r.new) == (old.key_id, new) for r in said)


def read(data: bytes) -> Signed:
    """A statement of rotation, signed by the new key; whether the old one signed it is for those to say who
    have that key.  Raises `TrustError`."""
    signed = records.read_envelope(data)
    if not isinstance(signed.record, Rotation):
        raise BadSignature("Not a statement about the successor of a key")
    signed.verify(signed.record.new)
    return signed


def _read(path: Path) -> Signed:
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except TrustError as error:
        raise KeyFileError(f"{path}: {error.message}", hint="restore it from a copy") from error
