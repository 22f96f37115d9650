"""``rtfsc keys``: signing keys."""

from __future__ import annotations

import argparse
from typing import Any

from rtfsc.cli.common import OK, UsageError, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|list|export")
    new = actions.add_parser("new", help="make a key")
    new.add_argument("name")
    new.add_argument(
        "--no-passphrase", action="store_true", help="keep it unencrypted, readable by you alone"
    )
    listing = actions.add_parser("list", help="the keys here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    export = actions.add_parser("export", help="print the public key, for others to trust")
    export.add_argument("name")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    keys = Runtime().keys
    return {"new": _new, "list": _list, "export": _export}[options.action](keys, options)


def _new(keys: Any, options: argparse.Namespace) -> int:
    passphrase = None if options.no_passphrase else _new_passphrase(options.name)
    info = keys.new(options.name, passphrase=passphrase)
    print(f"key '{options.name}' {info.public.key_id}")
    return OK


def _new_passphrase(name: str) -> str:
    from rtfsc.cli.passphrase import ask_new
    from runtime.trust.keys import passphrase_from_file

    given = passphrase_from_file()
    return ask_new(name) if given is None else given


def _list(keys: Any, options: argparse.Namespace) -> int:
    rows = [{"name": info.name, "id": info.public.key_id} for info in keys.list()]
    if options.json:
        print_json(rows)
        return OK
    for row in rows:
        print(f"{row['id']}  {row['name']}")
    if not rows:
        print("no keys; 'rtfsc init' makes the local one")
    return OK


def _export(keys: Any, options: argparse.Namespace) -> int:
    if options.name not in keys:
        raise UsageError(f"there is no key '{options.name}'; 'rtfsc keys list' shows them")
    print(keys.export(options.name), end="")
    return OK
