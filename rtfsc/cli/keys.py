"""``rtfsc keys``: signing keys."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, UsageError, add_store, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|list|export|import|rotate")
    new = actions.add_parser("new", help="make a key")
    new.add_argument("name")
    listing = actions.add_parser("list", help="the keys here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    export = actions.add_parser("export", help="print the public key, for others to trust")
    export.add_argument("name")
    export.add_argument(
        "--private", action="store_true", help="the private key, encrypted: to keep, or for another machine"
    )
    importing = actions.add_parser("import", help="take over a private key (Ed25519, PKCS8 in PEM form)")
    importing.add_argument("file")
    importing.add_argument("--name", help="what to call it (default: the file's name)")
    rotate = actions.add_parser("rotate", help="a new key in place of one, which names it its successor")
    rotate.add_argument("name")
    add_store(rotate)
    for action in (new, export, importing, rotate):
        action.add_argument(
            "--no-passphrase", action="store_true", help="keep it unencrypted, readable by you alone"
        )


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    actions = {"new": _new, "list": _list, "export": _export, "import": _import, "rotate": _rotate}
    with Runtime(store=getattr(options, "store", None) or True) as runtime:
        return actions[options.action](runtime, options)


def _new(runtime: Any, options: argparse.Namespace) -> int:
    info = runtime.keys.new(options.name, passphrase=_new_passphrase(options))
    print(f"key '{options.name}' {info.public.key_id}")
    return OK


def _new_passphrase(options: argparse.Namespace) -> str | None:
    from rtfsc.cli.passphrase import ask_new
    from runtime.trust.keys import passphrase_from_file

    if options.no_passphrase:
        return None
    given = passphrase_from_file()
    return ask_new(options.name) if given is None else given


def _list(runtime: Any, options: argparse.Namespace) -> int:
    rows = [
        {"name": info.name, "id": info.public.key_id, "encrypted": runtime.keys.is_encrypted(info.name)}
        for info in runtime.keys.list()
    ]
    if options.json:
        print_json(rows)
        return OK
    for row in rows:
        print(f"{row['id']}  {row['name']}{'' if row['encrypted'] else '  (no passphrase)'}")
    if not rows:
        print("no keys; 'rtfsc init' makes the local one")
    return OK


def _export(runtime: Any, options: argparse.Namespace) -> int:
    keys = runtime.keys
    _require(keys, options.name)
    if not options.private:
        print(keys.export(options.name), end="")
        return OK
    pem = keys.private_pem(options.name)
    if not keys.is_encrypted(options.name) and not options.no_passphrase:
        pem = keys.load(options.name).pem(_new_passphrase(options))
    print(pem.decode(), end="")
    return OK


def _import(runtime: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.passphrase import given_or_asked
    from runtime.trust.keys import SigningKey, is_encrypted

    path = Path(options.file)
    if not path.is_file():
        raise UsageError(f"there is no file '{options.file}'")
    data, name = path.read_bytes(), options.name or path.stem
    options.name = name
    passphrase = given_or_asked(name) if is_encrypted(data) else None
    key = SigningKey.from_pem(data, lambda: passphrase or "", options.file)
    if options.no_passphrase:
        passphrase = None
    elif passphrase is None:
        passphrase = _new_passphrase(options)
    info = runtime.keys.add(name, key, passphrase=passphrase)
    print(f"key '{name}' {info.public.key_id}")
    return OK


def _rotate(runtime: Any, options: argparse.Namespace) -> int:
    """The key, what is trusted of it here, and the word of it where the team looks; told when all is done,
    for whoever reads it may go away."""
    from rtfsc.cli.passphrase import ask
    from rtfsc.cli.successors import adopt_own
    from runtime.trust.rotation import rotate

    keys, name = runtime.keys, options.name
    _require(keys, name)
    keys.load(name, ask)  # before a new passphrase is asked for
    adopt_own(runtime, name)
    done = rotate(keys, name, prompt=ask, passphrase=_new_passphrase(options))
    adopted = adopt_own(runtime, name)
    told = _announced(runtime, done)
    print(f"key '{name}' {done.new.public.key_id} succeeds {done.old.key_id}")
    if adopted:
        print("trusted in its place; what the old key signed before stays valid")
    print(told)
    return OK


def _announced(runtime: Any, done: Any) -> str:
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError
    from runtime.trust.rotation import leading_here

    told = f"{done.statement} tells others: rtfsc trust add FILE"
    if not runtime.store.index.log_size():
        return told
    try:
        runtime.store.log.adopt(leading_here(runtime.keys, done.new.name))
        return f"on record in the store; {told}"
    except (StoreError, TrustError) as error:
        message = f"not on record yet, 'rtfsc trust update' does it: {error.message}"
        print(f"rtfsc: {message}", file=sys.stderr)
        return told


def _require(keys: Any, name: str) -> None:
    if name not in keys:
        raise UsageError(f"there is no key '{name}'; 'rtfsc keys list' shows them")
