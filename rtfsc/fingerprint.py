"""The compiler's fingerprint: a hash of its own source, so that it can never be forgotten to bump."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_STAGES = ("ast", "ir", "lower", "macros", "modules", "passes", "primitives", "sema", "stdlib", "syntax")
_SUFFIXES = (".py", ".lark", ".toml", ".rtfs")


@cache
def compiler_fingerprint() -> str:
    """SHA-256 over the names and bytes of every file that can change what the front end emits."""
    root = Path(__file__).parent
    digest = hashlib.sha256(b"rtfsc-compiler-1\0")
    for stage in _STAGES:
        for path in sorted((root / stage).rglob("*")):
            if path.suffix in _SUFFIXES and "__pycache__" not in path.parts:
                data = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode())
                digest.update(data)
    return digest.hexdigest()
