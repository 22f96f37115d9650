"""Signed heads: who holds a key says how far the chain goes and what it is up to there.

The last one is kept beside the chain, where the next writer begins to read; each is also a line of the chain
itself, so that what was signed when stays on record.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runtime.chain.errors import ChainDamaged
from runtime.trust import envelope as dsse
from runtime.trust import strict
from runtime.trust.errors import TrustError
from runtime.trust.files import write_atomic
from runtime.trust.keys import PublicKey, SigningKey, short

HEAD_TYPE = "application/vnd.rtfsc.audit-head+json"
_LIMIT = 1 << 16


class Head(NamedTuple):
    """The chain ``chain`` (its id) has ``number`` + 1 lines at least; the last of these has the hash ``hash``
    and ends at the offset ``end``. ``time``: seconds since 1970, by the clock of the signer."""

    chain: str
    number: int
    hash: str
    end: int
    time: int


class SignedHead(NamedTuple):
    """Nothing is verified yet."""

    head: Head
    envelope: dsse.Envelope

    @property
    def key_id(self) -> str:
        return self.envelope.signatures[0].key_id

    def verify(self, keys: Mapping[str, PublicKey]) -> None:
        """Raises `ChainDamaged` unless one of the keys, by id, has signed it."""
        key = keys.get(self.key_id)
        if key is None:
            raise ChainDamaged(
                f"the head at record {self.head.number} is signed by {short(self.key_id)}, which is neither a"
                " key of yours nor trusted",
                hint="rtfsc trust add KEY.pub, if it is a key of yours",
            )
        try:
            key.verify(self.envelope.signatures[0].value, self.envelope.signed)
        except TrustError:
            raise ChainDamaged(f"the signature at record {self.head.number} does not fit") from None

    def text(self) -> str:
        return self.envelope.encode().decode()


def sign(head: Head, key: SigningKey) -> SignedHead:
    return SignedHead(head, dsse.sign(strict.canonical(head._asdict()), key, payload_type=HEAD_TYPE))


def parse(data: bytes, what: str = "head") -> SignedHead:
    """Raises `ChainDamaged` for what is no signed head."""
    try:
        envelope = dsse.parse(data, HEAD_TYPE)
        value = strict.parse(envelope.payload, limit=_LIMIT, what="head")
        fields = strict.Fields(value, "head")
        head = Head(
            fields.text("chain"),
            fields.take("number", int),
            fields.digest("hash"),
            fields.take("end", int),
            fields.take("time", int),
        )
        fields.done()
    except TrustError as error:
        raise ChainDamaged(f"{what}: no signed head ({error.message})") from None
    return SignedHead(head, envelope)


def read(path: Path) -> SignedHead | None:
    """The head that is kept in the file; None if there is none. Raises `ChainDamaged`, ``OSError``."""
    try:
        with path.open("rb") as file:
            return parse(file.read(_LIMIT), str(path))
    except FileNotFoundError:
        return None


def write(path: Path, signed: SignedHead) -> None:
    write_atomic(path, signed.envelope.encode())
