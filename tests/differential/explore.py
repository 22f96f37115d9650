"""Random programs on both engines at every level; prints the programs on which they disagree, made small.

scripts/differential --seed 1 --count 5000
"""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from differential import disagreement, minimised
from random_programs import program as mixed_program
from typed_programs import typed_program

SIMPLE = "(map inc [1 (/ 6 4)])"
"""If this does not work, nothing does."""
ENOUGH = 20
"""Disagreements after which there is no point in more."""


def program(seed: int) -> str:
    """One in eight from the untyped generator, the others from the typed one."""
    return mixed_program(seed) if seed % 8 == 0 else typed_program(Random(seed))


def explore(first: int, end: int, at: Any, found: Any, small: bool) -> None:
    """In a process of its own, so that a crash costs one program. The one that forks it has no engines: their
    threads would be lost."""
    if disagreement(SIMPLE):
        found.value = ENOUGH
        return _report(0, SIMPLE)
    for seed in range(first, end):
        at.value = seed
        source = program(seed)
        if disagreement(source):
            found.value += 1
            _report(seed, minimised(source) if small else source)
        if found.value >= ENOUGH:
            return None
    return None


def _report(seed: int, source: str) -> None:
    print(f"seed {seed}\n{source}")
    for where, told in (disagreement(source) or {}).items():
        print(f"    {where}: {told}")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--count", type=int, default=1000, help="number of programs (default 1000)")
    parser.add_argument("--no-minimise", dest="small", action="store_false", help="print them as drawn")
    options = parser.parse_args()
    fork, started = get_context("fork"), time.monotonic()
    end, at, found = options.seed + options.count, fork.Value("q", options.seed - 1), fork.Value("q", 0)
    while at.value < end - 1 and found.value < ENOUGH:
        worker = fork.Process(target=explore, args=(at.value + 1, end, at, found, options.small))
        worker.start()
        worker.join()
        if worker.exitcode:
            found.value += 1
            print(f"seed {at.value}: the process died with {worker.exitcode}")
            print(program(at.value), flush=True)
    count, seconds = at.value + 1 - options.seed, time.monotonic() - started
    told = f"{count} programs, {found.value} disagreements, {seconds:.0f} s"
    print(f"seeds {options.seed} to {at.value}: {told}")
    return 1 if found.value else 0


if __name__ == "__main__":
    sys.exit(main())
