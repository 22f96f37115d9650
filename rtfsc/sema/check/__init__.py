"""The static checker (C48): what every expression can be, and where that cannot be what is needed.

Gradual: what is not known is compatible with everything, and only definite conflicts are reported: an
expression that raises whenever it is evaluated. ``strict`` also reports what cannot be proved.
"""

from __future__ import annotations

from rtfsc.sema.check.checker import Checker, check_types

__all__ = ["Checker", "check_types"]
