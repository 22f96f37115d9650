"""Keys that took the place of others: who is trusted then, and for what."""

from __future__ import annotations

from typing import Any


def adopt(runtime: Any, signed: Any) -> Any:
    """Lets the successor of a trusted key take its place; returns it. Raises `TrustError`."""
    from runtime.trust.errors import RevokedKey

    record, trust = signed.record, runtime.trust_file.load()
    old = trust.find(record.old)
    if old is not None:
        signed.verify(old.public)
        if not runtime.verifier.trusted_signers([record.old]) and runtime.verifier.trust.find(record.old):
            raise RevokedKey(f"Key {old.name!r} is revoked on record, it cannot name a successor")
    after = runtime.trust_file.change(lambda t: t.with_successor(record.old, record.new, record.time))
    return after.find(record.new.key_id)


def is_adopted(runtime: Any, signed: Any) -> bool:
    known = runtime.trust_file.load().find(signed.record.new.key_id)
    return known is not None and known.succeeds == signed.record.old


def adopt_own(runtime: Any, name: str) -> list[Any]:
    """What a rotation of one's own key left undone when it was interrupted, or has just to do: the keys that
    took the place of trusted ones."""
    from runtime.trust.rotation import leading_here

    trust = runtime.trust_file.load()
    adopted: list[Any] = []
    for signed in leading_here(runtime.keys, name):
        if not is_adopted(runtime, signed) and (adopted or trust.find(signed.record.subject) is not None):
            adopted.append(adopt(runtime, signed))
    return adopted
