"""What is downloaded is kept in the user's cache, and fetched with patience."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from services import Unavailable

T = TypeVar("T")
PAUSES_S = (2.0, 10.0, 30.0)


def cache_folder() -> Path:
    """``$RTFSC_SERVICES_CACHE``, else ``rtfsc/services`` in the user's cache."""
    given = os.environ.get("RTFSC_SERVICES_CACHE")
    if given:
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "rtfsc" / "services"


@contextmanager
def workshop(name: str) -> Iterator[Path]:
    """A folder in the cache to make ``name`` in, for one process at a time. It goes at the end; what one that
    failed or was killed had fetched is there for the next."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f".{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = cache_folder() / f".{name}.unfinished"
        folder.mkdir(exist_ok=True)
        yield folder
        shutil.rmtree(folder)


def persistently(fetch: Callable[[], T]) -> T:
    """Archives and the ways to them fail now and then: again, after pauses. Raises `Unavailable`."""
    for pause in PAUSES_S:
        try:
            return fetch()
        except Unavailable:
            time.sleep(pause)
    return fetch()
