"""That a publication is on record: a file beside the module (``x.wasm.proof``), checked without a store."""

from __future__ import annotations

from typing import NamedTuple

from runtime.trust import merkle, records, strict
from runtime.trust.errors import BadProof, Malformed, UntrustedKey
from runtime.trust.records import Head, Publication, Signed
from runtime.trust.store import TrustedKey
from runtime.trust.verifier import Verified, Verifier

PROOF_LIMIT = 2 << 20
_SCHEMA = 1
_MOST_HASHES = 64


class Proof(NamedTuple):
    """``leaf``: the record of the publication, ``number`` of the log; ``hashes`` lead from it to the
    root that ``head`` states."""

    leaf: bytes
    number: int
    hashes: tuple[bytes, ...]
    head: Signed

    def encode(self) -> bytes:
        return strict.canonical(
            {
                "schema": _SCHEMA,
                "leaf": strict.base64_text(self.leaf),
                "number": self.number,
                "hashes": [value.hex() for value in self.hashes],
                "head": strict.base64_text(self.head.envelope.encode()),
            }
        )

    def check(self, verified: Verified, verifier: Verifier) -> Head:
        """Needs nothing but the trust store.  Raises `BadProof`, `Malformed`, `UntrustedKey`."""
        publishers(records.read(self.leaf), verified, verifier)
        head = self.head.record
        if not isinstance(head, Head):
            raise BadProof("The proof has no head of a log")
        if not verifier.signers_of(self.head):
            raise UntrustedKey("The head of the log is signed by no trusted key", hint="rtfsc trust add FILE")
        leaf = merkle.leaf_hash(self.leaf)
        merkle.check_inclusion(leaf, self.number, head.size, self.hashes, bytes.fromhex(head.root))
        return head


def publishers(signed: Signed | None, verified: Verified, verifier: Verifier) -> tuple[TrustedKey, ...]:
    """The signers of the module that recorded its publication with this.

    Raises `Malformed` if the record is about something else, `UntrustedKey` if it is by none of them.
    """
    meant = Publication.of(verified.statement)
    if signed is None or type(signed.record) is not Publication or signed.record[:-1] != meant[:-1]:
        raise Malformed("log: this is not the record of the publication of the module")
    keys = {key.public for key in verified.signers}
    mine = tuple(key for key in verifier.signers_of(signed) if key.public in keys)
    if not mine:
        raise UntrustedKey("The publication was recorded by none of the module's signers")
    return mine


def parse(data: bytes) -> Proof:
    """Raises `Malformed` for anything that `Proof.encode` would not write."""
    fields = strict.Fields(strict.parse(data, limit=PROOF_LIMIT, what="proof"), "proof")
    if fields.take("schema", int) != _SCHEMA:
        raise Malformed(f"proof: not of schema {_SCHEMA}")
    leaf = strict.base64_bytes(fields.take("leaf", str), "proof.leaf")
    number, hashes = fields.take("number", int), fields.texts("hashes")
    head = strict.base64_bytes(fields.take("head", str), "proof.head")
    fields.done()
    if len(hashes) > _MOST_HASHES or not all(strict.is_digest(value) for value in hashes):
        raise Malformed("proof: hashes are not SHA-256 digests")
    proof = Proof(leaf, number, tuple(map(bytes.fromhex, hashes)), records.read_envelope(head))
    if proof.encode() != data:
        raise Malformed("proof: not in canonical form")
    return proof
