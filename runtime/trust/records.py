"""What the publication log records: signed statements about modules, keys and the log itself.

A record is a DSSE envelope of a payload type of its own.  A leaf of the log is a line with kind and
subject, so that a log can be searched without being decoded, and the envelope; `read` refuses a leaf whose
line does not say what was signed.  Times are seconds since 1970, by the clock of the signer.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from runtime.trust import envelope as dsse
from runtime.trust import strict
from runtime.trust.errors import Malformed
from runtime.trust.keys import PublicKey, SigningKey
from runtime.trust.statement import Statement, read_time, time_text

RECORD_TYPE = "application/vnd.rtfsc.record+json"
LEAF_LIMIT = 1 << 20
_LINE = re.compile(rb"([a-z]+) ([0-9a-f]{64})\n")


class Publication(NamedTuple):
    """``module``: digest of the artifact; ``statement``: SHA-256 of what was signed about it; ``serial``:
    its version among those of this signer and name."""

    name: str
    serial: int
    module: str
    statement: str
    time: int

    @property
    def subject(self) -> str:
        return self.statement

    @classmethod
    def of(cls, statement: Statement) -> Publication:
        """As the signer would record it when signing."""
        predicate = statement.predicate
        return cls(
            predicate.name, predicate.serial, statement.digest, statement.statement_id, predicate.signed_at
        )

    @classmethod
    def read(cls, fields: strict.Fields) -> Publication:
        return cls(
            fields.text("name"),
            fields.take("serial", int),
            fields.digest("module"),
            fields.digest("statement"),
            read_time(fields, "time"),
        )


class Revocation(NamedTuple):
    """``keys`` and ``modules``: ids and digests with the reasons."""

    keys: tuple[tuple[str, str], ...]
    modules: tuple[tuple[str, str], ...]
    time: int

    @property
    def subject(self) -> str:
        return _digest_of_text("revocation")

    @classmethod
    def read(cls, fields: strict.Fields) -> Revocation:
        return cls(_reasons(fields, "keys"), _reasons(fields, "modules"), read_time(fields, "time"))


class Rotation(NamedTuple):
    """The key ``old`` (an id) names its successor; signed by both."""

    old: str
    new: PublicKey
    time: int

    @property
    def subject(self) -> str:
        return self.old

    @classmethod
    def read(cls, fields: strict.Fields) -> Rotation:
        old = fields.digest("old")
        new = PublicKey(strict.base64_bytes(fields.text("new"), f"{fields.what}.new"))
        if len(new.raw) != 32:
            raise fields.fault("not an Ed25519 key", "new")
        return cls(old, new, read_time(fields, "time"))


class Rollback(NamedTuple):
    """From now on the version ``serial`` of the name stands for it, and none up to ``over`` that is newer:
    said by the signer of the version."""

    name: str
    serial: int
    over: int
    module: str
    reason: str
    time: int

    @property
    def subject(self) -> str:
        return _digest_of_text(self.name)

    @classmethod
    def read(cls, fields: strict.Fields) -> Rollback:
        return cls(
            fields.text("name"),
            fields.take("serial", int),
            fields.take("over", int),
            fields.digest("module"),
            fields.text("reason"),
            read_time(fields, "time"),
        )


class Head(NamedTuple):
    """The signer saw the first ``size`` leaves, and this (hex) is the root of the tree over them."""

    size: int
    root: str
    time: int

    @property
    def subject(self) -> str:
        return self.root

    @classmethod
    def read(cls, fields: strict.Fields) -> Head:
        return cls(fields.take("size", int), fields.digest("root"), read_time(fields, "time"))


Record = Publication | Revocation | Rotation | Rollback | Head
_KINDS: dict[str, type[Record]] = {
    kind.__name__.lower(): kind for kind in (Publication, Revocation, Rotation, Rollback, Head)
}


class Signed(NamedTuple):
    """A record and its envelope.  Nothing is verified yet."""

    record: Record
    envelope: dsse.Envelope

    @property
    def leaf(self) -> bytes:
        return _line(self.record) + self.envelope.encode()

    def key_ids(self) -> tuple[str, ...]:
        return tuple(signature.key_id for signature in self.envelope.signatures)

    def verify(self, key: PublicKey) -> None:
        """Raises `BadSignature` unless the key is among the signers and its signature fits."""
        for signature in self.envelope.signatures:
            if signature.key_id == key.key_id:
                key.verify(signature.value, self.envelope.signed)
                return
        key.verify(b"", self.envelope.signed)


def kind_of(record: Record) -> str:
    return type(record).__name__.lower()


def sign(record: Record, *keys: SigningKey) -> Signed:
    return Signed(record, dsse.sign(_encode(record), *keys, payload_type=RECORD_TYPE))


def read(leaf: bytes) -> Signed:
    """Raises `Malformed` for anything that `Signed.leaf` would not write."""
    if len(leaf) > LEAF_LIMIT:
        raise Malformed(f"log: a leaf of {len(leaf)} bytes, the limit is {LEAF_LIMIT}")
    head = label(leaf)
    signed = read_envelope(leaf[leaf.index(b"\n") + 1 :])
    if head != (kind_of(signed.record), signed.record.subject):
        raise Malformed(f"log: a leaf labelled {head[0]} {head[1][:16]} that holds something else")
    return signed


def read_envelope(data: bytes) -> Signed:
    """A record without the line before it.  Raises `Malformed`, `Unsigned`."""
    envelope = dsse.parse(data, RECORD_TYPE)
    value = strict.parse(envelope.payload, limit=LEAF_LIMIT, what="record")
    fields = strict.Fields(value, "record")
    kind = fields.text("kind")
    if kind not in _KINDS:
        raise Malformed(f"record: kind {kind!r} is unknown")
    record = _KINDS[kind].read(fields)
    fields.done()
    if _encode(record) != envelope.payload:
        raise Malformed("record: not in canonical form")
    return Signed(record, envelope)


def label(leaf: bytes) -> tuple[str, str]:
    """Kind and subject as the leaf's line has them.  Raises `Malformed`."""
    match = _LINE.match(leaf)
    if match is None:
        raise Malformed("log: a leaf that is no record")
    return match[1].decode(), match[2].decode()


def _line(record: Record) -> bytes:
    return f"{kind_of(record)} {record.subject}\n".encode()


def _encode(record: Record) -> bytes:
    return strict.canonical(
        {"kind": kind_of(record), **{k: _json(k, v) for k, v in record._asdict().items()}}
    )


def _json(name: str, value: Any) -> Any:
    if name == "time":
        return time_text(value)
    if name in ("keys", "modules"):
        return [{"id": i, "reason": reason} for i, reason in value]
    return strict.base64_text(value.raw) if isinstance(value, PublicKey) else value


def _reasons(fields: strict.Fields, name: str) -> tuple[tuple[str, str], ...]:
    entries = []
    for entry in fields.objects(name):
        entries.append((entry.digest("id"), entry.text("reason")))
        entry.done()
    return tuple(entries)


def _digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
