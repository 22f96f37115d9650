"""Types as an algebra: sets of values with subtyping, join, meet and consistency.

`model`: what a type is. `relations`: subtype, join, meet, consistent. `atoms` and `predicates`: the same
within one kind of value. `convert`: from annotations. `show`: as text.
"""

from __future__ import annotations

from rtfsc.sema.algebra.model import Type, of_kinds
from rtfsc.sema.algebra.relations import consistent, join, meet, subtype

__all__ = ["Type", "consistent", "join", "meet", "of_kinds", "subtype"]
