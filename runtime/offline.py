"""Whether this process may use the network."""

from __future__ import annotations

import os

VARIABLE = "RTFSC_OFFLINE"


def offline() -> bool:
    """What ``--offline`` sets, also for processes that are started from here."""
    return os.environ.get(VARIABLE, "") not in ("", "0")
