"""Everything that can be wrong with trust, one family: `TrustError`.

Each class has a stable ``code`` (listed in docs/trust.md) and ``exit_code`` 3, the exit status of the
command line.  ``hint`` says what the user can do, where there is something.
"""

from __future__ import annotations

__all__ = [
    "BadProof",
    "BadSignature",
    "ClockMovedBack",
    "DifferentSigners",
    "DigestMismatch",
    "Expired",
    "InsufficientCertificate",
    "KeyFileError",
    "LogRewritten",
    "Malformed",
    "NotLogged",
    "NotYetValid",
    "OutsideNamespace",
    "RetiredKey",
    "RevokedKey",
    "RevokedModule",
    "RolledBack",
    "StatementMismatch",
    "TooFewSignatures",
    "TrustError",
    "TrustStoreError",
    "Unsigned",
    "UntrustedKey",
    "WrongPassphrase",
]


class TrustError(Exception):
    """A module, a key or a trust file was refused."""

    code = "T000"
    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Unsigned(TrustError):
    """No manifest, or one without a signature."""

    code = "T001"


class UntrustedKey(TrustError):
    """Signed, but by no key of the trust store."""

    code = "T002"


class BadSignature(TrustError):
    """A signature of a trusted key does not fit the manifest."""

    code = "T003"


class DigestMismatch(TrustError):
    """The manifest speaks of other bytes."""

    code = "T004"


class Expired(TrustError):
    """The validity of the manifest or of the key has ended."""

    code = "T005"


class NotYetValid(TrustError):
    """The validity of the manifest or of the key has not begun."""

    code = "T006"


class RevokedKey(TrustError):
    """The key is on the revocation list."""

    code = "T007"


class RevokedModule(TrustError):
    """The module is on the revocation list."""

    code = "T008"


class OutsideNamespace(TrustError):
    """The key may not sign modules of this name."""

    code = "T009"


class Malformed(TrustError):
    """A manifest that is not exactly of the one accepted form.  ``path``: of the field at fault, from the
    root, where that is known."""

    code = "T010"
    path: tuple[str | int, ...] = ()


class StatementMismatch(TrustError):
    """The store says something about a module that its manifest does not."""

    code = "T011"


class InsufficientCertificate(TrustError):
    """Fewer certified inputs than the policy asks for."""

    code = "T012"


class KeyFileError(TrustError):
    """A key file that is missing, unreadable, badly protected or not an Ed25519 key."""

    code = "T013"


class WrongPassphrase(KeyFileError):
    """An encrypted key without the right passphrase."""

    code = "T014"


class TrustStoreError(TrustError):
    """The trust file is damaged, badly protected or cannot be written."""

    code = "T015"


class RetiredKey(TrustError):
    """Signed by a key after its successor took over."""

    code = "T016"


class ClockMovedBack(TrustError):
    """The clock shows less than what was seen before, so that no validity can be judged."""

    code = "T017"


class LogRewritten(TrustError):
    """The publication log is not a continuation of what was seen of it before, or not what was signed."""

    code = "T018"


class NotLogged(TrustError):
    """The policy asks for a publication on record, and there is none."""

    code = "T019"


class RolledBack(TrustError):
    """An older version than the newest one that was seen under this name."""

    code = "T020"


class BadProof(TrustError):
    """A proof of inclusion or consistency that does not hold."""

    code = "T021"


class TooFewSignatures(UntrustedKey):
    """Signed by trusted keys, but by fewer than the policy asks for."""

    code = "T022"


class DifferentSigners(TrustError):
    """Modules that link to each other are not all of one signer."""

    code = "T023"
