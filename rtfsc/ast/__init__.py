"""Syntax trees: special forms recognised, sugar removed, names not yet resolved."""

from rtfsc.ast.builder import build
from rtfsc.ast.nodes import Program

__all__ = ["Program", "build"]
