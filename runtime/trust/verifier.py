"""The one place where a module becomes trusted.

`Verifier.verify` returns what was signed, or raises a `TrustError`; there is no "maybe".  The costly
part, Ed25519, runs once per manifest and artifact; times are compared on every call.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from runtime.trust import envelope as dsse
from runtime.trust import statement as intoto
from runtime.trust.errors import (
    DigestMismatch,
    Expired,
    InsufficientCertificate,
    NotYetValid,
    OutsideNamespace,
    RevokedKey,
    RevokedModule,
    TrustError,
    Unsigned,
    UntrustedKey,
)
from runtime.trust.keys import short
from runtime.trust.statement import Statement, Validity
from runtime.trust.store import TrustedKey, TrustStore

_CACHE_LIMIT = 4096


class Verified(NamedTuple):
    """A statement and the trusted keys that signed it."""

    statement: Statement
    signers: tuple[TrustedKey, ...]


class Verifier:
    """Applies one trust store.  A changed trust store needs a new verifier, which starts with no memory."""

    def __init__(self, trust: TrustStore, *, clock: Callable[[], float] = time.time) -> None:
        self.trust = trust
        self._clock = clock
        self._revoked_keys = dict(trust.revoked_keys)
        self._revoked_modules = dict(trust.revoked_modules)
        self._seen: dict[tuple[bytes, str], Verified] = {}

    def verify(self, manifest: bytes | None, digest: str) -> Verified:
        """``manifest``: a DSSE envelope; ``digest``: SHA-256 (hex) of the artifact as just read."""
        if manifest is None:
            raise Unsigned("The module has no manifest")
        key = (hashlib.sha256(manifest).digest(), digest)
        verified = self._seen.get(key)
        if verified is None:
            verified = self._verify(manifest, digest)
            if len(self._seen) >= _CACHE_LIMIT:
                self._seen.clear()
            self._seen[key] = verified
        self._check_times(verified)
        return verified

    def _verify(self, manifest: bytes, digest: str) -> Verified:
        envelope = dsse.parse(manifest)
        signers = self._signers(envelope)
        # Only now is the payload somebody's word, and worth being read.
        statement = intoto.parse(envelope.payload)
        self._check_policy(statement, signers, digest)
        return Verified(statement, signers)

    def _signers(self, envelope: dsse.Envelope) -> tuple[TrustedKey, ...]:
        """The trusted keys among the signatures, each verified.  Signatures of strangers count nothing."""
        signers = []
        for signature in envelope.signatures:
            if signature.key_id in self._revoked_keys:
                raise RevokedKey(
                    _because(
                        f"Key {short(signature.key_id)} is revoked", self._revoked_keys[signature.key_id]
                    )
                )
            key = self.trust.find(signature.key_id)
            if key is not None:
                key.public.verify(signature.value, envelope.signed)
                signers.append(key)
        if not signers:
            names = ", ".join(short(s.key_id) for s in envelope.signatures)
            raise UntrustedKey(f"Signed by {names}, which is not trusted", hint="rtfsc trust add KEY")
        return tuple(signers)

    def _check_policy(self, statement: Statement, signers: tuple[TrustedKey, ...], digest: str) -> None:
        predicate, policy = statement.predicate, self.trust.policy
        if statement.digest != digest:
            raise DigestMismatch(f"The manifest is about {statement.digest[:16]}, not {digest[:16]}")
        if digest in self._revoked_modules:
            raise RevokedModule(_because(f"Module {digest[:16]} is revoked", self._revoked_modules[digest]))
        for key in signers:
            if not key.covers(predicate.name):
                raise OutsideNamespace(f"Key {key.name!r} may not sign {predicate.name!r}")
        if len(signers) < policy.signatures:
            raise UntrustedKey(f"{len(signers)} trusted signatures, the policy asks for {policy.signatures}")
        inputs = predicate.certificate.inputs if predicate.certificate else 0
        if inputs < policy.least_inputs:
            raise InsufficientCertificate(
                f"Certified on {inputs} inputs, the policy asks for {policy.least_inputs}"
            )

    def _check_times(self, verified: Verified) -> None:
        now = self._clock()
        _check_time(verified.statement.predicate.validity, now, "The manifest")
        for key in verified.signers:
            _check_time(key.validity, now, f"Key {key.name!r}")


def _check_time(validity: Validity, now: float, what: str) -> None:
    if validity.not_before is not None and now < validity.not_before:
        raise NotYetValid(f"{what} is not valid before {intoto.time_text(validity.not_before)}")
    if validity.not_after is not None and now >= validity.not_after + 1:
        raise Expired(f"{what} is not valid after {intoto.time_text(validity.not_after)}")


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


__all__ = ["TrustError", "Verified", "Verifier"]
