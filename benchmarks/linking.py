"""What linking costs and buys: modules apart, the runtime library in one file, Binaryen, and Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ten.kernels import KERNELS, Kernel, text
from benchmarks.timing import Stopwatch, interleaved, milliseconds, table

ROUNDS = 7
MODULE = """(module shapes (:exports [area grow])
  (defn area [w : Int h : Int] : Int (* w h))
  (defn grow [f n] (loop [i 0 s 0] (if (< i n) (recur (+ i 1) (+ s (f i))) s))))"""
PROGRAM = """(import shapes :as s)
(defn run [n] (loop [i 0 sum 0] (if (< i n) (recur (+ i 1) (+ sum (s/area (mod i 8) 3))) sum)))"""
NODE = """import { load } from "./program.mjs"; import { readFileSync } from "node:fs";
const m = await load(), given = JSON.parse(readFileSync("given.json")), times = [];
for (let i = 0; i < 8; i++) {
  const start = performance.now();
  m.run(...given);
  times.push(performance.now() - start);
}
console.log(times.slice(1).sort((a, b) => a - b)[3] / 1000);"""


def linking() -> str:
    return "\n".join([_apart(), _forms()])


def _apart() -> str:
    """A call of another module in a loop of a million."""
    import rtfsc
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions
    from rtfsc.source import SourceFile
    from runtime.linked import modules_of

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "shapes.rtfs").write_text(MODULE)
        source = SourceFile(f"{folder}/main.rtfs", PROGRAM)
        linked = rtfsc.Runtime(path=[folder]).compile_source(source)
        parts = Compilation(source, CompileOptions(separate=True))
        apart = rtfsc.load(parts.artifact, modules=modules_of(parts))
    runs = {"linked": lambda: linked.run(1_000_000), "apart": lambda: apart.run(1_000_000)}
    assert linked.run(100) == apart.run(100)
    times = interleaved(runs, rounds=ROUNDS, stopwatch=Stopwatch)
    each = (times["apart"] - times["linked"]) / 1_000_000 * 1e9
    row = [milliseconds(times["linked"]), milliseconds(times["apart"]), f"{each:.1f} ns"]
    return table("A million calls of another module", ["linked", "--separate", "per call"], [row])


def _forms() -> str:
    """The kernels in every form, and the same file in Node."""
    rows = []
    for kernel in KERNELS:
        sizes: dict[str, int] = {}
        runs: dict[str, Callable[[], object]] = {}
        given = _given(kernel)
        for name, options in _options().items():
            run, sizes[name] = _compiled(kernel.source(typed=False), options)
            runs[name] = partial(run, *given)
        times = interleaved(runs, rounds=ROUNDS, stopwatch=Stopwatch)
        plain = times["plain"]
        node = _in_node(kernel.source(typed=False), given)
        rows.append(
            [kernel.name, milliseconds(plain)]
            + [
                f"{times[name] / plain:.2f}" if name in times else "-"
                for name in ("standalone", "binaryen", "both")
            ]
            + [f"{node / plain:.2f}" if node else "-"]
            + [f"{size:,}" for size in sizes.values()]
        )
    columns = [
        "kernel",
        "plain",
        "standalone",
        "binaryen",
        "both",
        "Node",
        *(f"bytes {n}" for n in _options()),
    ]
    return table("Forms of a file, as ratios of the plain one", columns, rows)


def _given(kernel: Kernel) -> tuple[Any, ...]:
    first = kernel.in_round(0)
    return (text(first[0]),) if kernel.name == "words" else first


def _options() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"plain": {}, "standalone": {"standalone": True}}
    from backend_wasm.binaryen import OptimizerMissing, version

    try:
        version()
    except OptimizerMissing:
        return found
    return {
        **found,
        "binaryen": {"optimizer": "binaryen"},
        "both": {"standalone": True, "optimizer": "binaryen"},
    }


def _compiled(text: str, options: dict[str, Any]) -> tuple[Callable[..., Any], int]:
    import rtfsc
    from rtfsc.driver import compile_text
    from rtfsc.options import CompileOptions

    artifact = compile_text(text, CompileOptions(**options)).artifact
    return rtfsc.load(artifact).run, len(artifact)


def _in_node(text: str, given: tuple[Any, ...]) -> float | None:
    """Median seconds in Node; None where there is no Node."""
    from rtfsc.driver import compile_text
    from rtfsc.javascript import loader
    from rtfsc.options import CompileOptions

    command = shutil.which("node")
    if command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        artifact = compile_text(text, CompileOptions(standalone=True)).artifact
        Path(folder, "program.wasm").write_bytes(artifact)
        Path(folder, "program.mjs").write_text(loader("program.wasm"))
        Path(folder, "given.json").write_text(json.dumps(given))
        Path(folder, "run.mjs").write_text(NODE)
        done = subprocess.run([command, "run.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    return float(done.stdout)
