"""Messages over a pipe: four bytes of length, the lowest first, then JSON."""

from __future__ import annotations

import json
from typing import Any

MOST = 64 << 20
"""Bytes of one message."""


class Malformed(Exception):
    """These bytes are no message."""


def packed(message: dict[str, Any]) -> bytes:
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(data).to_bytes(4, "little") + data


class Unpacker:
    """Puts messages together from whatever pieces the pipe gives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now. Raises `Malformed`."""
        self._buffer += data
        found = []
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "little")
            if size > MOST:
                raise Malformed(f"a message of {size} bytes")
            if len(self._buffer) < 4 + size:
                break
            try:
                message = json.loads(self._buffer[4 : 4 + size])
            except ValueError as error:
                raise Malformed(str(error)) from None
            if not isinstance(message, dict):
                raise Malformed("not an object")
            found.append(message)
            del self._buffer[: 4 + size]
        return found
