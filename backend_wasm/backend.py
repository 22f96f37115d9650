"""The backend of target ``wasm32``: IR to WAT to a binary module."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend_wasm.assemble import assemble
from backend_wasm.interface import custom_sections
from backend_wasm.module import Emitted, emit_module
from backend_wasm.sections import drop_section
from rtfsc.ir.nodes import Module
from rtfsc.ir.walk import deep

if TYPE_CHECKING:
    from backend_wasm.code_map import CodeMap

_ROOT = Path(__file__).parent


class Wasm32Backend:
    """See `rtfsc.backend.BytecodeBackend`. ``names``: keep the name section, for debugging."""

    target = "wasm32"

    def __init__(self, names: bool = False) -> None:
        self.names = names

    def wat(self, module: Module) -> str:
        """The module as text, without its custom sections."""
        return self._emit(module).wat

    def _emit(self, module: Module, marks: bool = False) -> Emitted:
        with deep():
            return emit_module(module, marks)

    def map_code(self, module: Module) -> CodeMap:
        """Where the code of the module's binary comes from. It is worked out by compiling once more, so that
        what nobody asks for costs nothing."""
        from backend_wasm.code_map import code_map

        emitted = self._emit(module, marks=True)
        return code_map(module, emitted, assemble(emitted.wat))

    def compile(self, module: Module, *, action: Mapping[str, Any] | None = None) -> bytes:
        """The binary module. Same module and action, same bytes."""
        emitted = self._emit(module)
        binary = assemble(emitted.wat)
        if not self.names:
            binary = drop_section(binary, "name")
        return binary + custom_sections(module, emitted.sites, action, self.fingerprint()[:16])

    def fingerprint(self) -> str:
        """Digest of the emitter's sources and the runtime library."""
        return _fingerprint()


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in [*sorted(_ROOT.glob("*.py")), *sorted(_ROOT.glob("merge/*.py")), _ROOT / "rt.wasm"]:
        data = path.read_bytes()
        digest.update(f"{path.name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
