"""The part of the standard library that is written in RTFS.

Compiled when the package is built (`build`), loaded function by function; where the bundle is missing or
older than the sources, they are compiled once per process.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfsc.ir.nodes import Function
    from rtfsc.ir.serial import Bundle

HERE = Path(__file__).parent
BUNDLE = HERE / "stdlib.irb"


class Installed:
    """Library functions by IR name (``lib/map/2``), each a new copy."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._names = frozenset(bundle.names())

    def names(self) -> frozenset[str]:
        return self._names

    def function(self, name: str) -> Function | None:
        return self._bundle.function(name) if name in self._names else None


@cache
def installed() -> Installed:
    from rtfsc.ir.serial import Bundle
    from rtfsc.stdlib.build import compiled, digest

    if BUNDLE.is_file():
        data = BUNDLE.read_bytes()
        if data[:32] == digest():
            return Installed(Bundle(data[32:]))
    return Installed(Bundle(compiled()))
