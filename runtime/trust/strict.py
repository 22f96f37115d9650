"""Strict reading of JSON that an attacker may have written.

One text for one meaning: no duplicate fields, no floats, no unknown fields, no other base64 than the
canonical one.  Everything that deviates raises `Malformed`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from runtime.trust.errors import Malformed

T = TypeVar("T")
Path = tuple[str | int, ...]
"""Where in a document: names of fields and positions in lists, from the root."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXT_LIMIT = 65536


def canonical(value: Any) -> bytes:
    """The one encoding of a JSON value: sorted keys, no blanks, UTF-8. Raises `Malformed` for a text with
    half of a surrogate pair, which JSON can escape and UTF-8 cannot say."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"half of a surrogate pair in a text: {text[error.start]!a}") from None


def parse(data: bytes, *, limit: int, what: str) -> Any:
    """Parses at most ``limit`` bytes of JSON without duplicate fields and without floats."""
    if len(data) > limit:
        raise Malformed(f"{what}: {len(data)} bytes, the limit is {limit}")

    def refuse_number(text: str) -> NoReturn:
        raise Malformed(f"{what}: the number {text} is not an integer")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise Malformed(f"{what}: duplicate field")
        return fields

    try:
        return json.loads(
            data.decode(), object_pairs_hook=unique, parse_float=refuse_number, parse_constant=refuse_number
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what}: not JSON ({error})") from None


def is_digest(text: str) -> bool:
    """64 lower-case hex digits."""
    return _DIGEST.fullmatch(text) is not None


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def base64_bytes(text: str, what: str) -> bytes:
    """Decodes canonical base64 only: padded, no blanks, unused bits zero."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{what}: not base64") from None
    if base64_text(data) != text:
        raise Malformed(f"{what}: base64 in a form that is not canonical")
    return data


class Fields:
    """Reads an object field by field; `done` refuses what nobody asked for.  What it raises has the
    ``path`` of the field at fault."""

    def __init__(self, value: Any, what: str, path: Path = ()) -> None:
        self.what, self.path = what, path
        if not isinstance(value, dict):
            raise self.fault("expected an object")
        self._left: dict[str, Any] = dict(value)

    def fault(self, text: str, name: str | None = None) -> Malformed:
        """What to raise for the field, or for the whole object."""
        error = Malformed(f"{self.what}: {text}")
        error.path = self.path if name is None else (*self.path, name)
        return error

    def has(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, kind: type[T]) -> T:
        """The required field, exactly of type ``kind`` (so True is not an integer)."""
        if name not in self._left:
            raise self.fault(f"field {name!r} is missing", name)
        value = self._left.pop(name)
        if type(value) is not kind:
            raise self.fault(f"field {name!r} is not of type {kind.__name__}", name)
        return value

    def text(self, name: str) -> str:
        value = self.take(name, str)
        if len(value) > _TEXT_LIMIT:
            raise self.fault(f"field {name!r} is longer than {_TEXT_LIMIT} characters", name)
        return value

    def constant(self, name: str, expected: str) -> None:
        value = self.text(name)
        if value != expected:
            raise self.fault(f"{name} {value!r} is not supported, expected {expected!r}", name)

    def digest(self, name: str) -> str:
        """64 lower-case hex digits."""
        value = self.text(name)
        if not is_digest(value):
            raise self.fault(f"field {name!r} is not a SHA-256 digest", name)
        return value

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """null, or what ``read`` makes of the field.  The field itself must be there."""
        if name in self._left and self._left[name] is None:
            del self._left[name]
            return None
        return read(name)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.take(name, list)
        if not all(type(value) is str for value in values):
            raise self.fault(f"field {name!r} is not a list of strings", name)
        return tuple(values)

    def objects(self, name: str) -> list[Fields]:
        return [
            Fields(value, f"{self.what}.{name}[{i}]", (*self.path, name, i))
            for i, value in enumerate(self.take(name, list))
        ]

    def object(self, name: str) -> Fields:
        return Fields(self.take(name, dict), f"{self.what}.{name}", (*self.path, name))

    def done(self) -> None:
        if self._left:
            raise self.fault(f"unknown field {min(self._left)!r}", min(self._left))
