"""Every conformance case as a standalone file in Node: scripts/javascript [--level N] [TEXT in the id]."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from conformance_cases import CASES  # noqa: E402
from javascript import NODE_MAJOR, disagreement, node, runner  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", type=int, choices=(0, 1, 2), default=2)
    parser.add_argument("text", nargs="?", default="", help="only cases whose id contains this")
    options = parser.parse_args()
    command = node()
    if command is None:
        print(f"this takes Node {NODE_MAJOR} or later (RTFSC_NODE names one)", file=sys.stderr)
        return 2
    cases = [case for case in CASES if options.text in case.id]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, runner(Path(folder), command) as process:
        for case in cases:
            found = disagreement(process, case, options.level)
            if found is not None:
                failed += 1
                print(f"{case.id}: {case.source}\n  {found}")
    print(f"{len(cases)} cases at -O{options.level} in Node, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
