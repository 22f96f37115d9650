"""Programs from npm, installed into a folder of the user's cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from services import Unavailable
from services.cache import cache_folder, persistently, workshop
from services.process import run


def installed(package: str, version: str) -> Path:
    """The folder ``node_modules`` with the package and what it needs. What was installed once is used again,
    by all processes; no package runs a program of its own while it is installed.

    Raises `Unavailable` on machines without npm, and without a way to its registry.
    """
    target = cache_folder() / f"{package}-npm-{version}"
    if not target.is_dir():
        with workshop(f"{package}-npm") as work:
            if not target.is_dir():
                _install(f"{package}@{version}", work, target)
    return target / "node_modules"


def _install(package: str, work: Path, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"{package} comes from npm, and there is no npm here")
    options = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=5")
    persistently(lambda: run([npm, "install", *options, "--prefix", work, package], timeout=3600))
    ready = work / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    (work / "node_modules").rename(ready / "node_modules")
    ready.rename(target)
