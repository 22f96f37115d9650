"""Macros: forms to forms, before a tree is built.

The code of macros runs in an evaluator that the caller provides (`Load`), so that this package needs none.
"""

from rtfsc.macros.evaluation import Atoms, Compiled, Load, MacroFailure
from rtfsc.macros.expander import expand

__all__ = ["Atoms", "Compiled", "Load", "MacroFailure", "expand"]
