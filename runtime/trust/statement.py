"""What a signature says about a module: an in-toto statement.

The subject is the digest of the artifact.  The predicate is everything that a user relies on when the
module is found by a key instead of being compiled: whatever the index claims must be written here too.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from runtime.trust import strict
from runtime.trust.errors import Malformed

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:rtfsc:module:2"
STATEMENT_LIMIT = 3 << 20
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Export(NamedTuple):
    """An exported definition and the keys it is found by (64 hex digits each)."""

    name: str
    kind: str
    def_hash: str
    interface_hash: str
    retrieval_key: str
    effects: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "def_hash": self.def_hash,
            "interface_hash": self.interface_hash,
            "retrieval_key": self.retrieval_key,
            "effects": list(self.effects),
        }

    @classmethod
    def read(cls, fields: strict.Fields) -> Export:
        export = cls(
            fields.text("name"),
            fields.text("kind"),
            fields.digest("def_hash"),
            fields.digest("interface_hash"),
            fields.digest("retrieval_key"),
            fields.texts("effects"),
        )
        fields.done()
        return export


class Build(NamedTuple):
    """What the artifact was built from and for."""

    action_key: str
    target: str
    level: str
    compiler_fingerprint: str
    rt_digest: str
    abi: tuple[int, int]
    features: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "action_key": self.action_key,
            "target": self.target,
            "level": self.level,
            "compiler_fingerprint": self.compiler_fingerprint,
            "rt_digest": self.rt_digest,
            "abi": list(self.abi),
            "features": list(self.features),
        }

    @classmethod
    def read(cls, fields: strict.Fields) -> Build:
        abi = fields.take("abi", list)
        if len(abi) != 2 or not all(type(part) is int for part in abi):
            raise Malformed(f"{fields.what}: abi is not [major, minor]")
        build = cls(
            fields.digest("action_key"),
            fields.text("target"),
            fields.text("level"),
            fields.text("compiler_fingerprint"),
            fields.text("rt_digest"),
            (abi[0], abi[1]),
            fields.texts("features"),
        )
        fields.done()
        return build


class Certificate(NamedTuple):
    """That two engines agreed: on ``inputs`` generated from ``seed`` and the examples, whose digest is
    ``inputs_digest``.  ``inconclusive`` of them ended in a resource limit and prove nothing."""

    seed: int
    inputs: int
    inconclusive: int
    engines: tuple[str, ...]
    inputs_digest: str

    def to_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "inputs": self.inputs,
            "inconclusive": self.inconclusive,
            "engines": list(self.engines),
            "inputs_digest": self.inputs_digest,
        }

    @classmethod
    def read(cls, fields: strict.Fields) -> Certificate:
        certificate = cls(
            fields.take("seed", int),
            fields.take("inputs", int),
            fields.take("inconclusive", int),
            fields.texts("engines"),
            fields.digest("inputs_digest"),
        )
        fields.done()
        return certificate


class Validity(NamedTuple):
    """Seconds since 1970 (UTC), None = unbounded.  ``not_after`` is the last valid second."""

    not_before: int | None = None
    not_after: int | None = None

    def includes(self, time: int) -> bool:
        """Without tolerance for clocks."""
        return (self.not_before is None or time >= self.not_before) and (
            self.not_after is None or time <= self.not_after
        )

    def to_json(self) -> dict[str, Any]:
        return {"not_before": time_text(self.not_before), "not_after": time_text(self.not_after)}

    @classmethod
    def read(cls, fields: strict.Fields) -> Validity:
        validity = cls(
            fields.optional("not_before", lambda name: read_time(fields, name)),
            fields.optional("not_after", lambda name: read_time(fields, name)),
        )
        fields.done()
        return ALWAYS if validity == ALWAYS else validity


ALWAYS = Validity()


class Predicate(NamedTuple):
    """What is known about a module besides its bytes.  ``source_digest`` and ``ir_digest`` are those of
    the source text (UTF-8) and the serialised IR, if known.  ``serial`` counts what its signer published
    under this name in a store, from 1; 0 is for what is no version of anything.  ``signed_at``: when, in
    seconds since 1970, by the clock of the signer."""

    name: str
    build: Build
    exports: tuple[Export, ...]
    interface_hash: str
    version: str = ""
    doc: str = ""
    effects: tuple[str, ...] = ()
    source_digest: str | None = None
    ir_digest: str | None = None
    certificate: Certificate | None = None
    validity: Validity = ALWAYS
    serial: int = 0
    signed_at: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "build": self.build.to_json(),
            "exports": [export.to_json() for export in self.exports],
            "interface_hash": self.interface_hash,
            "version": self.version,
            "doc": self.doc,
            "effects": list(self.effects),
            "source_digest": self.source_digest,
            "ir_digest": self.ir_digest,
            "certificate": self.certificate.to_json() if self.certificate else None,
            "validity": self.validity.to_json(),
            "serial": self.serial,
            "signed_at": time_text(self.signed_at),
        }

    @classmethod
    def read(cls, fields: strict.Fields) -> Predicate:
        predicate = cls(
            fields.text("name"),
            Build.read(fields.object("build")),
            tuple(Export.read(export) for export in fields.objects("exports")),
            fields.digest("interface_hash"),
            fields.text("version"),
            fields.text("doc"),
            fields.texts("effects"),
            fields.optional("source_digest", fields.digest),
            fields.optional("ir_digest", fields.digest),
            fields.optional("certificate", lambda name: Certificate.read(fields.object(name))),
            Validity.read(fields.object("validity")),
            fields.take("serial", int),
            read_time(fields, "signed_at"),
        )
        fields.done()
        if not 0 <= predicate.serial < 1 << 63:
            raise fields.fault("out of range", "serial")
        return predicate


class Statement(NamedTuple):
    """``digest``: SHA-256 of the artifact, hex."""

    digest: str
    predicate: Predicate

    @property
    def statement_id(self) -> str:
        """SHA-256 of the encoded statement, hex: the same whoever signs it."""
        return hashlib.sha256(self.encode()).hexdigest()

    def encode(self) -> bytes:
        """Canonical JSON: the same statement always gives the same bytes."""
        return strict.canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.predicate.name, "digest": {"sha256": self.digest}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": self.predicate.to_json(),
            }
        )


def parse(payload: bytes) -> Statement:
    """Reads a statement; raises `Malformed` for anything that `Statement.encode` would not write."""
    fields = strict.Fields(strict.parse(payload, limit=STATEMENT_LIMIT, what="statement"), "statement")
    fields.constant("_type", STATEMENT_TYPE)
    fields.constant("predicateType", PREDICATE_TYPE)
    subjects = fields.objects("subject")
    if len(subjects) != 1:
        raise Malformed("statement: expected one subject")
    name, digest = _subject(subjects[0])
    predicate = Predicate.read(fields.object("predicate"))
    fields.done()
    if name != predicate.name:
        raise Malformed("statement: subject and predicate name different modules")
    statement = Statement(digest, predicate)
    if statement.encode() != payload:
        raise Malformed("statement: not in canonical form")
    return statement


def time_text(seconds: int | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(fields: strict.Fields, name: str) -> int:
    """A field with a time in the form of `time_text`."""
    try:
        return parse_time(fields.text(name))
    except ValueError:
        raise fields.fault(f"field {name!r} is not a time like 2026-01-31T00:00:00Z", name) from None


def parse_time(text: str) -> int:
    """Seconds since 1970 of a text like ``2026-01-31T00:00:00Z``.  Raises ``ValueError`` for any other."""
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def _subject(fields: strict.Fields) -> tuple[str, str]:
    name = fields.text("name")
    digests = fields.object("digest")
    digest = digests.digest("sha256")
    digests.done()
    fields.done()
    return name, digest
