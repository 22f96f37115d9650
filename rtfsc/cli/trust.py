"""``rtfsc trust``: whose signatures count, and for which modules."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, UsageError, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")
    add = actions.add_parser("add", help="trust a public key")
    add.add_argument("key", help="file with the public key (PEM), or name of a key of one's own")
    add.add_argument("--name", help="what to call it (default: the file's name)")
    add.add_argument(
        "--namespace", action="append", metavar="PATTERN", help="modules it may sign: *, a.b, a.* (default *)"
    )
    listing = actions.add_parser("list", help="the trusted keys")
    listing.add_argument("--json", action="store_true", help="as JSON")
    revoke = actions.add_parser("revoke", help="accept nothing more that a key has signed")
    revoke.add_argument("key", help="name or id")
    revoke.add_argument("--reason", default="", help="kept and shown")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    return {"add": _add, "list": _list, "revoke": _revoke}[options.action](Runtime(), options)


def _add(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.trust.store import TrustedKey

    public, name = _public_key(runtime.keys, options.key)
    key = TrustedKey(public, options.name or name, tuple(options.namespace or ["*"]))
    runtime.trust_file.change(lambda trust: trust.with_key(key))
    print(f"trusted: {key.name} {public.key_id} for {' '.join(key.namespaces)}")
    return OK


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
    rows = [
        {
            "name": key.name,
            "id": key.public.key_id,
            "namespaces": list(key.namespaces),
            "revoked": key.public.key_id in revoked,
            "reason": revoked.get(key.public.key_id, ""),
        }
        for key in trust.keys
    ]
    if options.json:
        print_json(rows)
        return OK
    for row in rows:
        mark = f"  REVOKED {row['reason']}".rstrip() if row["revoked"] else ""
        print(f"{row['id']}  {row['name']}  {' '.join(row['namespaces'])}{mark}")
    if not rows:
        print("no key is trusted; 'rtfsc init' makes a local one and trusts it")
    return OK


def _revoke(runtime: Any, options: argparse.Namespace) -> int:
    key = runtime.trust_file.load().resolve(options.key)
    runtime.trust_file.change(lambda trust: trust.revoke_key(key.public.key_id, options.reason))
    print(f"revoked: {key.name} {key.public.key_id}")
    return OK
