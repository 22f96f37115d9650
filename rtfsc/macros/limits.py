"""Limits of expansion, so that it ends."""

from __future__ import annotations

from typing import Final

DEPTH: Final = 256
"""Most expansions inside of each other."""
NESTING: Final = 1000
"""Deepest nesting of forms after expansion."""
EXPANSIONS: Final = 100_000
"""Most macro calls of one program."""
SIZE: Final = 500_000
"""Most forms that all expansions of a program make together."""
