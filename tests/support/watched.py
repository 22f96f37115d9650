"""Work that may crash or hang, in a child process: how it ended, and what it was at."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

FORK: Final = get_context("fork")
counter: Final[Callable[[int], Any]] = partial(FORK.Value, "q")
"""An integer, in ``value``, that the child writes and the parent reads."""


def run_watched(
    work: Callable[..., None], *arguments: Any, at: Any, patience: float, busy: Any = None
) -> str | None:
    """Runs ``work`` in a forked child; None if it came to its end, else what became of it.

    ``at`` is a `counter` that changes as the work goes on; a child that leaves it alone for ``patience``
    seconds is killed, but for while ``busy`` is not 0. The process that forks should have made no engine:
    their threads would be lost."""
    worker = FORK.Process(target=work, args=arguments)
    worker.start()
    last, since = at.value, time.monotonic()
    try:
        while worker.is_alive():
            worker.join(1)
            if at.value != last or (busy is not None and busy.value):
                last, since = at.value, time.monotonic()
            if time.monotonic() - since > patience:
                return f"took more than {patience:.0f} s"
    finally:
        worker.kill()  # if it hangs, or this process was interrupted
        worker.join()
    return f"ended the process with {worker.exitcode}" if worker.exitcode else None
