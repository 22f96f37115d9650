"""Reports: every figure of docs/performance.md, peers in the same run, medians of interleaved runs.

``python -m benchmarks.report`` runs all; names choose: calls arguments c ten kernels evaluator passes
memory parsing compile startup batch meaning trust store linking caches observability
delegation solve audit models.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.audit import audit
from benchmarks.caches import caches
from benchmarks.calls import arguments, calls
from benchmarks.delegation import delegation
from benchmarks.evaluator import evaluator, parsing
from benchmarks.linking import linking
from benchmarks.meaning import meaning
from benchmarks.memory import memory
from benchmarks.models import models
from benchmarks.observability import observability
from benchmarks.passes import passes
from benchmarks.solving import solve
from benchmarks.store import store
from benchmarks.ten.report import c, ten
from benchmarks.timing import Stopwatch, bar, interleaved, milliseconds, table
from benchmarks.trust import trust

ROOT = Path(__file__).resolve().parent.parent


def kernels() -> str:
    """Every kernel on both engines and in plain Python."""
    import rtfsc
    from benchmarks.kernels import KERNELS

    rows = []
    for kernel in KERNELS:
        contenders = {
            "Wasm": rtfsc.compile(kernel.rtfs, engine="wasm").run,
            "evaluator": rtfsc.compile(kernel.rtfs, engine="evaluator").run,
            "Python": kernel.python,
        }
        first = kernel.arguments[0]
        answers = [run(*first) for run in contenders.values()]
        assert answers[0] == answers[1] == answers[2], (kernel.name, answers)
        turns = {name: kernel.argument_cycle() for name in contenders}
        runs = {n: lambda r=r, turn=turns[n]: r(*next(turn)) for n, r in contenders.items()}
        times = interleaved(runs, stopwatch=Stopwatch)
        python = times["Python"]
        rows.append(
            [kernel.name, milliseconds(python), milliseconds(times["evaluator"]), milliseconds(times["Wasm"]),
             f"{python / times['evaluator']:.1f}", f"{python / times['Wasm']:.1f}"]
        )  # fmt: skip
    columns = ["kernel", "Python", "evaluator", "Wasm", "Python / evaluator", "Python / Wasm"]
    return table("Kernels", columns, rows)


def compile() -> str:
    """Source text to Wasm bytes at -O2 in process, for 1,000 and 10,000 lines."""
    from benchmarks.sources import ordinary
    from rtfsc.driver import compile_text

    small, large = ordinary(1_000), ordinary(10_000)
    times = interleaved(
        {"small": lambda: compile_text(small).artifact, "large": lambda: compile_text(large).artifact}, 5
    )
    size = len(compile_text(small).artifact)
    ratio = times["large"] / times["small"]
    rows = [
        ["1,000 lines", f"{times['small']:.2f} s", f"≤ 1.5 s: {bar(times['small'], 1.5)}"],
        ["10,000 lines", f"{times['large']:.2f} s", ""],
        ["10,000 to 1,000 lines", f"{ratio:.1f} times", f"≤ 12: {bar(ratio, 12)}"],
        ["size of the module", f"{size / (small.count(chr(10)) or 1):.0f} bytes a line", ""],
    ]
    return table("Compiling ordinary code at -O2", ["what", "measured", "bar"], rows)


def startup() -> str:
    """Whole processes above bare Python: help, and a second process that hits the store."""
    with tempfile.TemporaryDirectory() as home:
        env = {**_environment(), "RTFSC_HOME": home, "RTFSC_CACHE_DIR": home + "/cache"}
        example, other = str(ROOT / "examples/pricing.rtfs"), str(ROOT / "examples/mandelbrot.rtfs")
        for arguments in (["init", "--home"], ["publish", example, other]):
            subprocess.run(
                [sys.executable, "-m", "rtfsc", *arguments], env=env, check=True, stdout=subprocess.DEVNULL
            )
        hit = [sys.executable, "-c", _HIT, example, other]
        subprocess.run(hit, env=env, check=True, stdout=subprocess.DEVNULL)
        second: list[float] = []

        def run_hit() -> None:
            out = subprocess.run(hit, env=env, check=True, capture_output=True, text=True).stdout
            second.append(json.loads(out)["next_module_ms"])

        times = interleaved(
            {
                "python": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
                "help": lambda: subprocess.run(
                    [sys.executable, "-m", "rtfsc", "--help"], env=env, check=True, stdout=subprocess.DEVNULL
                ),
                "hit": run_hit,
                "eval": lambda: subprocess.run(
                    [sys.executable, "-m", "rtfsc", "eval", "(+ 1 2)"],
                    env=env,
                    check=True,
                    stdout=subprocess.DEVNULL,
                ),
            },
            9,
        )
    above = {name: (seconds - times["python"]) * 1e3 for name, seconds in times.items()}
    next_module = sorted(second)[len(second) // 2]
    rows = [
        ["`rtfsc --help`", f"{above['help']:.0f} ms", f"≤ 130: {bar(above['help'], 130)}"],
        ["hit, verify, first result", f"{above['hit']:.0f} ms", f"≤ 150: {bar(above['hit'], 150)}"],
        ["next module in that process", f"{next_module:.2f} ms", f"≤ 2: {bar(next_module, 2)}"],
        ["`rtfsc eval '(+ 1 2)'`", f"{above['eval']:.0f} ms", ""],
    ]
    return table("Processes, above bare Python", ["what", "median", "bar"], rows)


_HIT = """
import json, sys, time
import rtfsc
runtime = rtfsc.Runtime(store=True)
first = runtime.compile(open(sys.argv[1]).read())
assert first.__provenance__.origin == "store", first.__provenance__
total = first.line_total({rtfsc.Keyword("units"): 12, rtfsc.Keyword("price"): 999})
assert total == 11389
text = open(sys.argv[2]).read()
start = time.perf_counter()
second = runtime.compile(text)
value = second.escape_time(0.0, 0.0, 50)
elapsed = time.perf_counter() - start
assert second.__provenance__.origin == "store" and value == 50
print(json.dumps({"next_module_ms": elapsed * 1e3}))
"""


def batch() -> str:
    """Small programs a second through ``rtfsc eval --jsonl``, compiling included."""
    programs = [f"(defn f [x] (if (> x {n}) (* x 2) (+ x {n}))) (map f [1 {n} {n + 5}])" for n in range(400)]
    rows = []
    for engine, limit in (("evaluator", 200), ("wasm", 40)):
        rates = sorted(_rate(programs if engine == "evaluator" else programs[:150], engine) for _ in range(5))
        rows.append([engine, f"{rates[2]:.0f}", f"≥ {limit}: {bar(rates[2], limit, at_least=True)}"])
    return table("Batch protocol", ["engine", "programs a second", "bar"], rows)


def _rate(programs: list[str], engine: str) -> float:
    lines = [json.dumps({"id": i, "source": text}) for i, text in enumerate(programs)]
    command = [sys.executable, "-m", "rtfsc", "eval", "--jsonl", "--engine", engine]
    start = time.perf_counter()
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)
    elapsed = time.perf_counter() - start
    assert all("value" in json.loads(line) for line in done.stdout.splitlines())
    return len(programs) / elapsed


def _environment() -> dict[str, str]:
    """As an installed program runs: with compiled Python files."""
    import os

    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


_REPORTS = (
    calls, arguments, c, ten, kernels, evaluator, passes, memory, parsing, compile, startup, batch, meaning,
    trust, store, linking, observability, caches, delegation, solve, audit,
    models,
)  # fmt: skip
REPORTS = {report.__name__: report for report in _REPORTS}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in REPORTS]
    if unknown:
        sys.exit(f"no report named {', '.join(unknown)}; there are: {', '.join(REPORTS)}")
    for name in names or REPORTS:
        print(REPORTS[name](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
