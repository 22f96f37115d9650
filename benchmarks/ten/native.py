"""The C kernels, compiled by zig to WebAssembly and by gcc for this machine, as functions.

Both are called through ctypes, about a microsecond a call; wasmtime runs with the settings that the
project's own modules run under (epoch interruption on).
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ten.kernels import FOLDER, KERNELS, text

SOURCE = FOLDER / "c" / "kernels.c"
Run = Callable[[tuple[int, ...]], Callable[[], int]]
"""Of the arguments of a kernel: what is timed. Texts are laid out before that."""


def zig_to_wasm() -> dict[str, Run]:
    """A function per kernel name, run by wasmtime."""
    import wasmtime

    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_epoch_deadline(1 << 40)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, _compile_wasm()), []).exports(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)

    def place(data: bytes) -> int:
        room = exports["text_room"](store, len(data))  # type: ignore[operator]
        memory.write(store, data, room)
        return int(room)

    def bind(name: str) -> Run:
        call = _unchecked(store, exports[f"run_{name}"])
        return _run(name, lambda arguments: lambda: call(arguments), place)

    return {kernel.name: bind(kernel.name) for kernel in KERNELS}


def _unchecked(store: Any, function: Any) -> Callable[[tuple[int, ...]], int]:
    """A call without wasmtime-py's conversions, which take longer than a small kernel."""
    from wasmtime import _bindings

    call, context, reference = (
        _bindings.wasmtime_func_call_unchecked,
        store._context(),
        ctypes.byref(function._func),
    )
    slots = (_bindings.wasmtime_val_raw_t * 3)()
    trap = ctypes.POINTER(_bindings.wasm_trap_t)()

    def run(arguments: tuple[int, ...]) -> int:
        for slot, number in zip(slots, arguments, strict=False):
            slot.i64 = number
        if call(context, reference, slots, 3, ctypes.byref(trap)) or trap:
            raise RuntimeError("the C kernel trapped")
        return int(slots[0].i64)

    return run


def gcc_native() -> dict[str, Run]:
    """A function per kernel name, in a shared library made by gcc -O2."""
    compiler = shutil.which("gcc")
    if not compiler:
        raise FileNotFoundError("gcc is not installed (on Debian: the package gcc)")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernels.so"
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-fvisibility=hidden", str(SOURCE), "-o", str(out)],
            check=True,
        )
        library = ctypes.CDLL(str(out))
    library.text_room.restype = ctypes.c_void_p

    def place(data: bytes) -> int:
        room = library.text_room(ctypes.c_int64(len(data)))
        ctypes.memmove(room, data, len(data))
        return int(room)

    def bind(name: str) -> Run:
        function = library[f"run_{name}"]
        function.restype = ctypes.c_int64

        def prepare(arguments: tuple[int, ...]) -> Callable[[], int]:
            values = [ctypes.c_int64(n) for n in arguments]
            return lambda: function(*values)

        return _run(name, prepare, place)

    return {kernel.name: bind(kernel.name) for kernel in KERNELS}


def _run(name: str, prepare: Run, place: Callable[[bytes], int]) -> Run:
    """Kernels on numbers as they are; for `words` the text of the seed is placed in memory once."""
    if name != "words":
        return prepare
    places: dict[int, int] = {}

    def with_text(arguments: tuple[int, ...]) -> Callable[[], int]:
        seed = arguments[0]
        if seed not in places:
            places[seed] = place(text(seed).encode())
        return prepare((places[seed],))

    return with_text


def _compile_wasm() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernels.wasm"
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", "--target=wasm32-freestanding", "-O2", "-nostdlib",
             "-lcompiler_rt", "-Wl,--no-entry", "-Wl,--export-dynamic", str(SOURCE), "-o", str(out)],
            check=True,
        )  # fmt: skip
        return out.read_bytes()
