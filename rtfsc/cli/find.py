"""``rtfsc find``: look for a stored function by its interface and what it should do."""

from __future__ import annotations

import argparse
from typing import Any

from rtfsc.cli.calls import halves
from rtfsc.cli.common import OK, PROGRAM_ERROR, add_store, print_json, tell

USAGE = '(declare discount [price : Float] : Float "Apply a discount of 10 percent")'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("declaration", help=f"interface and task, such as {USAGE!r}")
    parser.add_argument(
        "--example", action="append", default=[], metavar="TEXT", type=halves,
        help="a call and its value, such as '(discount 100) => 90'; candidates run on all of them",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.evaluation import read_example
    from runtime.engine import Runtime

    examples = [read_example(*given) for given in options.example]
    with Runtime(store=options.store or True) as runtime:
        found = runtime.search(options.declaration, examples)
    (print_json if options.json else _show)(_facts(found))
    return OK if found.hit else PROGRAM_ERROR


def _facts(found: Any) -> dict[str, Any]:
    return {
        "task": found.task,
        "interface_hash": found.interface_hash,
        "embedder": found.embedder,
        "needed": found.least.confirmed if found.examples else found.least.alone,
        "examples": found.examples,
        "hit": found.hit is not None,
        "candidates": [
            {
                "module": candidate.entry.name if candidate.entry else None,
                "digest": candidate.entry.digest if candidate.entry else None,
                "export": candidate.export,
                "similarity": round(candidate.score, 4),
                "task": candidate.text,
                "verdict": candidate.verdict,
                "reasons": list(candidate.reasons),
            }
            for candidate in found.candidates
        ],
    }


def _show(facts: dict[str, Any]) -> None:
    if not facts["candidates"]:
        print("no stored function has this interface and says what it does")
    for candidate in facts["candidates"]:
        digest = (candidate["digest"] or "")[:16]
        tell(f"{candidate['verdict']:<8}  {candidate['similarity']:.3f}  {digest}  "
              f"{candidate['module']}/{candidate['export']}: {candidate['task'] or '-'}")  # fmt: skip
        for reason in candidate["reasons"]:
            tell(f"{'':<10}{reason}")
