"""What the records of the publication log mean: who published what, which versions stand, what is revoked.

A record says nothing by standing in the log: its signature by a trusted key does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from runtime.store.errors import StoreError
from runtime.store.index import Ledger
from runtime.store.log_tree import Audit, LogTree, read_record
from runtime.trust import merkle, records
from runtime.trust.errors import (
    Malformed,
    NotLogged,
    OutsideNamespace,
    RetiredKey,
    RolledBack,
    TrustError,
    UntrustedKey,
)
from runtime.trust.keys import SigningKey
from runtime.trust.policy import PUBLISH
from runtime.trust.proof import Proof, publishers
from runtime.trust.records import Head, Publication, Record, Revocation, Rollback, Rotation, Signed
from runtime.trust.seen import SeenStore
from runtime.trust.statement import Statement
from runtime.trust.store import TrustedKey
from runtime.trust.verifier import Verified, Verifier

_REFRESH_EVERY_S = 5.0


class PublicationLog:
    """``seen``: what this user remembers of the store."""

    def __init__(self, index: Ledger, seen: SeenStore, verifier: Verifier) -> None:
        self.seen, self._verifier = seen, verifier
        self._tree = LogTree(index, seen, verifier)
        self._refreshed: float | None = None
        self._applied = -1
        self._rollbacks: dict[str, list[tuple[int, Signed]]] = {}
        self._rotations: list[tuple[int, Signed]] = []
        self._confirmed: set[str] = set()

    # -- reading

    def refresh(self, *, now: bool = False) -> None:
        """Reads what is new, at most every few seconds unless ``now``, and applies the revocations in it.

        Raises `LogRewritten` if it is no continuation of what was seen before.
        """
        moment = time.monotonic()
        if now or self._refreshed is None or moment - self._refreshed > _REFRESH_EVERY_S:
            self._apply(self._tree.read().size)
            self._refreshed = moment

    def _apply(self, size: int) -> None:
        if self._applied == size:
            return
        rollbacks: dict[str, list[tuple[int, Signed]]] = {}
        rotations: list[tuple[int, Signed]] = []
        for position, leaf in self.seen.kept():
            signed = read_record(leaf)
            signers = self._verifier.signers_of(signed) if signed is not None else ()
            if signed is None or not signers:
                continue
            if isinstance(signed.record, Revocation):
                self._verifier.revoked(signed.record, signers)
            elif isinstance(signed.record, Rollback):
                rollbacks.setdefault(signed.record.name, []).append((position, signed))
            elif isinstance(signed.record, Rotation):
                rotations.append((position, signed))
        self._rollbacks, self._rotations = rollbacks, rotations  # whole: other threads read them
        self._applied = size

    def rotations(self) -> list[Signed]:
        """What trusted keys said about their successors, oldest first. A key that was revoked names none,
        whatever it said before: the thief may have said it."""
        self.refresh(now=True)
        return [
            signed
            for _, signed in self._rotations
            if any(key.public.key_id == signed.record.subject for key in self._verifier.signers_of(signed))
        ]

    def revocations(self) -> list[Signed]:
        """Those by trusted keys, oldest first: they travel with every copy of the store."""
        self.refresh(now=True)
        found = (read_record(leaf) for _, leaf in self.seen.kept())
        return [s for s in found if s and isinstance(s.record, Revocation) and self._verifier.signers_of(s)]

    def audit(self) -> Audit:
        """Reads everything again and compares it with what was seen and with every signed head.

        Raises `LogRewritten`.
        """
        return self._tree.audit()

    # -- publications

    def confirm(self, verified: Verified) -> None:
        """Where a policy asks for it: that the publication is on record.  Raises `NotLogged`."""
        name = verified.statement.predicate.name
        if not any(policy.logged for policy in self._verifier.trust.policies(name)):
            return
        statement_id = verified.statement.statement_id
        if statement_id not in self._confirmed:
            self.record_of(verified)
            self._confirmed.add(statement_id)

    def record_of(self, verified: Verified) -> tuple[int, bytes]:
        """Number and leaf of the publication, as one of its signers recorded it.  Raises `NotLogged`."""
        statement = verified.statement
        for position in self.seen.find("publication", statement.statement_id):
            leaf = self._tree.leaf(position)
            signed = read_record(leaf)
            try:
                signers = publishers(signed, verified, self._verifier)
            except (Malformed, UntrustedKey):
                continue  # anybody may have put it there
            self._refuse_retired(signers, position)
            return position, leaf
        raise NotLogged(
            f"The publication of {statement.predicate.name!r} ({statement.digest[:16]}) is not on record",
            hint="its signer can put it on record: rtfsc publish",
        )

    def records(self, leaf: bytes, verified: Verified) -> bool:
        """Whether a leaf, of whatever log, is the publication of this module by one of its signers."""
        try:
            return bool(publishers(read_record(leaf), verified, self._verifier))
        except (Malformed, UntrustedKey):
            return False

    def prove(self, verified: Verified) -> Proof:
        """That the publication is under the last head that a trusted key signed.  Raises `NotLogged`."""
        self.refresh(now=True)
        number, leaf = self.record_of(verified)
        head = self._tree.last_head(above=number)
        assert isinstance(head.record, Head)
        hashes = merkle.inclusion_proof(self.seen.hashes(0, head.record.size), number)
        return Proof(leaf, number, tuple(hashes), head)

    def _refuse_retired(self, signers: tuple[TrustedKey, ...], number: int) -> None:
        for key in signers:
            retired = self._retired_at(key)
            if retired is not None and number > retired:
                raise RetiredKey(f"Key {key.name!r} published this after it had named its successor")

    def _retired_at(self, key: TrustedKey) -> int | None:
        """The number of the record in which the key names its successor."""
        for number, signed in self._rotations:
            if signed.record.subject == key.public.key_id and key in self._verifier.signers_of(signed):
                return number
        return None

    # -- versions

    def confirm_version(self, verified: Verified, part: str = "") -> None:
        """For a module that was found by its name, or by the interface of its export (`part_of`): that no
        newer one of this signer was seen, unless it was rolled back.  Raises `RolledBack`."""
        predicate = verified.statement.predicate
        name, serial = predicate.name, predicate.serial
        owners = sorted({self._verifier.trust.owner(key) for key in verified.signers})
        newest = self.seen.version(name, part, owners)
        rollback = self._rollback_of(name)
        if rollback and rollback.serial < serial <= rollback.over:
            reason = rollback.reason or "no reason given"
            raise RolledBack(
                f"Version {serial} of {name!r} was rolled back to version {rollback.serial}: {reason}"
            )
        allowed = rollback is not None and rollback.serial == serial and newest <= rollback.over
        if serial < newest and not allowed:
            raise RolledBack(
                f"{name!r} is version {serial} here, version {newest} was seen before",
                hint="to go back on purpose, and on record: rtfsc store rollback; a digest names any version",
            )
        if serial > newest:
            self._note_version(verified.statement, owners)

    def seen_serial(self, name: str, key: SigningKey) -> int:
        """The highest serial that this user saw of the key under the name."""
        return self.seen.version(name, "", [self._owner(key)])

    def _owner(self, key: SigningKey) -> str:
        mine = self._verifier.trust.find(key.public.key_id)
        return self._verifier.trust.owner(mine) if mine else key.public.key_id

    def _note_version(self, statement: Statement, owners: list[str]) -> None:
        predicate = statement.predicate
        parts = {part_of(export.name, export.interface_hash) for export in predicate.exports}
        self.seen.note_version(predicate.name, sorted({"", *parts}), owners, predicate.serial)

    def _rollback_of(self, name: str) -> Rollback | None:
        """The last one by a key that was a publisher of that name then."""
        for number, signed in reversed(self._rollbacks.get(name, [])):
            record = signed.record
            if isinstance(record, Rollback) and any(
                PUBLISH in key.roles and key.covers(name) and self._signed_in_time(key, number, record.time)
                for key in self._verifier.signers_of(signed)
            ):
                return record
        return None

    def _signed_in_time(self, key: TrustedKey, number: int, time: int) -> bool:
        """Whether the key was valid, and not replaced yet, when it put that on record."""
        retired = self._retired_at(key)
        return (
            key.validity.includes(time)
            and (key.retired is None or time <= key.retired)
            and (retired is None or number < retired)
        )

    # -- writing

    def leaf_of(self, statement: Statement, key: SigningKey) -> bytes:
        """The record of a publication, to be added together with the entry."""
        return records.sign(Publication.of(statement)._replace(time=self._now()), key).leaf

    def published(self, statement: Statement, key: SigningKey) -> None:
        """Remembers the version and signs the tree with the new record.  That can wait for the next one, so
        it is no reason to fail what is done already."""
        with suppress(StoreError, TrustError):
            self._note_version(statement, [self._owner(key)])
            self.seal(key)

    def append(self, record: Record, *keys: SigningKey) -> Signed:
        """Signs a record and puts it into the log, with a new head.  Raises `StoreError`."""
        signed = records.sign(record, *keys)
        self._tree.index.append_log(signed.leaf)
        self.seal(keys[0])
        return signed

    def adopt(self, signed: Iterable[Signed]) -> int:
        """Takes over revocations, rotations and rollbacks from elsewhere that are not here yet; returns
        how many."""
        self.refresh(now=True)
        known = {leaf for _, leaf in self.seen.kept()}
        new = list(dict.fromkeys(s.leaf for s in signed if s.leaf not in known))
        for leaf in new:
            self._tree.index.append_log(leaf)
        self.refresh(now=True)
        return len(new)

    def seal(self, key: SigningKey) -> Head:
        """Signs the tree as it is now and puts that into the log."""
        self.refresh(now=True)
        frontier = self.seen.frontier()
        head = Head(frontier.size, frontier.root().hex(), self._now())
        self._tree.index.append_log(records.sign(head, key).leaf)
        self.refresh(now=True)
        return head

    def revoke(
        self,
        key: SigningKey,
        *,
        keys: Iterable[tuple[str, str]] = (),
        modules: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Puts ids of keys and digests of modules, with reasons, on record as revoked."""
        self.append(Revocation(tuple(keys), tuple(modules), self._now()), key)
        self.refresh(now=True)

    def roll_back(self, verified: Verified, over: int, reason: str, key: SigningKey) -> None:
        """Puts on record that this version stands for its name again, in place of those up to the serial
        ``over``.  Raises `OutsideNamespace`."""
        predicate = verified.statement.predicate
        mine = self._verifier.trust.find(key.public.key_id)
        if mine is None or PUBLISH not in mine.roles or not mine.covers(predicate.name):
            raise OutsideNamespace(f"The key may not publish {predicate.name!r}, so it cannot roll it back")
        digest = verified.statement.digest
        self.append(Rollback(predicate.name, predicate.serial, over, digest, reason, self._now()), key)
        self.refresh(now=True)

    def _now(self) -> int:
        return int(self._verifier.clock.checked())


def part_of(export: str, interface_hash: str) -> str:
    """By what versions are told apart where a module is found by the interface of an export: unrelated
    modules may have the same name."""
    return f"{export} {interface_hash}"
