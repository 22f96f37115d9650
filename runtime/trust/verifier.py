"""The one place where a module becomes trusted.

`Verifier.verify` returns what was signed, or raises a `TrustError`; there is no "maybe".  The costly
part, Ed25519, runs once per manifest and artifact; times are compared on every call.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from runtime.trust import envelope as dsse
from runtime.trust import statement as intoto
from runtime.trust.clock import SKEW_S, Clock
from runtime.trust.errors import (
    BadSignature,
    DigestMismatch,
    Expired,
    InsufficientCertificate,
    NotYetValid,
    OutsideNamespace,
    RetiredKey,
    RevokedKey,
    RevokedModule,
    TooFewSignatures,
    TrustError,
    Unsigned,
    UntrustedKey,
)
from runtime.trust.keys import short
from runtime.trust.policy import PUBLISH, REVIEW, REVOKE, Policy
from runtime.trust.records import Revocation, Signed
from runtime.trust.seen import Seen
from runtime.trust.statement import Predicate, Statement, Validity, time_text
from runtime.trust.store import TrustedKey, TrustStore

_CACHE_LIMIT = 4096
_ALWAYS = (float("-inf"), float("inf"))


class Verified(NamedTuple):
    """A statement and the trusted keys that signed it and may."""

    statement: Statement
    signers: tuple[TrustedKey, ...]


class _Verdict(NamedTuple):
    """What holds within ``window``, at any time but ``end`` itself."""

    verified: Verified
    window: tuple[float, float]


class Verifier:
    """Applies one trust store.  A changed trust store needs a new verifier, which starts with no memory but
    ``seen``."""

    def __init__(
        self, trust: TrustStore, *, clock: Callable[[], float] = time.time, seen: Seen | None = None
    ) -> None:
        self.trust = trust
        self.seen = Seen() if seen is None else seen
        self.clock = Clock(clock, self.seen)
        self._revoked_keys = dict(trust.revoked_keys)
        self._revoked_modules = dict(trust.revoked_modules)
        self._withdrawn: dict[str, tuple[set[str], str]] = {}
        self._applied: set[Revocation] = set()
        self._verdicts: dict[tuple[bytes, str], _Verdict] = {}

    def verify(self, manifest: bytes | None, digest: str) -> Verified:
        """``manifest``: a DSSE envelope; ``digest``: SHA-256 (hex) of the artifact as just read."""
        if manifest is None:
            raise Unsigned("The module has no manifest", hint="sign it: rtfsc build --sign KEY")
        key = (hashlib.sha256(manifest).digest(), digest)
        verdicts = self._verdicts  # what is found before a revocation must not be remembered after it
        verdict = verdicts.get(key)
        if verdict is None:
            verified = self.but_for_signatures(manifest, digest)
            self._check_policy(verified)
            verdict = _Verdict(verified, _window(verified))
            if len(verdicts) >= _CACHE_LIMIT:
                verdicts.clear()
            verdicts[key] = verdict
        start, end = verdict.window
        now = self.clock.read() if end == _ALWAYS[1] else self.clock.checked()
        if start <= now < end:
            return verdict.verified
        return self._judge(verdict.verified, now)

    def revoked(self, revocation: Revocation, signers: Iterable[TrustedKey]) -> None:
        """Takes note of a revocation by trusted keys.  It counts for any key and module where one of them
        has the role, else for themselves and for the modules that they signed."""
        for signer in signers:
            key_id, anything = signer.public.key_id, REVOKE in signer.roles
            for target, reason in revocation.keys:
                if anything or target == key_id:
                    self._revoked_keys.setdefault(target, reason)
            for target, reason in revocation.modules:
                if anything:
                    self._revoked_modules.setdefault(target, reason)
                self._withdrawn.setdefault(target, (set(), reason))[0].add(key_id)
        if revocation not in self._applied:
            self._applied.add(revocation)
            self._verdicts = {}

    def trusted_signers(self, key_ids: Iterable[str]) -> tuple[TrustedKey, ...]:
        """The trusted keys among these, less the revoked ones."""
        found = (self.trust.find(i) for i in key_ids if i not in self._revoked_keys)
        return tuple(key for key in found if key is not None)

    def signers_of(self, signed: Signed) -> tuple[TrustedKey, ...]:
        """The trusted keys that signed a record.  A signature that does not fit counts nothing, for anybody
        may have written it there."""
        fitting = []
        for key in self.trusted_signers(signed.key_ids()):
            try:
                signed.verify(key.public)
            except BadSignature:
                continue
            fitting.append(key)
        return tuple(fitting)

    # -- once per manifest and artifact

    def but_for_signatures(self, manifest: bytes, digest: str) -> Verified:
        """All but times and what a policy asks for: who signed what.  Costs the signatures each time."""
        envelope = dsse.parse(manifest)
        signers = self._signers(envelope)
        # Only now is the payload somebody's word, and worth being read.
        statement = intoto.parse(envelope.payload)
        if statement.digest != digest:
            raise DigestMismatch(f"The manifest is about {statement.digest[:16]}, not {digest[:16]}")
        self._refuse_revoked(digest, signers)
        return Verified(statement, self._entitled(statement.predicate, signers))

    def _signers(self, envelope: dsse.Envelope) -> tuple[TrustedKey, ...]:
        """The trusted keys among the signatures, each verified.  Signatures of strangers count nothing."""
        signers = []
        for signature in envelope.signatures:
            if signature.key_id in self._revoked_keys:
                raise RevokedKey(
                    _because(
                        f"Key {short(signature.key_id)} is revoked", self._revoked_keys[signature.key_id]
                    ),
                    hint="publish the module anew, signed by another key",
                )
            key = self.trust.find(signature.key_id)
            if key is not None:
                key.public.verify(signature.value, envelope.signed)
                signers.append(key)
        if not signers:
            names = ", ".join(short(s.key_id) for s in envelope.signatures)
            raise UntrustedKey(
                f"Signed by {names}, which is not trusted",
                hint="rtfsc trust add FILE trusts a key; rtfsc trust update adopts the successors of keys",
            )
        return tuple(signers)

    def _refuse_revoked(self, digest: str, signers: tuple[TrustedKey, ...]) -> None:
        reason = self._revoked_modules.get(digest)
        if reason is None and digest in self._withdrawn:
            revokers, why = self._withdrawn[digest]
            reason = why if any(key.public.key_id in revokers for key in signers) else None
        if reason is not None:
            raise RevokedModule(_because(f"Module {digest[:16]} is revoked", reason))

    def _entitled(self, predicate: Predicate, signers: tuple[TrustedKey, ...]) -> tuple[TrustedKey, ...]:
        """The signers that may sign this module.  Raises why, if there is none that may publish it."""
        faults = {key: _fault(key, predicate) for key in signers}
        entitled = tuple(key for key in signers if faults[key] is None)
        if not any(PUBLISH in key.roles for key in entitled):
            for fault in faults.values():
                if fault is not None:
                    raise fault
            raise UntrustedKey(
                f"{predicate.name!r} is signed by reviewers alone",
                hint=f"a key with the role {PUBLISH} must sign it too",
            )
        return entitled

    # -- what may change with the day

    def _judge(self, verified: Verified, now: float) -> Verified:
        """With the keys that are valid now."""
        predicate = verified.statement.predicate
        _check_time(predicate.validity, now, "The manifest")
        if now < predicate.signed_at - SKEW_S:
            raise NotYetValid(
                f"The manifest was signed at {time_text(predicate.signed_at)}, which has not come yet",
                hint="compare the clock with that of the signer",
            )
        valid = tuple(key for key in verified.signers if _in_time(key.validity, now))
        if not any(PUBLISH in key.roles for key in valid):
            for key in verified.signers:
                _check_time(key.validity, now, f"Key {key.name!r}")
        remaining = Verified(verified.statement, valid)
        self._check_policy(remaining)
        return remaining

    def _check_policy(self, verified: Verified) -> None:
        predicate = verified.statement.predicate
        for policy in self.trust.policies(predicate.name):
            rule = "the policy" if policy.modules == "*" else f"the rule for {policy.modules!r}"
            self._check_signatures(verified.signers, policy, rule)
            _check_certificate(predicate, policy, rule)

    def _check_signatures(self, signers: tuple[TrustedKey, ...], policy: Policy, rule: str) -> None:
        wanted = [("", policy.signatures), *policy.roles]
        for role, count in wanted:
            owners = {self.trust.owner(key) for key in signers if not role or role in key.roles}
            if len(owners) < count:
                of = f" in role {role}" if role else ""
                raise TooFewSignatures(
                    f"{len(owners)} of {count} signatures of trusted keys{of} that {rule} asks for",
                    hint="rtfsc trust countersign MODULE --key KEY adds one",
                )


def _fault(key: TrustedKey, predicate: Predicate) -> TrustError | None:
    if not key.covers(predicate.name):
        return OutsideNamespace(
            f"Key {key.name!r} may not sign {predicate.name!r}",
            hint=f"it may sign {' '.join(key.namespaces)}; 'rtfsc trust add --namespace' changes that",
        )
    if not {PUBLISH, REVIEW} & set(key.roles):
        return OutsideNamespace(f"Key {key.name!r} has no role in which it signs modules")
    if key.retired is not None and predicate.signed_at > key.retired:
        return RetiredKey(
            f"Key {key.name!r} signed this at {time_text(predicate.signed_at)},"
            f" after its successor took over at {time_text(key.retired)}"
        )
    return None


def _check_certificate(predicate: Predicate, policy: Policy, rule: str) -> None:
    certificate = predicate.certificate
    inputs = certificate.inputs if certificate else 0
    if inputs < policy.least_inputs:
        raise InsufficientCertificate(
            f"Certified on {inputs} inputs, {rule} asks for {policy.least_inputs}",
            hint="rtfsc publish --inputs N compares the engines on more",
        )
    missing = [e for e in policy.engines if certificate is None or e not in certificate.engines]
    if missing:
        raise InsufficientCertificate(f"Not certified on {' and '.join(missing)}, which {rule} asks for")


def _window(verified: Verified) -> tuple[float, float]:
    """In which all that was found holds."""
    predicate = verified.statement.predicate
    start, end = float(predicate.signed_at - SKEW_S), _ALWAYS[1]
    for validity in (predicate.validity, *(key.validity for key in verified.signers)):
        if validity.not_before is not None:
            start = max(start, validity.not_before - SKEW_S)
        if validity.not_after is not None:
            end = min(end, validity.not_after + 1)
    return start, end


def _in_time(validity: Validity, now: float) -> bool:
    try:
        _check_time(validity, now, "")
    except TrustError:
        return False
    return True


def _check_time(validity: Validity, now: float, what: str) -> None:
    if validity.not_before is not None and now < validity.not_before - SKEW_S:
        raise NotYetValid(f"{what} is not valid before {time_text(validity.not_before)}")
    if validity.not_after is not None and now >= validity.not_after + 1:
        raise Expired(f"{what} is not valid after {time_text(validity.not_after)}")


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


__all__ = ["TrustError", "Verified", "Verifier"]
