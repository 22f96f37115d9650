"""Asking for the passphrase of a key."""

from __future__ import annotations

import sys


def ask(name: str) -> str:
    """The passphrase, from the terminal."""
    from getpass import getpass

    from rtfsc.cli.common import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"key '{name}' has a passphrase: set RTFSC_KEY_PASSPHRASE_FILE or use a terminal")
    return getpass(f"passphrase of key '{name}': ")


def ask_new(name: str) -> str:
    """A new passphrase, typed twice."""
    from rtfsc.cli.common import UsageError

    first = ask(name)
    if first != ask(f"{name}, again"):
        raise UsageError("the two passphrases differ")
    return first
