from collections.abc import Callable
from typing import Any

from runtime.values.shapes import Shape

def encode_bytes(
    value: Any,
    shape: Shape | None = None,
    grant: Callable[[Any], int | None] | None = None,
    argument: int = -1,
    limit: int = 0xFFFFFFFF,
) -> bytes: ...
def decode_bytes(data: bytes, function_of: Callable[[int], Any] | None = None) -> Any: ...
