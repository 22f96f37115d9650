"""Values as bytes, exactly: what digests of inputs and outputs are of, and what is kept for a replay."""

from __future__ import annotations

import hashlib
from typing import Any

from runtime.chain.errors import Unrecorded
from runtime.values.transit import decode_bytes, encode_bytes


class Encoded:
    """``data``: the value in the layout that values have between host and engines (docs/abi.md), which tells
    all kinds apart and keeps the order of maps; ``whole``: whether nothing is missing. Functions are: they
    cannot leave the process."""

    __slots__ = ("data", "whole")

    def __init__(self, value: Any) -> None:
        self.whole = True
        try:
            self.data = encode_bytes(value, None, self._function)
        except (TypeError, ValueError, OverflowError):  # of a capability that answers what is no value
            self.whole = False
            self.data = repr(type(value)).encode()

    def _function(self, function: Any) -> int:
        self.whole = False
        return 0

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def decoded(data: bytes) -> Any:
    """The value again. Raises `Unrecorded` for one that was not whole."""
    try:
        return decode_bytes(data, _no_function)
    except (ValueError, RuntimeError) as error:
        raise Unrecorded(f"a value that was kept cannot be read: {error}") from None


def _no_function(handle: int) -> Any:
    raise Unrecorded("a value with a function in it cannot be had again")
