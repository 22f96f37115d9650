"""``rtfsc trust``: whose signatures count, for which modules, and what else a module must have."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, TRUST, UsageError, add_store, positive, print_json, tell

_ROLES = ("publish", "review", "revoke")
_ACTIONS = "add|remove|revoke|list|policy|countersign|update|forget"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar=_ACTIONS)
    _add_arguments_of_add(actions.add_parser("add", help="trust a public key, or the successor of a key"))
    remove = actions.add_parser("remove", help="trust a key no longer")
    remove.add_argument("key", help="name or id")
    revoke = actions.add_parser("revoke", help="accept nothing more that a key has signed, or one module")
    revoke.add_argument("target", help="name or id of a key; with --module: name or digest")
    revoke.add_argument("--module", action="store_true", help="it is a module")
    revoke.add_argument("--reason", default="", help="kept and shown")
    revoke.add_argument("--sign", metavar="KEY", help="put it on record in the store too, signed by this key")
    add_store(revoke)
    listing = actions.add_parser("list", help="the trusted keys, and what is revoked")
    listing.add_argument("--json", action="store_true", help="as JSON")
    _add_arguments_of_policy(actions.add_parser("policy", help="show or change what a module must have"))
    countersign = actions.add_parser("countersign", help="sign a stored module that others have signed")
    countersign.add_argument("module", help="name or beginning of the digest")
    countersign.add_argument("--key", default="local", help="name of the signing key (default: local)")
    add_store(countersign)
    update = actions.add_parser("update", help="adopt the successors of keys that are on record in the store")
    add_store(update)
    forget = actions.add_parser("forget", help="forget what was seen of a store, or the newest time")
    forget.add_argument("--clock", action="store_true", help="the newest time instead")
    add_store(forget)


def _add_arguments_of_add(add: argparse.ArgumentParser) -> None:
    add.add_argument("key", help="file with a public key (PEM) or a .rotation, or name of a key of one's own")
    add.add_argument("--name", help="what to call it (default: the file's name)")
    add.add_argument(
        "--namespace", action="append", metavar="PATTERN", help="modules it may sign: *, a.b, a.* (default *)"
    )
    add.add_argument(
        "--role", action="append", choices=_ROLES, help="what its signatures are for (default publish)"
    )
    add.add_argument("--not-before", metavar="TIME", help="from when on it counts: 2026-01-31T00:00:00Z")
    add.add_argument("--not-after", metavar="TIME", help="until when it counts")


def _add_arguments_of_policy(policy: argparse.ArgumentParser) -> None:
    policy.add_argument("modules", nargs="?", default="*", help="pattern of names (default *: every module)")
    policy.add_argument("--signatures", type=positive, metavar="N", help="of different trusted keys")
    policy.add_argument(
        "--role", action="append", metavar="ROLE=N", help="so many of them in this role; ROLE=0: none"
    )
    policy.add_argument("--inputs", type=int, metavar="N", help="on how many inputs it must be certified")
    policy.add_argument("--engine", action="append", metavar="NAME", help="on which engines; none: ''")
    policy.add_argument(
        "--log",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="its publication must be on record in the log",
    )
    policy.add_argument("--drop", action="store_true", help="remove the rule for these names")
    policy.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from rtfsc.cli import trust_policy
    from runtime.engine import Runtime

    actions = {
        "add": _add,
        "remove": _remove,
        "revoke": _revoke,
        "list": _list,
        "policy": trust_policy.run,
        "countersign": _countersign,
        "update": _update,
        "forget": _forget,
    }
    with Runtime(store=getattr(options, "store", None) or True) as runtime:
        return actions[options.action](runtime, options)


def _add(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.trust.statement import Validity
    from runtime.trust.store import TrustedKey

    path = Path(options.key)
    if path.suffix == ".rotation" and path.is_file():
        return _add_successor(runtime, options, path.read_bytes())
    public, name = _public_key(runtime.keys, options.key)
    validity = Validity(_time(options, "not_before"), _time(options, "not_after"))
    roles = tuple(options.role or ["publish"])
    key = TrustedKey(public, options.name or name, tuple(options.namespace or ["*"]), validity, roles)
    runtime.trust_file.change(lambda trust: trust.with_key(key))
    tell(f"trusted: {key.name} {public.key_id} for {' '.join(key.namespaces)}{_in_roles(roles)}")
    return OK


def _in_roles(roles: tuple[str, ...]) -> str:
    return "" if roles == ("publish",) else f", role {' '.join(roles)}"


def _add_successor(runtime: Any, options: argparse.Namespace, data: bytes) -> int:
    from runtime.store.errors import StoreError
    from runtime.trust.errors import LogRewritten
    from runtime.trust.rotation import read

    if options.name or options.namespace or options.role or options.not_before or options.not_after:
        raise UsageError("a successor has the name and the rights of the key before it")
    with suppress(StoreError, LogRewritten):
        runtime.store.log.refresh()  # whether the key before it is revoked on record, where that can be read
    _adopt(runtime, read(data))
    return OK


def _adopt(runtime: Any, signed: Any) -> None:
    from rtfsc.cli.successors import adopt

    new = adopt(runtime, signed)
    tell(f"trusted: {new.name} {new.public.key_id}, successor of {signed.record.old}")


def _time(options: argparse.Namespace, name: str) -> int | None:
    from runtime.trust.statement import parse_time

    text = getattr(options, name)
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        option = name.replace("_", "-")
        raise UsageError(f"--{option}: a time is written like 2026-01-31T00:00:00Z, not {text}") from None


def _public_key(keys: Any, text: str) -> tuple[Any, str]:
    """The key, and a name for it."""
    from runtime.trust.keys import PublicKey

    path = Path(text)
    if not path.exists() and path.name == text and text in keys:
        return keys.public(text), text
    if not path.is_file():
        raise UsageError(f"'{text}' is neither a file nor a key of one's own")
    return PublicKey.from_pem(path.read_bytes(), text), path.stem


def _list(runtime: Any, options: argparse.Namespace) -> int:
    trust = runtime.trust_file.load()
    revoked = dict(trust.revoked_keys)
    if options.json:
        print_json([_row(key, revoked) for key in trust.keys])
        return OK
    for key in trust.keys:
        tell(_line(key, revoked))
    if not trust.keys:
        print("no key is trusted; 'rtfsc init' makes a local one and trusts it")
    for what, entries in (("key", trust.revoked_keys), ("module", trust.revoked_modules)):
        for target, reason in entries:
            if trust.find(target) is None:
                tell(f"{target}  revoked {what} {reason}".rstrip())
    return OK


def _row(key: Any, revoked: dict[str, str]) -> dict[str, Any]:
    stated = key.to_json()
    return {
        "name": key.name,
        "id": key.public.key_id,
        "namespaces": list(key.namespaces),
        "roles": list(key.roles),
        "validity": stated["validity"],
        "retired": stated["retired"],
        "succeeds": key.succeeds,
        "revoked": key.public.key_id in revoked,
        "reason": revoked.get(key.public.key_id, ""),
    }


def _line(key: Any, revoked: dict[str, str]) -> str:
    row = _row(key, revoked)
    notes = [_in_roles(key.roles).removeprefix(", ")]
    notes += [f"from {row['validity']['not_before']}" if row["validity"]["not_before"] else ""]
    notes += [f"until {row['validity']['not_after']}" if row["validity"]["not_after"] else ""]
    notes += [f"retired {row['retired']}" if row["retired"] else ""]
    notes += [f"REVOKED {row['reason']}".rstrip() if row["revoked"] else ""]
    return "  ".join([row["id"], row["name"], " ".join(row["namespaces"]), *filter(None, notes)])


def _remove(runtime: Any, options: argparse.Namespace) -> int:
    key = runtime.trust_file.load().resolve(options.key)
    runtime.trust_file.change(lambda trust: trust.without_key(key.public.key_id))
    tell(f"no longer trusted: {key.name} {key.public.key_id}")
    return OK


def _revoke(runtime: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.passphrase import signing_key

    signer = signing_key(runtime, options.sign) if options.sign else None
    if options.module:
        return _revoke_module(runtime, options, signer)
    trust = runtime.trust_file.load()
    key = trust.resolve(options.target)
    runtime.trust_file.change(lambda t: t.revoke_key(key.public.key_id, options.reason))
    if signer is not None:
        runtime.store.log.revoke(signer, keys=[(key.public.key_id, options.reason)])
    tell(f"revoked: {key.name} {key.public.key_id}{_on_record(signer)}")
    for heir in trust.keys:
        if heir.succeeds == key.public.key_id:
            tell(f"its successor {heir.name} {heir.public.key_id} is still trusted")
    return OK


def _revoke_module(runtime: Any, options: argparse.Namespace, signer: Any) -> int:
    from rtfsc.cli.store import find
    from runtime.store.signing import withdraw
    from runtime.trust.strict import is_digest

    digest = options.target
    if signer is not None or not is_digest(digest):
        entry, _ = find(runtime, options.target)
        digest = entry.digest
        if signer is not None:
            withdraw(runtime.store, entry, options.reason, signer)
    runtime.trust_file.change(lambda trust: trust.revoke_module(digest, options.reason))
    tell(f"revoked: module {digest}{_on_record(signer)}")
    return OK


def _on_record(signer: Any) -> str:
    return "" if signer is None else ", on record in the store"


def _countersign(runtime: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.passphrase import signing_key
    from rtfsc.cli.store import find
    from runtime.store.signing import countersign

    entry, _ = find(runtime, options.module)
    signed = countersign(runtime.store, entry, signing_key(runtime, options.key))
    state = "verified" if signed.status == "Verified" else f"still waits: {signed.status_reason}"
    tell(f"{signed.name}: {state}, sha256 {signed.digest[:16]}")
    return OK


def _update(runtime: Any, options: argparse.Namespace) -> int:
    """Successors of trusted keys, those of one's own keys too; a chain of them in one go. One that cannot be
    adopted hinders no other."""
    from runtime.trust.errors import TrustError

    adopted = refused = 0
    for signed in _successors(runtime, options):
        try:
            _adopt(runtime, signed)
            adopted += 1
        except TrustError as error:
            print(f"rtfsc: not adopted: {error.message}", file=sys.stderr)
            refused += 1
    told = _announce_own(runtime)
    if not adopted and not refused and not told:
        print("no trusted key has a successor on record that is not trusted yet")
    return TRUST if refused else OK


def _announce_own(runtime: Any) -> int:
    """Puts on record what one's own keys said and could not put there before; how many that was."""
    own = _own(runtime)
    if not own or not runtime.store.index.log_size():
        return 0
    count = int(runtime.store.log.adopt(own))
    if count:
        print(f"{count} successors of your own keys put on record")
    return count


def _own(runtime: Any) -> list[Any]:
    """What the keys on this machine said about their successors."""
    from runtime.trust.rotation import leading_here

    return [signed for info in runtime.keys.list() for signed in leading_here(runtime.keys, info.name)]


def _successors(runtime: Any, options: argparse.Namespace) -> Iterator[Any]:
    """Statements about successors that are not adopted yet. Whoever is trusted decides what is read, so it is
    read again when that has changed."""
    from rtfsc.cli.successors import is_adopted
    from runtime.engine import Runtime

    own = _own(runtime)
    seen: list[Any] = []
    while True:
        with Runtime(store=options.store or True) as fresh:
            trust = fresh.trust_file.load()
            mine = [signed for signed in own if trust.find(signed.record.subject) is not None]
            found = [*fresh.store.log.rotations(), *mine]
        new = [s for s in found if s not in seen and not is_adopted(runtime, s)]
        if not new:
            return
        seen += new
        yield from new


def _forget(runtime: Any, options: argparse.Namespace) -> int:
    if options.clock:
        runtime.verifier.seen.forget_time()
        print("the newest time is forgotten")
        return OK
    location = runtime.store.log.seen.location
    runtime.store.log.seen.forget()
    tell(f"what was seen of the store {location} is forgotten: its log is taken as it is now")
    return OK
