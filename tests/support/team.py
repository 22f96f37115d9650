"""Stores at any place, and what several processes do with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from store_samples import predicate, sha, trusting, verifier

from runtime.store import opening
from runtime.store.index import Entry
from runtime.store.location import Location
from runtime.store.store import ModuleStore
from runtime.trust.keys import KeyRing, SigningKey

__all__ = ["artifact", "child", "key_in", "open_place", "publish", "sha"]
ROOT = Path(__file__).parents[2]


def open_place(place: str | Path, *keys: SigningKey, cache: Path | None = None) -> ModuleStore:
    """A store in a folder or at two addresses, which trusts the keys."""
    return opening.open_store(Location.parse(place), verifier(trusting(*keys)), cache=cache)


def publish(store: ModuleStore, key: SigningKey, salt: str) -> Entry:
    return store.publish(artifact(salt), predicate(salt=salt), key, source=f"(defn quote [] {salt!r})").entry


def artifact(salt: str) -> bytes:
    return b"\0asm\1\0\0\0" + salt.encode() * 2000


_CHILD = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/support")!r}]
from pathlib import Path
import team
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs the code with this module at hand as ``team``; it has said "ready" already and
    waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()[1]
    return process


def key_in(folder: Path) -> SigningKey:
    """One key for all processes of a test."""
    ring = KeyRing(folder / "keys")
    if "local" not in ring:
        ring.new("local")
    return ring.load("local")
