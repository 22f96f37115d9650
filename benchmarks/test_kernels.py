"""The pytest-benchmark suite: every kernel on each engine, with plain Python beside them.

Run with ``scripts/bench --suite``. Results are checked, times are not judged.
"""

from __future__ import annotations

import pytest

import rtfsc
from benchmarks.kernels import KERNELS, Kernel


@pytest.mark.parametrize("engine", ["python", "evaluator", "wasm"])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_kernel(benchmark, kernel: Kernel, engine: str) -> None:
    benchmark.group = kernel.name
    run = kernel.python if engine == "python" else rtfsc.compile(kernel.rtfs, engine=engine).run
    expected = {arguments: kernel.python(*arguments) for arguments in kernel.arguments}
    arguments = kernel.argument_cycle()

    def once() -> None:
        chosen = next(arguments)
        assert run(*chosen) == expected[chosen]

    benchmark(once)
