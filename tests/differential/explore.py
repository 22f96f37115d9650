"""Random programs of the whole language on both engines, without and with all passes; prints the programs on
which they disagree, made small.

scripts/differential --seed 1 --count 100000

Programs run in a child process: one that dies or hangs costs one seed and is a disagreement. A batch of
functions that have nothing to do with each other counts as so many programs.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from any_program import any_program
from differential import CUT, Outcomes, disagreement, disagrees, minimised, other_ways, outcomes
from typed_programs import Source
from watched import counter, run_watched

SIMPLE = "(map inc [1 (/ 6 4)])"
"""If this does not work, nothing does."""
ENOUGH = 20
"""Disagreements after which there is no point in more."""
OTHER_WAYS = (4, 14)
"""Of sixteen seeds: those whose programs are built and run in the other ways, a typed program and one with
modules."""
PATIENCE = 120
"""Seconds after which a program hangs; making one small may take longer."""


class Progress:
    """Counters that the child writes and the parent reads. ``at``: the seed that runs, ``next``: the one
    after what is done."""

    def __init__(self, seed: int) -> None:
        self.at, self.next, self.minimising = counter(seed), counter(seed), counter(0)
        self.programs, self.compared, self.refused = counter(0), counter(0), counter(0)
        self.cut, self.found = counter(0), counter(0)

    def told(self) -> str:
        outcome = f"{self.compared.value} compared, {self.refused.value} refused, {self.cut.value} cut off"
        return f"{self.programs.value} programs: {outcome}; {self.found.value} disagreements"


def explore(end: int, wanted: int, progress: Progress, small: bool) -> None:
    """In a process of its own, so that a crash costs one program. The one that forks it has no engines: their
    threads would be lost."""
    if disagreement(SIMPLE):
        progress.found.value = ENOUGH
        return _report(0, Source(SIMPLE), disagreement)
    gc.freeze()
    while progress.next.value < end and progress.programs.value < wanted and progress.found.value < ENOUGH:
        seed = progress.at.value = progress.next.value
        source = any_program(seed)
        progress.programs.value += source.count
        _compare(seed, source, progress, small)
        progress.next.value = seed + 1
    return None


def _compare(seed: int, source: Source, progress: Progress, small: bool) -> None:
    """Every eighth with the IR verified after each pass, every sixteenth at -O1 too, some in other ways."""
    if seed % 16 in OTHER_WAYS:
        return _judge(seed, source, other_ways(source), progress, small, other_ways)
    levels = (0, 1, 2) if seed % 16 == 5 else (0, 2)
    verify = seed % 8 == 5

    def differs(program: Source | str) -> Outcomes | None:
        return disagreement(program, levels, verify)

    return _judge(seed, source, outcomes(source, levels, verify), progress, small, differs)


def _judge(
    seed: int, source: Source, told: Outcomes | None, progress: Progress, small: bool,
    again: Callable[[Source | str], Outcomes | None],
) -> None:  # fmt: skip
    if told is None:
        progress.refused.value += source.count
    elif disagrees(told):
        progress.found.value += 1
        progress.minimising.value = 1
        _report(seed, minimised(source) if small and disagreement(source) else source, again)
        progress.minimising.value = 0
    elif CUT in str(told):
        progress.cut.value += source.count
    else:
        progress.compared.value += source.count


def _report(seed: int, source: Source, differs: Callable[[Source], Outcomes | None]) -> None:
    print(f"seed {seed}\n{source}")
    for where, told in (differs(source) or disagreement(source) or {}).items():
        print(f"    {where}: {told[:2000]}")
    sys.stdout.flush()


def _explore(options: argparse.Namespace, progress: Progress) -> None:
    """In one child after the other."""
    end = options.seed + options.count
    while (
        progress.programs.value < options.count
        and progress.found.value < ENOUGH
        and progress.next.value < end
    ):
        trouble = run_watched(
            explore, end, options.count, progress, options.small,
            at=progress.at, patience=PATIENCE, busy=progress.minimising,
        )  # fmt: skip
        if trouble:
            progress.found.value += 1
            progress.next.value = progress.at.value + 1
            print(f"seed {progress.at.value}: {trouble}\n{any_program(progress.at.value)}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--count", type=int, default=1000, help="number of programs (default 1000)")
    parser.add_argument("--only", type=int, help="one seed: prints the program and what each engine tells")
    parser.add_argument("--no-minimise", dest="small", action="store_false", help="print them as drawn")
    options = parser.parse_args()
    if options.only is not None:
        _report(options.only, any_program(options.only), outcomes)
        return 0
    started, progress = time.monotonic(), Progress(options.seed)
    try:
        _explore(options, progress)
    except KeyboardInterrupt:
        print("interrupted")
    seconds = time.monotonic() - started
    print(f"seeds {options.seed} to {progress.next.value - 1}: {progress.told()}, {seconds:.0f} s")
    return 1 if progress.found.value else 0


if __name__ == "__main__":
    sys.exit(main())
