"""C kernels compiled by zig to WebAssembly and run in the same wasmtime: the bar for emitted code."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def c_function(name: str) -> Callable[[int], int]:
    """The function ``name`` of ``benchmarks/c/NAME.c``, called through wasmtime with the settings that the
    project's own modules run under (epoch interruption on)."""
    import wasmtime

    source = Path(__file__).parent / "c" / f"{name}.c"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"{name}.wasm"
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", "--target=wasm32-freestanding", "-O2", "-nostdlib",
             "-Wl,--no-entry", f"-Wl,--export={name}", str(source), "-o", str(out)],
            check=True,
        )  # fmt: skip
        config = wasmtime.Config()
        config.epoch_interruption = True
        engine = wasmtime.Engine(config)
        store = wasmtime.Store(engine)
        store.set_epoch_deadline(1 << 40)
        module = wasmtime.Module(engine, out.read_bytes())
    function = wasmtime.Instance(store, module, []).exports(store)[name]
    return lambda n: function(store, n)
