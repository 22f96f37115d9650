"""`ModuleStore`: publish a module, find it again, and get it back only if it can be trusted.

The order of publishing, validate → sign → blobs → index, means that an entry never points to a missing
blob: a crash leaves blobs that nobody points to, and `runtime.store.repair` removes them.
"""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from runtime.store.blobs import IR, KINDS, MANIFEST, SOURCE, WASM, BlobStore, Kind, digest_of
from runtime.store.errors import (
    CorruptBlob,
    InvalidModule,
    MissingBlob,
    NotVerified,
    ReadOnlyStore,
    StoreError,
)
from runtime.store.folder import FolderBackend
from runtime.store.index import Description, Entry, Hit, IndexBackend, Key, NewEntry, as_kept
from runtime.store.notes import Notes
from runtime.store.publications import PublicationLog
from runtime.store.signing import countersign, next_serial
from runtime.store.sqlite import SqliteIndex
from runtime.trust import envelope as dsse
from runtime.trust.errors import (
    BadSignature,
    DigestMismatch,
    Malformed,
    RevokedModule,
    RolledBack,
    StatementMismatch,
    TooFewSignatures,
    TrustError,
    Unsigned,
)
from runtime.trust.keys import SigningKey
from runtime.trust.statement import Predicate, Statement
from runtime.trust.strict import is_digest
from runtime.trust.verifier import Verified, Verifier

ARTIFACT_KINDS: dict[str, Kind] = {"wasm32": WASM, "rtfs-ir": IR}
"""Kind of blob by target."""

Validate = Callable[[bytes, str], None]
"""Raises an exception if the artifact is not a valid module of the target."""

# Defects of the entry itself. Other refusals are a matter of this user's policy and of the day.
_DEFECTS = (CorruptBlob, MissingBlob, BadSignature, DigestMismatch, Malformed, StatementMismatch, Unsigned)


class Published(NamedTuple):
    """``created`` is False where the action had a trusted entry already."""

    entry: Entry
    created: bool


class VerifiedArtifact(NamedTuple):
    """Bytes that may be run: digest, signature, policy and index all agree."""

    artifact: bytes
    entry: Entry
    verified: Verified

    @property
    def statement(self) -> Statement:
        return self.verified.statement

    @property
    def signers(self) -> tuple[str, ...]:
        """Ids of the trusted keys."""
        return tuple(key.public.key_id for key in self.verified.signers)


class Health(NamedTuple):
    """``reason``: why the store cannot be written, None if it can."""

    reason: str | None

    @property
    def writable(self) -> bool:
        return self.reason is None


class ModuleStore:
    """Owns nothing but its backends; safe to use from several threads.  Close it to write the usage
    counters.  ``location``: by what the user's memory knows this store again."""

    def __init__(
        self,
        blobs: BlobStore,
        index: IndexBackend,
        verifier: Verifier,
        *,
        validate: Validate | None = None,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        location: str = "this process",
    ) -> None:
        self.blobs = blobs
        self.index = index
        self.verifier = verifier
        self.log = PublicationLog(index, verifier.seen.store(location), verifier)
        self._validate = validate
        self._read_only = read_only
        self._clock = clock
        self._refused: set[tuple[int, str]] = set()
        self.outcomes: Counter[str] = Counter()
        """Of look-ups in this process: how many were ``hit``, ``miss``, ``refused``."""
        self._notes = Notes(index)
        self._finalizer = weakref.finalize(self, self._notes.flush)

    # -- publishing

    def publish(
        self,
        artifact: bytes,
        predicate: Predicate,
        signer: SigningKey,
        *cosigners: SigningKey,
        source: str | None = None,
        ir: bytes | None = None,
    ) -> Published:
        """Signs and stores a module.  ``predicate`` says what it is; digests of ``source`` and ``ir``,
        serial and time are filled in.  Publishing the same action again returns the entry that is there;
        one that waits for signatures gets these.  Where the policy asks for more, the entry is Pending.

        Raises `InvalidModule`, `TrustError` (this store would refuse it itself), `ReadOnlyStore`,
        `StoreFull`, `StoreError`; then nothing of it can be found.
        """
        kind = self._checked(artifact, predicate.build.target)
        existing = self.index.at_action(predicate.build.action_key)
        if existing is not None:
            if existing.status == "Revoked":
                raise _revoked(existing)
            if self._usable(existing):
                return Published(existing, False)
            if self.waits(existing):
                return Published(countersign(self, existing, signer, *cosigners), False)
        if self._read_only:
            raise ReadOnlyStore("The store was opened read-only")
        self.log.refresh(now=True)
        numbered = predicate._replace(
            serial=next_serial(self, predicate.name, signer), signed_at=int(self.verifier.clock.checked())
        )
        statement = _statement(artifact, numbered, source, ir)
        manifest = dsse.sign(statement.encode(), signer, *cosigners).encode()
        missing = self.missing_signatures(manifest, statement.digest)
        contents = [(kind, artifact), (MANIFEST, manifest)]
        contents += [(SOURCE, source.encode())] if source is not None else []
        contents += [(IR, ir)] if ir is not None else []
        _, signature, *others = self.blobs.put_all(contents)
        new = NewEntry(
            Description.of(statement),
            others[0] if source is not None else None,
            signature,
            signer.public.key_id,
            int(self._clock() * 1000),
            "Pending" if missing else "Verified",
            missing,
        )
        entry, created = self.index.add(new, existing, self.log.leaf_of(statement, signer))
        if created:
            self.blobs.put_back(contents)
            self.log.published(statement, signer)
            if not missing:
                self.let_stand(entry)
        if entry.signature != new.signature:
            self.blobs.delete(MANIFEST, new.signature)  # somebody else was faster, nobody points to ours
        self._refused.discard((entry.id, entry.signature))
        return Published(entry, created)

    def accept(
        self,
        manifest: bytes,
        artifact: bytes,
        *,
        source: str | None = None,
        ir: bytes | None = None,
        record: bytes | None = None,
    ) -> tuple[Entry, bool]:
        """Takes in a module that was signed elsewhere; returns its entry and whether it is new.
        ``record``: of its publication, from the log it comes from.

        Raises `TrustError` if it would not run here, `InvalidModule`, `ReadOnlyStore`, `StoreError`; then
        nothing of it can be found.
        """
        if self._read_only:
            raise ReadOnlyStore("The store was opened read-only")
        digest = digest_of(artifact)
        verified = self.verifier.verify(manifest, digest)
        statement = verified.statement
        kind = self._checked(artifact, statement.predicate.build.target)
        _agreed(statement.predicate.source_digest, None if source is None else source.encode(), "source")
        _agreed(statement.predicate.ir_digest, ir, "IR")
        existing = self.index.at_action(statement.predicate.build.action_key)
        if existing is not None:
            if existing.status == "Revoked":
                raise _revoked(existing)
            if self._usable(existing):
                return existing, False
        contents = [(kind, artifact), (MANIFEST, manifest)]
        contents += [(SOURCE, source.encode())] if source is not None else []
        contents += [(IR, ir)] if ir is not None else []
        _, signature, *others = self.blobs.put_all(contents)
        new = NewEntry(
            Description.of(statement), others[0] if source is not None else None, signature,
            verified.signers[0].public.key_id, int(self._clock() * 1000), "Verified", "",
        )  # fmt: skip
        leaf = record if record is not None and self.log.records(record, verified) else None
        before = self.index.current(statement.predicate.name)
        entry, created = self.index.add(new, existing, leaf)
        if created:
            self.blobs.put_back(contents)
            self._place(entry, verified, before)
        self._refused.discard((entry.id, entry.signature))
        return entry, created

    def let_stand(self, entry: Entry) -> None:
        """The newest version stands for its name, also where an older one was chosen before it was there."""
        current = self.index.current(entry.name)
        if current is None or current.id != entry.id:
            self.index.set_current(entry.name, None)

    def _place(self, entry: Entry, verified: Verified, before: Entry | None) -> None:
        """A version that comes from elsewhere stands for its name, if it is not older than the one that does
        (``before``) and was not rolled back."""
        self.log.refresh(now=True)
        try:
            self.log.confirm_version(verified)
        except RolledBack:
            stays = True
        else:
            stays = before is not None and self._is_newer(before, verified)
        if not stays:
            self.let_stand(entry)
        elif before is not None:
            self.index.set_current(entry.name, before.id)

    def _is_newer(self, entry: Entry, than: Verified) -> bool:
        """Whether an entry is a newer version of the same signer."""
        try:
            verified = self.verifier.but_for_signatures(self.manifest(entry), entry.digest)
        except (TrustError, StoreError):
            return False
        owners = [{self.verifier.trust.owner(key) for key in v.signers} for v in (verified, than)]
        serials = [v.statement.predicate.serial for v in (verified, than)]
        return bool(owners[0] & owners[1]) and serials[0] > serials[1]

    def _checked(self, artifact: bytes, target: str) -> Kind:
        kind = ARTIFACT_KINDS.get(target)
        if kind is None:
            raise InvalidModule(f"The store keeps no modules for target {target!r}")
        if self._validate is not None:
            try:
                self._validate(artifact, target)
            except Exception as error:
                raise InvalidModule(f"Not a valid {target} module: {error}") from error
        return kind

    def missing_signatures(self, manifest: bytes, digest: str) -> str:
        """What the policy asks for besides, empty if nothing.  Other refusals are raised."""
        try:
            self.verifier.verify(manifest, digest)
        except TooFewSignatures as error:
            return f"{error.code} {error.message}"
        return ""

    def waits(self, entry: Entry) -> bool:
        """Whether an entry lacks nothing but signatures."""
        try:
            self.examine(entry)
        except TooFewSignatures:
            return True
        except (TrustError, StoreError):
            return False
        return False

    def _usable(self, entry: Entry) -> bool:
        try:
            self.fetch(entry)
        except (TrustError, StoreError) as error:
            if isinstance(error, StoreError) and error.passing:
                raise  # an entry that is not seen to be bad is not replaced
            return False
        return True

    # -- finding

    def find_by_source(
        self, source_digest: str, compiler_fingerprint: str, level: str, target: str
    ) -> list[Entry]:
        """Modules built from exactly this text, by this compiler, at this level, for this target."""
        return [
            entry
            for entry in self._find("source_digest", source_digest)
            if entry.description.compiler_fingerprint == compiler_fingerprint
            and entry.description.level == level
            and entry.description.target == target
        ]

    def find_by_definition(self, retrieval_key: str) -> list[Entry]:
        """Modules that export the definition, whoever's text and whichever compiler they come from."""
        return self._find("retrieval_key", retrieval_key)

    def find_by_interface(self, interface_hash: str, target: str | None = None) -> list[Entry]:
        """Modules with an export of exactly this interface, newest first."""
        found = self._find("interface_hash", interface_hash)
        return [entry for entry in found if target is None or entry.description.target == target]

    def find_by_action(self, action_key: str) -> Entry | None:
        return next(iter(self._find("action_key", action_key)), None)

    def _find(self, by: Key, key: str) -> list[Entry]:
        return [e for e in self.index.find(by, key) if (e.id, e.signature) not in self._refused]

    # -- fetching

    def fetch(self, entry: Entry) -> VerifiedArtifact:
        """The artifact, hashed again and verified.

        Raises `TrustError`, `MissingBlob`, `CorruptBlob`, `NotVerified`, `StoreError`.
        """
        if entry.status == "Revoked":
            raise _revoked(entry)
        if entry.status != "Verified":
            raise NotVerified(f"Module {entry.digest[:16]} is {entry.status.lower()}: {entry.status_reason}")
        return self.examine(entry)

    def fetch_current(self, entry: Entry, part: str = "") -> VerifiedArtifact:
        """Like `fetch`, for an entry that was found by its name, or by the interface of an export (``part``
        as `runtime.store.publications.part_of` says it): one that is older than what was seen there before
        is refused with `RolledBack`."""
        fetched = self.fetch(entry)
        self.log.confirm_version(fetched.verified, part)
        return fetched

    def examine(self, entry: Entry) -> VerifiedArtifact:
        """Like `fetch`, whatever the status says."""
        kind = ARTIFACT_KINDS.get(entry.description.target)
        if kind is None:
            raise StatementMismatch(f"Target {entry.description.target!r} is unknown to this store")
        self.log.refresh()
        manifest = self.blobs.get(MANIFEST, entry.signature) if entry.signature else None
        artifact = self.blobs.get(kind, entry.digest)
        verified = self.verifier.verify(manifest, entry.digest)
        _confirm(entry, verified)
        self.log.confirm(verified)
        return VerifiedArtifact(artifact, entry, verified)

    def but_for_signatures(self, entry: Entry, manifest: bytes) -> Verified:
        """What ``manifest`` says of the entry, if all agrees but for the number of its signatures."""
        kind = ARTIFACT_KINDS.get(entry.description.target)
        if kind is None:
            raise StatementMismatch(f"Target {entry.description.target!r} is unknown to this store")
        self.blobs.get(kind, entry.digest)
        verified = self.verifier.but_for_signatures(manifest, entry.digest)
        _confirm(entry, verified)
        return verified

    def manifest(self, entry: Entry) -> bytes:
        """The signed manifest as stored, to be kept beside an exported artifact."""
        return self.blobs.get(MANIFEST, entry.signature)

    def source(self, entry: Entry) -> str | None:
        """The source text, None if it was not stored.  Its digest is the signed one."""
        if entry.source_pointer is None:
            return None
        if entry.source_pointer != entry.description.source_digest:
            raise StatementMismatch("The stored source is not the one that was signed")
        return self.blobs.get(SOURCE, entry.source_pointer).decode()

    def ir(self, entry: Entry) -> bytes | None:
        """The serialised IR, None if it was not stored."""
        pointer = entry.description.ir_pointer
        return None if pointer is None else self.blobs.get(IR, pointer)

    # -- keeping order

    def quarantine(self, entry: Entry, error: TrustError | StoreError) -> None:
        """Takes an entry that `fetch` refused out of sight: for everybody where the entry is at fault,
        for this process where the refusal is local policy.  Never fails; publishing anew heals it."""
        if isinstance(error, StoreError) and error.passing:
            return  # it says nothing about the entry
        self._refused.add((entry.id, entry.signature))
        if self._read_only or not isinstance(error, _DEFECTS):
            return
        try:
            reason = f"{error.code} {error.message}"
            self.index.set_status(entry.id, "Pending", reason, signature=entry.signature)
        except StoreError:
            return  # a store that cannot be written: this process remembers

    def revoke(self, entry: Entry, reason: str) -> None:
        """No process finds the entry again, and the action cannot be published anew."""
        self.index.set_status(entry.id, "Revoked", reason)

    def touch(self, entry: Entry) -> None:
        """Counts a use.  Costs no write: counters are written in groups and on `close`."""
        if not self._read_only:
            self._notes.used(entry.id, int(self._clock() * 1000))

    def record(
        self, kind: str, key: str, entry: Entry | None, outcome: str, score: float | None, detail: str
    ) -> None:
        """Adds a line to the governance log: what was asked for, by which kind of key, and what came of
        it.  Written in groups and on `close`."""
        self.outcomes[outcome] += 1
        if self._read_only:
            return
        id, digest = (entry.id, entry.digest) if entry else (None, None)
        key, detail = as_kept(key), as_kept(detail)
        self._notes.hit(Hit(int(self._clock() * 1000), kind, key, id, digest, outcome, score, detail))

    def flush(self) -> None:
        """Writes counters and log.  They are not worth an error: what cannot be written is dropped."""
        self._notes.flush()

    def check(self) -> Health:
        """Tries to write and degrades to read-only where that fails."""
        if self._read_only:
            return Health("opened read-only")
        try:
            reason = self.blobs.backend.probe() or self.index.read_only_reason()
        except StoreError as error:
            reason = error.message
        self._read_only = reason is not None
        return Health(reason)

    # -- looking around

    def list(self) -> list[Entry]:
        """Every entry, newest first."""
        return self.index.all()

    def get(self, text: str) -> Entry | None:
        """The one with this digest, the current one of this name, the one with this id, or the one whose
        digest begins so (8 digits or more); a whole digest never means a name.

        Raises `NotVerified` where the version that was chosen for the name is none any more, `StoreError`
        where several digests begin so."""
        if is_digest(text):
            return next(iter(self.index.starting(text)), None)
        return self._named(text) or self._numbered(text) or self._starting(text)

    def _named(self, text: str) -> Entry | None:
        current = self.index.current(text)
        if current is not None:
            return current
        for entry in self.index.history(text, 1):
            if entry.status == "Verified":
                raise NotVerified(f"The version that was chosen for {text} is not verified any more",
                                  hint=f"'rtfsc store rollback {text} VERSION' chooses another")  # fmt: skip
            return entry
        return None

    def _numbered(self, text: str) -> Entry | None:
        return self.index.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else None

    def _starting(self, text: str) -> Entry | None:
        found = self.index.starting(text) if len(text) >= 8 else []
        digests = sorted({entry.digest for entry in found})
        if len(digests) > 1:
            raise StoreError(f"{len(digests)} digests begin with {text}", hint="give more digits")
        return found[0] if found else None

    def stats(self) -> dict[str, Any]:
        """Counts of entries by status, uses, and blobs and bytes by kind."""
        entries = self.index.all()
        states = ("Verified", "Pending", "Revoked")
        sizes = {kind.name: [size for _, size in self.blobs.digests(kind)] for kind in KINDS}
        return {
            "modules": {state: sum(e.status == state for e in entries) for state in states},
            "uses": sum(e.use_count for e in entries),
            "blobs": {name: {"count": len(found), "bytes": sum(found)} for name, found in sizes.items()},
        }

    def close(self) -> None:
        self._finalizer()
        self.index.close()

    def __enter__(self) -> ModuleStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_folder(
    folder: Path, verifier: Verifier, *, validate: Validate | None = None, read_only: bool = False
) -> ModuleStore:
    """A store in a folder.  Opening and reading make nothing; the first `publish` makes what it needs."""
    return ModuleStore(
        BlobStore(FolderBackend(folder / "blobs")),
        SqliteIndex(folder / "index.sqlite", read_only=read_only),
        verifier,
        validate=validate,
        read_only=read_only,
        location=str(folder.absolute()),
    )


def _revoked(entry: Entry) -> RevokedModule:
    reason = f": {entry.status_reason}" if entry.status_reason else ""
    return RevokedModule(f"Module {entry.digest[:16]} is revoked{reason}")


def _statement(artifact: bytes, predicate: Predicate, source: str | None, ir: bytes | None) -> Statement:
    complete = predicate._replace(
        source_digest=_agreed(predicate.source_digest, None if source is None else source.encode(), "source"),
        ir_digest=_agreed(predicate.ir_digest, ir, "IR"),
    )
    return Statement(digest_of(artifact), complete)


def _agreed(said: str | None, data: bytes | None, what: str) -> str | None:
    """The digest of the content, which must be what was said where both are given."""
    if data is None:
        return said
    digest = digest_of(data)
    if said not in (None, digest):
        raise InvalidModule(f"The predicate's digest of the {what} is not that of the {what} to be stored")
    return digest


def _confirm(entry: Entry, verified: Verified) -> None:
    """The index says nothing that is not signed."""
    signed = Description.of(verified.statement)
    if signed != entry.description:
        said, meant = entry.description._asdict(), signed._asdict()
        field = next(name for name in said if said[name] != meant[name])
        raise StatementMismatch(f"Module {entry.digest[:16]}: {field} in the index is not the signed one")
    if entry.signer not in {key.public.key_id for key in verified.signers}:
        raise StatementMismatch(f"Module {entry.digest[:16]}: the index names another signer")
