"""The code of a module as text, by the package ``wasm-tools``: for people, never for checking."""

from __future__ import annotations

import io
from contextlib import redirect_stdout


def disassemble(data: bytes) -> str:
    """Offset and instruction a line, a heading a function. Raises `MalformedModule`."""
    from wasm_tools import (
        BinaryReader,
        BinaryReaderObjdumpDisassemble,
        BinaryReaderObjdumpPrepass,
        ObjdumpMode,
        ObjdumpOptions,
        ObjdumpState,
    )

    from backend_wasm.sections import MalformedModule

    options, state, out = ObjdumpOptions(), ObjdumpState(), io.StringIO()
    modes = (
        (ObjdumpMode.PREPASS, BinaryReaderObjdumpPrepass),
        (ObjdumpMode.DISASSEMBLE, BinaryReaderObjdumpDisassemble),
    )
    try:
        with redirect_stdout(out):
            for options.mode, reader in modes:
                BinaryReader(data, reader(data, options, state)).read_module()
    except Exception as error:  # it does not say which ones it raises
        raise MalformedModule(f"cannot be disassembled: {error}") from error
    return out.getvalue().split("Code Disassembly:", 1)[-1].strip("\n")
