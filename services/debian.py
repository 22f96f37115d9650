"""Programs from Debian's archive, unpacked into a folder of the user's cache; the system stays as it is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from services import Unavailable
from services.cache import cache_folder, persistently, workshop
from services.process import run

_DOWNLOAD_S = 3600.0
_PATIENCE = ("Acquire::Retries=3", "Acquire::http::Timeout=60", "Acquire::https::Timeout=60")


def unpacked(name: str, packages: Sequence[str], wanted: str) -> Path:
    """A root folder with the packages and, of those that they need and this machine lacks, the ones whose
    names match ``wanted``. What was unpacked once is used again, by all processes.

    Raises `Unavailable` on machines without apt and dpkg, and without a way to the archive.
    """
    found = _found(name)
    if found is not None:
        return found
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise Unavailable(f"{name} comes from Debian's archive, and there is no {program} here")
    with workshop(name) as work:
        return _found(name) or _unpack(work, name, packages, re.compile(wanted))


def _found(name: str) -> Path | None:
    return max(cache_folder().glob(f"{name}-*"), default=None)


def _unpack(work: Path, name: str, packages: Sequence[str], wanted: re.Pattern[str]) -> Path:
    for folder in ("lists/partial", "archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    version = persistently(partial(_download, work, packages, wanted))
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for package in sorted((work / "debs").glob("*.deb")):
        run(["dpkg", "-x", package, root], timeout=_DOWNLOAD_S)
    return root.rename(cache_folder() / f"{name}-{version}")


def _download(work: Path, packages: Sequence[str], wanted: re.Pattern[str]) -> str:
    """Fetches what is not in ``debs`` yet, as `apt-get` finds out itself; returns the first one's version."""
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}"]
    apt += ["-o", "Debug::NoLocking=1", *(part for option in _PATIENCE for part in ("-o", option))]
    if os.getuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]  # the folder is closed to apt's own user
    run([*apt, "update"], timeout=_DOWNLOAD_S)
    uris = run([*apt, "install", "--print-uris", "--no-install-recommends", "-y", *packages], timeout=300)
    names = re.findall(r"^'\S+' ([^_\s]+)_\S+", uris, re.MULTILINE)
    needed = [package for package in names if wanted.match(package)]
    _begin(work / "debs", uris)
    run([*apt, "download", *(needed or packages)], timeout=_DOWNLOAD_S, folder=work / "debs")
    return _version(uris, packages[0])


def _begin(debs: Path, uris: str) -> None:
    """What is there is of use only if the archive has nothing newer since."""
    sought = debs / "uris"
    if not sought.exists() or sought.read_text() != uris:
        shutil.rmtree(debs, ignore_errors=True)
        debs.mkdir()
        sought.write_text(uris)


def _version(uris: str, package: str) -> str:
    found = re.search(rf"^'\S+' {re.escape(package)}_([^_\s]+)_", uris, re.MULTILINE)
    return re.sub(r"[^\w.+~-]", "-", found[1]) if found else "installed"
