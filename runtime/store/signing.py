"""What signers do with modules that are in a store: countersign, withdraw, go back to an older version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.store.blobs import MANIFEST
from runtime.store.errors import StoreBusy, StoreError
from runtime.trust import envelope as dsse
from runtime.trust.errors import TrustError, UntrustedKey
from runtime.trust.keys import SigningKey, short

if TYPE_CHECKING:
    from runtime.store.index import Entry, Status
    from runtime.store.store import ModuleStore

_TRIES = 5
_VERSIONS_READ = 8


def countersign(store: ModuleStore, entry: Entry, *keys: SigningKey) -> Entry:
    """Adds signatures to what others have signed, and puts them on record.  An entry that waited for them
    is Verified then.  Signing again changes nothing.

    Raises `TrustError` if the entry lacks anything but signatures, or a key is not trusted; `StoreError`.
    """
    for key in keys:
        if not store.verifier.trusted_signers([key.public.key_id]):
            raise UntrustedKey(
                f"Key {short(key.public.key_id)}, which would sign, is not trusted here",
                hint="rtfsc trust add NAME --role review",
            )
    for _ in range(_TRIES):
        signed = _countersigned(store, entry, keys)
        if signed is not None:
            return signed
        entry = store.index.get(entry.id) or entry  # somebody signed meanwhile
    raise StoreBusy(f"{entry.name}: others sign it at the same time", hint="try again")


def _countersigned(store: ModuleStore, entry: Entry, keys: tuple[SigningKey, ...]) -> Entry | None:
    """None if the entry has changed meanwhile."""
    before = dsse.parse(store.manifest(entry))
    after = before
    for key in keys:
        after = after.countersigned(key)
    if after == before:
        return entry
    manifest = after.encode()
    statement = store.but_for_signatures(entry, manifest).statement
    missing = store.missing_signatures(manifest, entry.digest)
    signature = store.blobs.put(MANIFEST, manifest)
    leaf = store.log.leaf_of(statement, keys[0])
    if not store.index.set_manifest(entry.id, entry.signature, signature, leaf):
        return None
    store.blobs.put_back([(MANIFEST, manifest)])
    status: Status = "Pending" if missing else "Verified"
    store.index.set_status(entry.id, status, missing, signature=signature)
    store.log.published(statement, keys[0])
    if not missing:
        store.let_stand(entry)
    return entry._replace(signature=signature, status=status, status_reason=missing)


def withdraw(store: ModuleStore, entry: Entry, reason: str, key: SigningKey) -> None:
    """Revokes a module for everybody who reads the store or a copy of it, signed by ``key``: one that
    signed the module, or has the role ``revoke``."""
    store.log.revoke(key, modules=[(entry.digest, reason)])
    store.revoke(entry, reason)


def roll_back(store: ModuleStore, entry: Entry, reason: str, key: SigningKey) -> None:
    """Lets an older version stand for its name again, on record: those who saw a newer one accept it, and
    no longer the newer ones that there are now.

    Raises `TrustError` if the version does not verify or the key may not publish the name; `StoreError`.
    """
    verified = store.fetch(entry).verified
    newest = max(_serials(store, entry.name, every=True), default=0)
    seen = store.log.seen_serial(entry.name, key)
    store.log.roll_back(verified, max(newest, seen), reason, key)
    store.index.set_current(entry.name, entry.id)


def next_serial(store: ModuleStore, name: str, key: SigningKey) -> int:
    """Above every version of the name that the store can show or this user has seen of the key."""
    newest = max(_serials(store, name, every=False), default=0)
    return max(newest, store.log.seen_serial(name, key)) + 1


def _serials(store: ModuleStore, name: str, *, every: bool) -> list[int]:
    """What was signed about the versions; of the newest one that verifies, or of all."""
    found: list[int] = []
    for entry in store.index.history(name, None if every else _VERSIONS_READ):
        try:
            verified = store.verifier.but_for_signatures(store.manifest(entry), entry.digest)
        except (TrustError, StoreError):
            continue
        found.append(verified.statement.predicate.serial)
        if not every:
            break
    return found
