"""Programs from npm, installed into a folder of the user's cache."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from services import Unavailable
from services.debian import cache_folder
from services.process import run


def installed(package: str, version: str) -> Path:
    """The folder ``node_modules`` with the package and what it needs. What was installed once is used again,
    by all processes; no package runs a program of its own while it is installed.

    Raises `Unavailable` on machines without npm, and without a way to its registry.
    """
    target = cache_folder() / f"{package}-npm-{version}"
    if not target.is_dir():
        _install(f"{package}@{version}", target)
    return target / "node_modules"


def _install(package: str, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"{package} comes from npm, and there is no npm here")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".installing-") as work:
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        run([npm, "install", *quiet, "--prefix", work, package], timeout=600)
        ready = Path(work, "ready")
        ready.mkdir()
        Path(work, "node_modules").rename(ready / "node_modules")
        try:
            ready.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
