"""Python values in the printed form of RTFS: what came over the boundary, shown to a person."""

from __future__ import annotations

import uuid
from typing import Any

from runtime.values import ErrorValue, Keyword, List, Resource, Symbol, Timestamp

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def printed(value: Any) -> str:
    """The text that the program itself would print for the value."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        from rtfsc.syntax.printer import print_float

        return print_float(value)
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, Keyword):
        return f":{value.name}"
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, (int, uuid.UUID, Timestamp, Resource)):
        return str(value)
    if isinstance(value, ErrorValue):
        return f"#<error: {value.message}>"
    return _collection(value)


def _collection(value: Any) -> str:
    if isinstance(value, List):
        return f"({' '.join(map(printed, value))})"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if isinstance(value, dict):
        return "{" + " ".join(f"{printed(k)} {printed(v)}" for k, v in value.items()) + "}"
    return "#<function>"
