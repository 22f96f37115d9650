"""DSSE envelopes: a payload and signatures over its pre-authentication encoding.

See https://github.com/secure-systems-lab/dsse.  The algorithm is fixed: Ed25519, so that no field of
an envelope can ask for a weaker one.
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.trust import strict
from runtime.trust.errors import Malformed, Unsigned
from runtime.trust.keys import SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Of manifests.  What else is signed has a type of its own, so that nothing can stand in for a manifest."""
ENVELOPE_LIMIT = 4 << 20
SIGNATURE_BYTES = 64
MOST_SIGNATURES = 16


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths, so that neither can run into the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class Signature(NamedTuple):
    key_id: str
    value: bytes


class Envelope(NamedTuple):
    payload: bytes
    signatures: tuple[Signature, ...]
    payload_type: str = PAYLOAD_TYPE

    @property
    def signed(self) -> bytes:
        """The bytes that every signature covers."""
        return pae(self.payload_type, self.payload)

    def countersigned(self, key: SigningKey) -> Envelope:
        """With the signature of one more key; the same one again changes nothing."""
        mine = Signature(key.public.key_id, key.sign(self.signed))
        others = (s for s in self.signatures if s.key_id != mine.key_id)
        return self._replace(signatures=tuple(sorted((*others, mine))))

    def encode(self) -> bytes:
        return strict.canonical(
            {
                "payloadType": self.payload_type,
                "payload": strict.base64_text(self.payload),
                "signatures": [
                    {"keyid": s.key_id, "sig": strict.base64_text(s.value)} for s in self.signatures
                ],
            }
        )


def sign(payload: bytes, *keys: SigningKey, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope with one signature per key."""
    message = pae(payload_type, payload)
    signatures = tuple(Signature(key.public.key_id, key.sign(message)) for key in keys)
    return Envelope(payload, signatures, payload_type)


def parse(data: bytes, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """Reads an envelope; raises `Malformed`, or `Unsigned` if it holds no signature."""
    fields = strict.Fields(strict.parse(data, limit=ENVELOPE_LIMIT, what="envelope"), "envelope")
    fields.constant("payloadType", payload_type)
    payload = strict.base64_bytes(fields.take("payload", str), "envelope.payload")
    entries = fields.objects("signatures")
    fields.done()
    if not entries:
        raise Unsigned("The manifest has no signature")
    if len(entries) > MOST_SIGNATURES:
        raise Malformed(f"envelope: {len(entries)} signatures, the limit is {MOST_SIGNATURES}")
    signatures = tuple(_signature(entry) for entry in entries)
    if len({s.key_id for s in signatures}) != len(signatures):
        raise Malformed("envelope: two signatures of one key")
    return Envelope(payload, signatures, payload_type)


def _signature(fields: strict.Fields) -> Signature:
    key_id = fields.digest("keyid")
    value = strict.base64_bytes(fields.text("sig"), f"{fields.what}.sig")
    fields.done()
    if len(value) != SIGNATURE_BYTES:
        raise Malformed(f"{fields.what}: {len(value)} bytes, an Ed25519 signature has {SIGNATURE_BYTES}")
    return Signature(key_id, value)
