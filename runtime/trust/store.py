"""The trust store: who may sign what.  One JSON file, read strictly, written atomically.

An empty trust store trusts nothing.  `TrustStore` is a value: changing it makes a new one, and
`TrustFile.change` writes that back under a lock.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from runtime.trust import strict
from runtime.trust.errors import Malformed, TrustStoreError
from runtime.trust.files import private_folder, write_atomic
from runtime.trust.keys import PublicKey, short
from runtime.trust.statement import ALWAYS, Validity

SCHEMA = 1
ALGORITHM = "ed25519"
_FILE_LIMIT = 8 << 20


class TrustedKey(NamedTuple):
    """A key that may sign modules whose name is in one of ``namespaces``: ``*`` is every name, ``a.b``
    that name, ``a.*`` every name below ``a``."""

    public: PublicKey
    name: str
    namespaces: tuple[str, ...] = ("*",)
    validity: Validity = ALWAYS

    def covers(self, module: str) -> bool:
        return any(_covers(pattern, module) for pattern in self.namespaces)


class Policy(NamedTuple):
    """``signatures``: how many trusted keys must have signed a module. ``least_inputs``: how many inputs
    its certificate must count."""

    signatures: int = 1
    least_inputs: int = 0


class TrustStore(NamedTuple):
    """``revoked_keys`` and ``revoked_modules`` map an id or a digest to the reason."""

    keys: tuple[TrustedKey, ...] = ()
    revoked_keys: tuple[tuple[str, str], ...] = ()
    revoked_modules: tuple[tuple[str, str], ...] = ()
    policy: Policy = Policy()

    def find(self, key_id: str) -> TrustedKey | None:
        return next((key for key in self.keys if key.public.key_id == key_id), None)

    def resolve(self, text: str) -> TrustedKey:
        """The one key with this name, id or beginning of an id (8 digits or more)."""
        found = [
            k for k in self.keys if text == k.name or (len(text) >= 8 and k.public.key_id.startswith(text))
        ]
        if len(found) != 1:
            raise TrustStoreError(f"{len(found) or 'no'} trusted keys match {text!r}")
        return found[0]

    def with_key(self, key: TrustedKey) -> TrustStore:
        """Adds the key, or replaces what is said about it.  A revoked key stays revoked."""
        if not key.namespaces:
            raise TrustStoreError("A key without namespaces could sign nothing")
        others = tuple(k for k in self.keys if k.public != key.public)
        if any(k.name == key.name for k in others):
            raise TrustStoreError(f"Another key is named {key.name!r}", hint="give it another name")
        return self._replace(keys=(*others, key))

    def without_key(self, key_id: str) -> TrustStore:
        return self._replace(keys=tuple(k for k in self.keys if k.public.key_id != key_id))

    def revoke_key(self, key_id: str, reason: str = "") -> TrustStore:
        """From now on nothing that the key ever signed is accepted."""
        others = tuple(entry for entry in self.revoked_keys if entry[0] != key_id)
        return self._replace(revoked_keys=(*others, (key_id, reason)))

    def revoke_module(self, digest: str, reason: str = "") -> TrustStore:
        others = tuple(entry for entry in self.revoked_modules if entry[0] != digest)
        return self._replace(revoked_modules=(*others, (digest, reason)))

    def encode(self) -> bytes:
        import json

        value = {
            "schema": SCHEMA,
            "keys": [_key_json(key) for key in self.keys],
            "revoked_keys": [{"id": i, "reason": reason} for i, reason in self.revoked_keys],
            "revoked_modules": [{"id": i, "reason": reason} for i, reason in self.revoked_modules],
            "policy": {"signatures": self.policy.signatures, "least_inputs": self.policy.least_inputs},
        }
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def parse(data: bytes, what: str = "trust store") -> TrustStore:
    """Raises `TrustStoreError` for anything doubtful, so that a damaged file trusts nothing."""
    try:
        return _read_store(strict.Fields(strict.parse(data, limit=_FILE_LIMIT, what=what), what))
    except Malformed as error:
        raise TrustStoreError(error.message) from None


class TrustFile:
    """A trust store on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> TrustStore:
        """An absent file is the empty trust store.  One that others can write is refused."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise TrustStoreError(
                        f"{self.path}: others can write this file", hint=f"chmod 600 {self.path}"
                    )
                return parse(file.read(_FILE_LIMIT + 1), str(self.path))
        except FileNotFoundError:
            return TrustStore()
        except OSError as error:
            raise TrustStoreError(f"{self.path}: {error.strerror}") from error

    def change(self, step: Callable[[TrustStore], TrustStore]) -> TrustStore:
        """Loads, applies ``step``, writes; two processes at once lose nothing."""
        try:
            private_folder(self.path.parent)
            with _locked(self.path.with_name(f".{self.path.name}.lock")):
                trust = step(self.load())
                write_atomic(self.path, trust.encode())
                return trust
        except OSError as error:
            raise TrustStoreError(f"{self.path}: cannot write the trust store: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _covers(pattern: str, module: str) -> bool:
    if pattern == "*" or pattern == module:
        return True
    return pattern.endswith(".*") and module.startswith(pattern[:-1])


def _key_json(key: TrustedKey) -> dict[str, Any]:
    return {
        "algorithm": ALGORITHM,
        "id": key.public.key_id,
        "public_key": strict.base64_text(key.public.raw),
        "name": key.name,
        "namespaces": list(key.namespaces),
        "validity": key.validity.to_json(),
    }


def _read_store(fields: strict.Fields) -> TrustStore:
    schema = fields.take("schema", int)
    if schema != SCHEMA:
        raise Malformed(f"{fields.what}: schema {schema} is not supported, expected {SCHEMA}")
    keys = tuple(_read_key(entry) for entry in fields.objects("keys"))
    if len({key.public for key in keys}) != len(keys):
        raise Malformed(f"{fields.what}: the same key twice")
    revoked_keys = tuple(_read_revoked(entry) for entry in fields.objects("revoked_keys"))
    revoked_modules = tuple(_read_revoked(entry) for entry in fields.objects("revoked_modules"))
    trust = TrustStore(keys, revoked_keys, revoked_modules, _read_policy(fields.object("policy")))
    fields.done()
    return trust


def _read_key(fields: strict.Fields) -> TrustedKey:
    fields.constant("algorithm", ALGORITHM)
    public = PublicKey(strict.base64_bytes(fields.text("public_key"), f"{fields.what}.public_key"))
    key = TrustedKey(
        public, fields.text("name"), fields.texts("namespaces"), Validity.read(fields.object("validity"))
    )
    if len(public.raw) != 32 or fields.digest("id") != public.key_id:
        raise Malformed(f"{fields.what}: the id is not that of the key ({short(public.key_id)})")
    fields.done()
    return key


def _read_revoked(fields: strict.Fields) -> tuple[str, str]:
    entry = (fields.digest("id"), fields.text("reason"))
    fields.done()
    return entry


def _read_policy(fields: strict.Fields) -> Policy:
    policy = Policy(fields.take("signatures", int), fields.take("least_inputs", int))
    fields.done()
    if policy.signatures < 1 or policy.least_inputs < 0:
        raise Malformed(f"{fields.what}: out of range")
    return policy
