"""``rtfsc store history|pin|unpin|rollback``: the versions of a name."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from rtfsc.cli.common import OK, print_json, tell


def add_arguments(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    history = add("history", "every version of a name")
    history.add_argument("name")
    for name, help in (
        ("pin", "let no clean-up remove a module"),
        ("unpin", "let clean-ups remove it again"),
    ):
        add(name, help).add_argument("module", help="name, or beginning of the digest")
    rolling = add("rollback", "let an older version stand for its name, on record and signed")
    rolling.add_argument("name")
    rolling.add_argument("version", type=int, help="as 'rtfsc store history' shows it")
    rolling.add_argument("--reason", default="", help="kept and shown")
    rolling.add_argument("--key", default="local", help="name of the signing key (default: local)")


def _history(runtime: Any, options: argparse.Namespace) -> int:
    entries = _versions(runtime, options.name)
    current = runtime.store.index.current(options.name)
    rows = [
        {
            "version": entry.serial,
            "digest": entry.digest,
            "status": entry.status,
            "status_reason": entry.status_reason,
            "signer": entry.signer,
            "created_ms": entry.created_ms,
            "uses": entry.use_count,
            "pinned": entry.pinned,
            "current": current is not None and entry.id == current.id,
        }
        for entry in entries
    ]
    if options.json:
        print_json(rows)
        return OK
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["created_ms"] / 1000))
        notes = [note for note in ("current", "pinned") if row[note]]
        state = f"{row['status']:<8}  {row['uses']:>5} uses  {', '.join(notes)}".rstrip()
        tell(f"{row['version']:>4}  {row['digest'][:16]}  {when}  {state}")
    return OK


def _versions(runtime: Any, name: str) -> Any:
    from runtime.store.errors import NotStored

    entries = runtime.store.index.history(name)
    if not entries:
        raise NotStored(
            f"No module {name!r} in {runtime.choice.location}", hint="'rtfsc store ls' lists them"
        )
    return entries


def _pin(runtime: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.store import find

    entry, _ = find(runtime, options.module)
    pinned = options.action == "pin"
    runtime.store.index.pin(entry.id, pinned)
    if options.json:
        print_json({"name": entry.name, "digest": entry.digest, "pinned": pinned})
    else:
        tell(f"{entry.digest[:16]}  {entry.name} version {entry.serial} {'pinned' if pinned else 'unpinned'}")
    return OK


def _rollback(runtime: Any, options: argparse.Namespace) -> int:
    from rtfsc.cli.passphrase import signing_key
    from runtime.store.errors import NotStored
    from runtime.store.signing import roll_back

    entries = _versions(runtime, options.name)
    chosen = next((entry for entry in entries if entry.serial == options.version), None)
    if chosen is None:
        there = ", ".join(str(entry.serial) for entry in entries)
        raise NotStored(f"{options.name!r} has no version {options.version}; there are {there}")
    roll_back(runtime.store, chosen, options.reason, signing_key(runtime, options.key))
    if options.json:
        print_json({"name": options.name, "version": chosen.serial, "digest": chosen.digest})
    else:
        tell(f"{options.name} is version {chosen.serial} again ({chosen.digest[:16]})")
    return OK


ACTIONS = {"history": _history, "pin": _pin, "unpin": _pin, "rollback": _rollback}
