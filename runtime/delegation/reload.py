"""Takes a policy file again when it has changed; one with mistakes is told of, and the policy that was in
force stays."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING

from runtime.delegation.policy_file import PolicyError, not_text, parse
from runtime.obs.events import tell

if TYPE_CHECKING:
    from runtime.delegation.setup import Delegating

Stamp = tuple[int, int, int] | None


def stamp_of(path: Path) -> Stamp:
    """Changes with the file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def take(delegating: Delegating, path: Path) -> PolicyError | OSError | None:
    """Reads the file and puts its policy in force; what is wrong with it, else None."""
    try:
        policy = parse(path.read_text(encoding="utf-8"), delegating.shown)
    except (PolicyError, OSError, UnicodeDecodeError) as error:
        wrong = error if not isinstance(error, UnicodeDecodeError) else not_text(delegating.shown, error)
        tell(delegating.emit, "policy.refused", file=delegating.shown, error=str(wrong))
        logging.getLogger("rtfsc").warning("the policy stays as it was: %s", wrong)
        return wrong
    delegating.load(policy)
    tell(
        delegating.emit, "policy.loaded",
        file=delegating.shown, rules=len(policy.rules), epoch=delegating.policies.epoch,
    )  # fmt: skip
    return None


class Watcher:
    """Looks at the file every ``interval`` seconds in a thread of its own, until `close`, or until nobody has
    the `Delegating` any more. A change is taken when the next look finds the same: nobody writes any more.
    ``known``: what the file was when it was read (default: what it is now)."""

    def __init__(
        self, delegating: Delegating, path: Path, interval: float, known: Stamp | EllipsisType = ...
    ) -> None:
        self._delegating = weakref.ref(delegating, lambda _: self.close())
        self._path, self._interval = path, interval
        self._end = threading.Event()
        self._seen = stamp_of(path)
        self._known = self._seen if isinstance(known, EllipsisType) else known
        self._thread = threading.Thread(target=self._run, name="rtfsc-policy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(self._interval):
            try:
                self.look()
            except Exception:  # of a model that cannot be closed, say: later versions are looked at, too
                logging.getLogger("rtfsc").exception("the policy file was not taken again")

    def look(self) -> None:
        stamp = stamp_of(self._path)
        settled, self._seen = stamp == self._seen, stamp
        if not settled or stamp == self._known:
            return
        self._known = stamp
        delegating = self._delegating()
        if delegating is not None:
            take(delegating, self._path)  # where the file is gone, it says so
