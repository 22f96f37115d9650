"""``rtfsc keys``: signing keys."""

from __future__ import annotations

import argparse
from typing import Any

from rtfsc.cli.common import OK, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|list|export")
    new = actions.add_parser("new", help="make a key")
    new.add_argument("name")
    new.add_argument("--no-passphrase", action="store_true", help="keep it unencrypted, readable by you alone")
    listing = actions.add_parser("list", help="the keys here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    export = actions.add_parser("export", help="print the public key, for others to trust")
    export.add_argument("name")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    keys = Runtime().keys
    return {"new": _new, "list": _list, "export": _export}[options.action](keys, options)


def _new(keys: Any, options: argparse.Namespace) -> int:
    import os

    from rtfsc.cli.passphrase import ask_new
    from runtime.trust.keys import PASSPHRASE_FILE

    passphrase = None
    if not options.no_passphrase:
        path = os.environ.get(PASSPHRASE_FILE)
        if path:
            with open(path, encoding="utf-8") as file:
                passphrase = file.readline().rstrip("\r\n")
        else:
            passphrase = ask_new(options.name)
    info = keys.new(options.name, passphrase=passphrase)
    print(f"key '{options.name}' {info.public.key_id}")
    return OK


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
    print(keys.export(options.name), end="")
    return OK
