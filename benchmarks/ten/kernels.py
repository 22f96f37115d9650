"""What is run: ten kernels with arguments that vary from round to round."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
TEXT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Kernel:
    """``arguments`` are taken in turn, one tuple a round. For `words` the argument is the seed of a text."""

    name: str
    title: str
    arguments: tuple[tuple[int, ...], ...]
    numeric: bool = False

    def source(self, typed: bool) -> str:
        """The RTFS program; its function ``run`` is the kernel."""
        return (FOLDER / "rtfs" / f"{self.name}{'_typed' if typed else ''}.rtfs").read_text(encoding="utf-8")

    def in_round(self, number: int) -> tuple[int, ...]:
        return self.arguments[number % len(self.arguments)]


KERNELS = (
    Kernel("fib", "fib(30)", ((30,),), numeric=True),
    Kernel("tak", "tak(18, 12, 6)", ((18, 12, 6),), numeric=True),
    Kernel("loop", "loop 10 M", ((10_000_000,), (10_000_001,), (9_999_999,)), numeric=True),
    Kernel("mandelbrot", "mandelbrot 200²", ((200, 50), (200, 51), (200, 49)), numeric=True),
    Kernel("queens", "8 queens, persistent vectors", ((8,),)),
    Kernel("pipeline", "map, filter, reduce over 1 M", ((1_000_000,), (1_000_001,), (999_999,))),
    Kernel("words", "word count of 1 MB", ((1,), (2,), (3,))),
    Kernel("assoc", "100 k assoc, then look-ups", ((100_000,), (100_001,), (99_999,))),
    Kernel("sort", "sort of 200 k integers", ((200_000, 1), (200_000, 2), (200_000, 3))),
    Kernel("matmul", "matrix product 120", ((120, 1), (120, 2), (120, 3))),
)


@cache
def text(seed: int) -> str:
    """1 MB of lower-case words, a tenth of them capitalised, some far more frequent than others."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(5_000)]
    words: list[str] = []
    size = 0
    while size < TEXT_BYTES:
        word = vocabulary[int(len(vocabulary) * chance.random() ** 3)]
        words.append(word.capitalize() if chance.random() < 0.1 else word)
        size += len(word) + 1
    return " ".join(words)
