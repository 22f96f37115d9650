"""Binaryen's ``wasm-opt``: the machine's own, or npm's, installed into the user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from services import Unavailable
from services.debian import cache_folder
from services.process import run

VERSION = "132.0.0"


def wasm_opt() -> str:
    """A program that reads what rtfsc writes. Raises `Unavailable`."""
    own = os.environ.get("RTFSC_WASM_OPT")
    if own:
        return own
    target = cache_folder() / f"binaryen-npm-{VERSION}"
    if not target.is_dir():
        _install(target)
    return str(target / "node_modules/.bin/wasm-opt")


def _install(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("binaryen comes from npm, and there is no npm here")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".installing-") as work:
        run([npm, "install", "--silent", "--prefix", work, f"binaryen@{VERSION}"], timeout=600)
        try:
            Path(work, "node_modules").rename(Path(work, "kept"))
            target.mkdir()
            Path(work, "kept").rename(target / "node_modules")
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
