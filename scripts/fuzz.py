"""Fuzzes the front end: programs of the conformance cases, damaged in random ways; with ``--what modules``
what runs modules instead, see fuzz_modules.py.

Prints seed and count. Whatever raises anything but `DiagnosticError`, or takes longer than ``SLOW`` seconds,
is printed with the seed that made it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SLOW = 10.0
PIECES = [
    "(", ")", "[", "]", "{", "}", "#(", "#|", "|#", '"', ";", "\n", " ", ":", "&", "^", "@", "`", "~",
    "~@", "'", "nil", "true", "-1", "9223372036854775807", "1.5e308", "##NaN", ":k", "x", "%", "%&", "?",
    "é", "\u2028", "(fn [x] x)", "(let [a 1] a)", "(loop [i 0] (recur i))", "(match x ", "(try ",
    "(catch Any e ", "(recur 1)", "(defmacro m [& b] `(do ~@b ~@b))", "(m (m 1))",
    "(defmacro r [] `(r))", "(r)", ": [:vector :int]", " :when ", "(module a.b (:exports [x]))",
    "(import c.d :as e)", "2024-01-01T00:00:00Z", "resource://x ", "[:and :int [:> 3]]",
    "(defn f [a : Int & r] : Int a)", "(defstruct P :x Int)", "^{:a 1}", "(declare g [x : Int] : Int)",
]  # fmt: skip


def corpus() -> list[str]:
    """The programs of the conformance cases."""
    programs = []
    for path in sorted((ROOT / "tests/conformance").glob("*.toml")):
        for group in tomllib.loads(path.read_text())["group"]:
            programs += [case["source"] for case in group["cases"] if len(case["source"]) < 2000]
    return programs


def damaged(random_: random.Random, programs: list[str]) -> str:
    text = random_.choice(programs)
    for _ in range(random_.choice((0, 1, 1, 2, 4, 8))):
        at, end = sorted((random_.randrange(len(text) + 1), random_.randrange(len(text) + 1)))
        step = random_.randrange(5)
        if step == 0:
            text = text[:at] + random_.choice(PIECES) + text[at:]
        elif step == 1:
            text = text[:at] + text[end:]
        elif step == 2:
            text = text[:at] + text[at:end] * 2 + text[end:]
        elif step == 3:
            text = text[:at] + random_.choice(programs) + text[at:]
        else:
            text = text[:at] + chr(random_.choice((0, 9, 40, 41, 96, 126, 0x3BB, 0x1F600))) + text[at + 1 :]
    return text[:4000]


def check(text: str) -> None:
    """Reads, expands and checks; raises what must not be raised."""
    from rtfsc.diagnostics import DiagnosticError
    from rtfsc.driver import compile_text

    try:
        compile_text(text).check()
    except DiagnosticError as error:
        assert error.diagnostics
        for diagnostic in error.diagnostics:
            assert diagnostic.span is None or 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)


def programs(seed: int) -> Iterator[tuple[int, str]]:
    """(number, program) without end; the number with the seed makes the program again."""
    known = corpus()
    number = 0
    while True:
        yield number, damaged(random.Random(f"{seed}:{number}"), known)
        number += 1


def run(seed: int, seconds: float, limit: int | None = None) -> tuple[int, list[str]]:
    """Programs tried, and reports of faults."""
    faults: list[str] = []
    end = time.monotonic() + seconds
    count = 0
    for number, text in programs(seed):
        if time.monotonic() > end or number == limit or len(faults) >= 10:
            break
        start = time.monotonic()
        try:
            check(text)
        except Exception:
            faults.append(f"program {seed}:{number}\n{text!r}\n{traceback.format_exc(limit=-6)}")
        if time.monotonic() - start > SLOW:
            faults.append(f"program {seed}:{number} took {time.monotonic() - start:.1f} s\n{text!r}")
        count += 1
    return count, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--count", type=int, default=1 << 62, help="at most so many")
    parser.add_argument("--what", choices=("programs", "modules"), default="programs")
    options = parser.parse_args()
    if options.what == "modules":
        from fuzz_modules import fuzz

        count, found = fuzz(options.seed, options.seconds, options.count)
    else:
        count, faults = run(options.seed, options.seconds, options.count)
        found = len(faults)
        for fault in faults:
            print(fault)
    print(f"seed {options.seed}: {count} {options.what}, {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
