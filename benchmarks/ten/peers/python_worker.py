"""Runs kernels of one peer in its own process: ``python_worker.py PEER`` in the environment of the peers.

The first line written is the peer's version. Then a line "KERNEL ARGUMENT…" is answered by
"SECONDS RESULT"; the argument of `words` is a file. The kernel `call` takes a number of calls of a
function that adds one, and answers with the seconds that they took.
"""

from __future__ import annotations

import importlib
import platform
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
Kernels = Callable[[str], Callable[..., Any]]


def python() -> tuple[str, Kernels]:
    import python_kernels

    return platform.python_version(), lambda name: getattr(python_kernels, name)


def immutables() -> tuple[str, Kernels]:
    importlib.import_module("immutables")
    import python_kernels

    return version("immutables"), lambda name: getattr(python_kernels, f"{name}_immutables")


def hy() -> tuple[str, Kernels]:
    importlib.import_module("hy")  # lets Python import .hy files
    kernels = importlib.import_module("hy_kernels")
    return version("hy"), lambda name: getattr(kernels, name)


def basilisp() -> tuple[str, Kernels]:
    import basilisp.main

    basilisp.main.init()
    kernels = importlib.import_module("clojure_kernels").kernels
    return version("basilisp"), lambda name: kernels.val_at(name)


def luajit() -> tuple[str, Kernels]:
    from lupa import luajit21

    runtime = luajit21.LuaRuntime(unpack_returned_tuples=True)
    kernels = runtime.execute((FOLDER / "kernels.lua").read_text())
    if kernels is None:
        raise RuntimeError("kernels.lua did not load")
    add1 = runtime.eval("function(n) return n + 1 end")
    return (
        f"{runtime.lua_implementation}, lupa {version('lupa')}",
        lambda name: add1 if name == "add1" else kernels[name],
    )


def quickjs() -> tuple[str, Kernels]:
    import quickjs

    add1 = quickjs.Context().eval("(n) => n + 1")
    return version("quickjs"), lambda name: add1


def numba() -> tuple[str, Kernels]:
    import numba

    add1 = numba.njit("int64(int64)")(_add1)
    return version("numba"), lambda name: add1


def _add1(n: int) -> int:
    return n + 1


@cache
def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def main(peer: str) -> None:
    name, kernels = {f.__name__: f for f in (python, immutables, hy, basilisp, luajit, quickjs, numba)}[
        peer
    ]()
    print(name, flush=True)
    for line in sys.stdin:
        kernel, *rest = line.split()
        if kernel == "call":
            seconds, result = _calls(kernels("add1"), int(rest[0]))
        else:
            run = kernels(kernel)
            arguments = [_read(path) for path in rest] if kernel == "words" else [int(n) for n in rest]
            seconds, result = _timed(partial(run, *arguments))
        print(seconds, int(result), flush=True)


def _calls(function: Callable[[int], int], times: int) -> tuple[float, int]:
    def run() -> int:
        for n in range(times):
            function(n)
        return function(times)

    return _timed(run)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """The smaller of wall-clock and processor time, as `benchmarks.timing.Stopwatch` takes it."""
    wall, processor = time.perf_counter(), time.thread_time()
    result = run()
    processor = time.thread_time() - processor
    return min(time.perf_counter() - wall, processor), result


if __name__ == "__main__":
    main(sys.argv[1])
