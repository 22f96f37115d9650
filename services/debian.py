"""Programs from Debian's archive, unpacked into a folder of the user's cache; the system stays as it is."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services import Unavailable
from services.process import run


def cache_folder() -> Path:
    """``$RTFSC_SERVICES_CACHE``, else ``rtfsc/services`` in the user's cache."""
    given = os.environ.get("RTFSC_SERVICES_CACHE")
    if given:
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "rtfsc" / "services"


def unpacked(name: str, packages: Sequence[str], wanted: str) -> Path:
    """A root folder with the packages and, of those that they need and this machine lacks, the ones whose
    names match ``wanted``. What was unpacked once is used again, by all processes.

    Raises `Unavailable` on machines without apt and dpkg, and without a way to the archive.
    """
    found = sorted(cache_folder().glob(f"{name}-*"))
    if found:
        return found[-1]
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise Unavailable(f"{name} comes from Debian's archive, and there is no {program} here")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".unpacking-") as work:
        return _unpack(Path(work), name, packages, re.compile(wanted))


def _unpack(work: Path, name: str, packages: Sequence[str], wanted: re.Pattern[str]) -> Path:
    for folder in ("lists/partial", "archives/partial", "debs", "root"):
        (work / folder).mkdir(parents=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}"]
    apt += ["-o", "Debug::NoLocking=1"]
    if os.getuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]  # the folder is closed to apt's own user
    run([*apt, "update"], timeout=300)
    uris = run([*apt, "install", "--print-uris", "--no-install-recommends", "-y", *packages], timeout=120)
    names = re.findall(r"^'\S+' ([^_\s]+)_\S+", uris, re.MULTILINE)
    needed = [package for package in names if wanted.match(package)]
    version = _version(uris, packages[0])
    run([*apt, "download", *(needed or packages)], timeout=600, folder=work / "debs")
    for package in sorted((work / "debs").iterdir()):
        run(["dpkg", "-x", package, work / "root"])
    target = cache_folder() / f"{name}-{version}"
    try:
        (work / "root").rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster
            raise
    return target


def _version(uris: str, package: str) -> str:
    found = re.search(rf"^'\S+' {re.escape(package)}_([^_\s]+)_", uris, re.MULTILINE)
    return re.sub(r"[^\w.+~-]", "-", found[1]) if found else "installed"
