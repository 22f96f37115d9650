"""Grammars that make a language model write RTFS, in GBNF, the notation of llama.cpp.

`gbnf` is of programs, `gbnf_for` of values of a type, `check_gbnf` examines any grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfsc.gbnf.check import GbnfError, check_gbnf
    from rtfsc.gbnf.programs import gbnf
    from rtfsc.gbnf.values import UnwritableType, gbnf_for

__all__ = ["GbnfError", "UnwritableType", "check_gbnf", "gbnf", "gbnf_for"]
_HOMES = {
    "GbnfError": "check", "check_gbnf": "check", "gbnf": "programs", "UnwritableType": "values",
    "gbnf_for": "values",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"rtfsc.gbnf.{_HOMES[name]}"), name)
    raise AttributeError(name)
