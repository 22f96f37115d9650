"""Primitives as data: the ops of the IR (`ops`) and the names of the library (`library`).

Engines register an implementation per op by name; `tests/arch` demands that none is missing.
"""

from rtfsc.primitives.library import LIBRARY, LibraryFunction
from rtfsc.primitives.ops import OPS, Op

__all__ = ["LIBRARY", "OPS", "LibraryFunction", "Op"]
