"""Signing keys and their passphrases: looked up, and asked for at the terminal."""

from __future__ import annotations

import sys
from typing import Any

from rtfsc.cli.common import UsageError


def signing_key(runtime: Any, name: str) -> Any:
    """The private key of that name; its passphrase is asked for if it has one."""
    if name not in runtime.keys:
        raise UsageError(
            f"there is no key '{name}'; 'rtfsc init' makes the local one, 'rtfsc keys new' others"
        )
    return runtime.keys.load(name, ask)


def ask(name: str) -> str:
    """The passphrase, from the terminal."""
    from getpass import getpass

    if not sys.stdin.isatty():
        raise UsageError(f"key '{name}' has a passphrase: set RTFSC_KEY_PASSPHRASE_FILE or use a terminal")
    return getpass(f"passphrase of key '{name}': ")


def given_or_asked(name: str) -> str:
    """The passphrase from the file that the environment names, else from the terminal."""
    from runtime.trust.keys import passphrase_from_file

    given = passphrase_from_file()
    return ask(name) if given is None else given


def ask_new(name: str) -> str:
    """A new passphrase, typed twice."""
    if not sys.stdin.isatty():
        raise UsageError("set RTFSC_KEY_PASSPHRASE_FILE, use a terminal, or give --no-passphrase")
    first = ask(name)
    if first != ask(f"{name}, again"):
        raise UsageError("the two passphrases differ")
    return first
