"""Compiles ``*.rtfs`` of this folder to a bundle of functions: 32 bytes digest of what it was made from, then
the bundle of `rtfsc.ir.serial`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from rtfsc.ir.nodes import INIT, Function, Module
from rtfsc.source import SourceFile
from rtfsc.stdlib import HERE


def build(target_path: str | os.PathLike[str]) -> None:
    """Writes the bundle to ``target_path``. Raises `DiagnosticError` if a source has a fault."""
    Path(target_path).write_bytes(digest() + compiled())


def digest() -> bytes:
    """SHA-256 of the library's sources and of the compiler that reads them."""
    from rtfsc.fingerprint import compiler_fingerprint

    return hashlib.sha256(compiler_fingerprint().encode()).digest()


def compiled() -> bytes:
    """The bundle of every library function."""
    from rtfsc.ir.serial import dump_bundle

    return dump_bundle(functions().values())


def functions() -> dict[str, Function]:
    """The functions by IR name."""
    found = dict(compile_library().functions)
    del found[INIT]
    return found


def compile_library() -> Module:
    """All sources as one module; refuses warnings too."""
    from rtfsc.ast import build as build_ast
    from rtfsc.diagnostics import DiagnosticError, Sink
    from rtfsc.ir.walk import deep
    from rtfsc.lower import lower_program
    from rtfsc.syntax.reader import read

    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.rtfs")))
    source = SourceFile("<stdlib>", text)
    sink = Sink(source)
    forms = read(source, sink)
    sink.raise_if_errors()
    with deep():
        program = build_ast(forms, sink, library=True)
        module = lower_program(program, sink, module_name="stdlib", library=_Own(program))
    if sink.diagnostics:
        raise DiagnosticError(sink.diagnostics, source)
    return module


class _Own:
    """The library while it is compiled: its names are known, its functions are not loaded."""

    def __init__(self, program: object) -> None:
        from rtfsc.lower.library import PREFIX

        self._names = frozenset(PREFIX + node.name for node in program.body)  # type: ignore[attr-defined]

    def names(self) -> frozenset[str]:
        return self._names

    def function(self, name: str) -> Function | None:
        return None
