"""WAT text to a binary module, by wasmtime's C API.

The library is loaded through ctypes alone: importing the whole of wasmtime-py costs more than it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Final

_LIBRARY: Final = {"win32": "_wasmtime.dll", "darwin": "_libwasmtime.dylib"}
_MACHINE: Final = {"AMD64": "x86_64", "arm64": "aarch64"}


class _Bytes(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.c_void_p))


class AssemblyError(Exception):
    """The assembler refused the text: a bug of the emitter."""


@cache
def _library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("wasmtime")
    if spec is None or spec.origin is None:
        raise AssemblyError("the package wasmtime is not installed")
    machine = _MACHINE.get(platform.machine(), platform.machine())
    folder = Path(spec.origin).parent / f"{sys.platform}-{machine}"
    dll = ctypes.CDLL(str(folder / _LIBRARY.get(sys.platform, "_libwasmtime.so")))
    dll.wasmtime_wat2wasm.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Bytes))
    dll.wasmtime_wat2wasm.restype = ctypes.c_void_p
    dll.wasmtime_error_message.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Bytes))
    dll.wasmtime_error_message.restype = None
    dll.wasmtime_error_delete.argtypes = (ctypes.c_void_p,)
    dll.wasmtime_error_delete.restype = None
    dll.wasm_byte_vec_delete.argtypes = (ctypes.POINTER(_Bytes),)
    dll.wasm_byte_vec_delete.restype = None
    return dll


def _take(dll: ctypes.CDLL, vec: _Bytes) -> bytes:
    try:
        return ctypes.string_at(vec.data, vec.size) if vec.size else b""
    finally:
        dll.wasm_byte_vec_delete(ctypes.byref(vec))


def assemble(wat: str) -> bytes:
    """The binary of a WAT module. Raises `AssemblyError` where the text is not well-formed."""
    dll = _library()
    text = wat.encode()
    out = _Bytes()
    error = dll.wasmtime_wat2wasm(text, len(text), ctypes.byref(out))
    if not error:
        return _take(dll, out)
    message = _Bytes()
    dll.wasmtime_error_message(error, ctypes.byref(message))
    dll.wasmtime_error_delete(error)
    raise AssemblyError(_take(dll, message).decode(errors="replace"))
