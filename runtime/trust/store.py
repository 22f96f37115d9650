"""The trust store: who may sign what.

An empty trust store trusts nothing.  `TrustStore` is a value: changing it makes a new one, and
`runtime.trust.file.TrustFile` keeps it.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from runtime.trust import strict
from runtime.trust.errors import Malformed, TrustStoreError
from runtime.trust.keys import PublicKey, short
from runtime.trust.policy import PUBLISH, ROLES, Policy, covers, is_pattern
from runtime.trust.statement import ALWAYS, Validity, read_time, time_text

SCHEMA = 1
ALGORITHM = "ed25519"
FILE_LIMIT = 8 << 20


class TrustedKey(NamedTuple):
    """A key that may sign modules whose name is in one of ``namespaces``: ``*`` is every name, ``a.b``
    that name, ``a.*`` every name below ``a``.  ``retired``: the second after which it signed nothing more,
    for there is a successor.  ``succeeds``: the id of the key that named this one its successor."""

    public: PublicKey
    name: str
    namespaces: tuple[str, ...] = ("*",)
    validity: Validity = ALWAYS
    roles: tuple[str, ...] = (PUBLISH,)
    retired: int | None = None
    succeeds: str | None = None

    def covers(self, module: str) -> bool:
        return any(covers(pattern, module) for pattern in self.namespaces)

    def to_json(self) -> dict[str, Any]:
        return {
            "algorithm": ALGORITHM,
            "id": self.public.key_id,
            "public_key": strict.base64_text(self.public.raw),
            "name": self.name,
            "namespaces": list(self.namespaces),
            "validity": self.validity.to_json(),
            "roles": list(self.roles),
            "retired": time_text(self.retired),
            "succeeds": self.succeeds,
        }

    @classmethod
    def read(cls, fields: strict.Fields) -> TrustedKey:
        """``roles``, ``retired`` and ``succeeds`` may be left out."""
        fields.constant("algorithm", ALGORITHM)
        key = cls(
            PublicKey(strict.base64_bytes(fields.text("public_key"), f"{fields.what}.public_key")),
            fields.text("name"),
            _patterns(fields, "namespaces"),
            Validity.read(fields.object("validity")),
            _roles(fields) if fields.has("roles") else (PUBLISH,),
            fields.optional("retired", lambda n: read_time(fields, n)) if fields.has("retired") else None,
            fields.optional("succeeds", fields.digest) if fields.has("succeeds") else None,
        )
        if len(key.public.raw) != 32 or fields.digest("id") != key.public.key_id:
            raise fields.fault(f"the id is not that of the key ({short(key.public.key_id)})", "id")
        fields.done()
        return key


class TrustStore(NamedTuple):
    """``revoked_keys`` and ``revoked_modules`` map an id or a digest to the reason.  ``policy`` is about
    every module; each of ``rules`` asks for more where it covers the name."""

    keys: tuple[TrustedKey, ...] = ()
    revoked_keys: tuple[tuple[str, str], ...] = ()
    revoked_modules: tuple[tuple[str, str], ...] = ()
    policy: Policy = Policy()
    rules: tuple[Policy, ...] = ()

    def find(self, key_id: str) -> TrustedKey | None:
        return next((key for key in self.keys if key.public.key_id == key_id), None)

    def resolve(self, text: str) -> TrustedKey:
        """The one key with this name, id or beginning of an id (8 digits or more)."""
        found = [
            k for k in self.keys if text == k.name or (len(text) >= 8 and k.public.key_id.startswith(text))
        ]
        if len(found) != 1:
            raise TrustStoreError(
                f"{len(found) or 'no'} trusted keys match {text!r}", hint="'rtfsc trust list' shows them"
            )
        return found[0]

    def policies(self, module: str) -> list[Policy]:
        """All that is asked of a module of this name."""
        return [self.policy, *(rule for rule in self.rules if covers(rule.modules, module))]

    def owner(self, key: TrustedKey) -> str:
        """The id of the first of the keys that succeeded each other: all of them are one signer."""
        seen = {key.public.key_id}
        while key.succeeds is not None and key.succeeds not in seen:
            seen.add(key.succeeds)
            older = self.find(key.succeeds)
            if older is None:
                return key.succeeds
            key = older
        return key.public.key_id

    def with_key(self, key: TrustedKey) -> TrustStore:
        """Adds the key, or replaces what is said about it.  A revoked key stays revoked."""
        if not key.namespaces or not key.roles:
            raise TrustStoreError("A key without namespaces or roles could sign nothing")
        for pattern in key.namespaces:
            if not is_pattern(pattern):
                raise TrustStoreError(f"{pattern!r} is no pattern of names like '*', 'a.b', 'a.*'")
        others = tuple(k for k in self.keys if k.public != key.public)
        if any(k.name == key.name for k in others):
            raise TrustStoreError(f"Another key is named {key.name!r}", hint="give it another name")
        return self._replace(keys=(*others, key))

    def without_key(self, key_id: str) -> TrustStore:
        """Its successor succeeds the one before it then: those who are one signer remain one."""
        gone = self.find(key_id)
        before = gone.succeeds if gone is not None else None
        return self._replace(
            keys=tuple(
                k._replace(succeeds=before) if before is not None and k.succeeds == key_id else k
                for k in self.keys
                if k.public.key_id != key_id
            )
        )

    def with_successor(self, old_id: str, new: PublicKey, retired: int) -> TrustStore:
        """``new`` takes the place of a trusted key, with its name and rights; what the old one signed
        until ``retired`` stays valid.  A key that is trusted already keeps its own name and rights, and the
        two are one signer from now on.  Raises `TrustStoreError` if the old key is not trusted."""
        old = self.find(old_id)
        if old is None:
            raise TrustStoreError(f"Key {short(old_id)}, which names its successor, is not trusted")
        if old_id in dict(self.revoked_keys):
            raise TrustStoreError(f"Key {old.name!r} is revoked, it cannot name a successor")
        if any(key.succeeds == old_id and key.public != new for key in self.keys):
            raise TrustStoreError(f"Key {old.name!r} has another successor already")
        known = self.find(new.key_id)
        if known is not None:
            return self._with_known_successor(old, known, retired)
        gone = old._replace(name=f"{old.name}-{old_id[:8]}", retired=retired)
        successor = old._replace(public=new, succeeds=old_id, retired=None)
        return self.with_key(gone).with_key(successor)

    def _with_known_successor(self, old: TrustedKey, known: TrustedKey, retired: int) -> TrustStore:
        if known.succeeds == old.public.key_id:
            return self
        if known.succeeds is not None or self.owner(old) == known.public.key_id:
            raise TrustStoreError(
                f"Key {known.name!r} cannot succeed {old.name!r}: it came before, or after another"
            )
        return self.with_key(old._replace(retired=retired)).with_key(
            known._replace(succeeds=old.public.key_id)
        )

    def with_policy(self, policy: Policy) -> TrustStore:
        """Sets what is asked of the modules that ``policy`` names."""
        if policy.modules == "*":
            return self._replace(policy=policy)
        others = tuple(rule for rule in self.rules if rule.modules != policy.modules)
        return self._replace(rules=tuple(sorted((*others, policy), key=lambda rule: rule.modules)))

    def without_policy(self, modules: str) -> TrustStore:
        if modules == "*":
            return self._replace(policy=Policy())
        return self._replace(rules=tuple(rule for rule in self.rules if rule.modules != modules))

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
            "keys": [key.to_json() for key in self.keys],
            "revoked_keys": [{"id": i, "reason": reason} for i, reason in self.revoked_keys],
            "revoked_modules": [{"id": i, "reason": reason} for i, reason in self.revoked_modules],
            "policy": self.policy.to_json(),
            "rules": [rule.to_json() for rule in self.rules],
        }
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def parse(data: bytes, what: str = "trust store") -> TrustStore:
    """Raises `TrustStoreError` for anything doubtful, so that a damaged file trusts nothing.  The message
    begins with ``what:line:column``."""
    try:
        return _read(strict.Fields(strict.parse(data, limit=FILE_LIMIT, what="trust store"), "trust store"))
    except Malformed as error:
        raise TrustStoreError(f"{_place(data, error, what)}: {error.message}") from None


def _place(data: bytes, error: Malformed, what: str) -> str:
    from runtime.trust import places

    try:
        text = data.decode()
        json.loads(text)
        found = None if error.path else places.duplicate(text)
        line, column = found or places.place(text, error.path)
    except json.JSONDecodeError as wrong:
        line, column = wrong.lineno, wrong.colno
    except (ValueError, IndexError, RecursionError):
        return what
    return f"{what}:{line}:{column}"


def _read(fields: strict.Fields) -> TrustStore:
    schema = fields.take("schema", int)
    if schema != SCHEMA:
        raise fields.fault(f"schema {schema} is not supported, expected {SCHEMA}", "schema")
    keys = tuple(TrustedKey.read(entry) for entry in fields.objects("keys"))
    _refuse_twins(fields, keys)
    revoked_keys = tuple(_read_revoked(entry) for entry in fields.objects("revoked_keys"))
    revoked_modules = tuple(_read_revoked(entry) for entry in fields.objects("revoked_modules"))
    policy = Policy.read(fields.object("policy"))
    rules = tuple(Policy.read(rule) for rule in fields.objects("rules")) if fields.has("rules") else ()
    fields.done()
    return TrustStore(keys, revoked_keys, revoked_modules, policy, rules)


def _refuse_twins(fields: strict.Fields, keys: tuple[TrustedKey, ...]) -> None:
    if len({key.public for key in keys}) != len(keys):
        raise fields.fault("the same key twice", "keys")
    if len({key.name for key in keys}) != len(keys):
        raise fields.fault("two keys of one name", "keys")


def _patterns(fields: strict.Fields, name: str) -> tuple[str, ...]:
    patterns = fields.texts(name)
    for pattern in patterns:
        if not is_pattern(pattern):
            raise fields.fault(f"{pattern!r} is no pattern of names like '*', 'a.b', 'a.*'", name)
    return patterns


def _roles(fields: strict.Fields) -> tuple[str, ...]:
    roles = fields.texts("roles")
    for role in roles:
        if role not in ROLES:
            raise fields.fault(f"{role!r} is no role; there are {', '.join(ROLES)}", "roles")
    return roles


def _read_revoked(fields: strict.Fields) -> tuple[str, str]:
    entry = (fields.digest("id"), fields.text("reason"))
    fields.done()
    return entry
