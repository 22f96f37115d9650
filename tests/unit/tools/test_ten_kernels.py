"""The kernels of the benchmark, made small: RTFS on both engines gives what Python gives."""

import pytest

import rtfsc
from benchmarks.ten.kernels import KERNELS
from benchmarks.ten.peers import python_kernels

SMALL = {
    "fib": (12,), "tak": (8, 5, 2), "loop": (1000,), "mandelbrot": (12, 20), "queens": (5,),
    "pipeline": (100,), "words": ("The cat saw the dog the Cat likes",), "assoc": (100,), "sort": (300, 4),
    "matmul": (6, 1),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["evaluator", "wasm"])
@pytest.mark.parametrize("typed", [False, True], ids=["unannotated", "annotated"])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_same_result(kernel, typed, engine):
    run = rtfsc.compile(kernel.source(typed), engine=engine).run
    arguments = SMALL[kernel.name]
    assert run(*arguments) == getattr(python_kernels, kernel.name)(*arguments)
