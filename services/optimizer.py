"""Binaryen's ``wasm-opt``: the machine's own, or npm's, installed into the user's cache."""

from __future__ import annotations

import os

from services.npm import installed

VERSION = "132.0.0"


def wasm_opt() -> str:
    """A program that reads what rtfsc writes. Raises `Unavailable`."""
    own = os.environ.get("RTFSC_WASM_OPT")
    return own or str(installed("binaryen", VERSION) / ".bin/wasm-opt")
