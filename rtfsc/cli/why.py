"""``rtfsc why``: the evidence behind a hit or a miss, and behind where a call runs."""

from __future__ import annotations

import argparse
import time
from typing import Any

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    UsageError,
    add_allow,
    add_level,
    add_path,
    add_store,
    print_json,
    read_source,
    tell,
)
from rtfsc.cli.delegating import add_delegation

_WAYS = {
    "text": "this very text, by this compiler",
    "action": "this build, from another text",
    "definitions": "these definitions, by any compiler",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=["hit", "miss", "route"],
        help="what to explain; ends with 1 if it is no hit, or no miss",
    )
    parser.add_argument("file", help="a program ('-' reads standard input); for route, a function")
    parser.add_argument("arguments", nargs="*", help="for route: its arguments, each as RTFS text")
    parser.add_argument(
        "--program", metavar="FILE", help="for route: where the function is, for its hints, effects and doc"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_level(parser)
    add_path(parser)
    add_store(parser)
    add_allow(parser)
    add_delegation(parser)


def run(options: argparse.Namespace) -> int:
    if options.what == "route":
        from rtfsc.cli import why_route

        return why_route.run(options)
    if options.arguments:
        raise UsageError(f"why {options.what} takes one program")
    from runtime.engine import Runtime
    from runtime.evidence import evidence

    with Runtime(store=options.store or True, level=options.level, path=options.path) as runtime:
        found = evidence(runtime, read_source(options.file))
        facts = _facts(runtime, found)
    (print_json if options.json else _show)(facts)
    return OK if facts["hit"] == (options.what == "hit") else PROGRAM_ERROR


def _facts(runtime: Any, found: Any) -> dict[str, Any]:
    from runtime.evidence import facts_of

    return {
        "hit": found.hit is not None,
        "attempts": [
            {
                "by": attempt.by,
                "keys": attempt.keys,
                "found": attempt.found,
                "refused": [{"digest": digest, "reason": reason} for digest, reason in attempt.refused],
            }
            for attempt in found.attempts
        ],
        "module": facts_of(runtime, found.hit) if found.hit else None,
        "nearest": None if found.nearest is None else _nearest(found),
    }


def _nearest(found: Any) -> dict[str, Any]:
    return {
        "module": found.nearest.name,
        "digest": found.nearest.digest,
        "differences": [{"field": f, "asked": a, "stored": s} for f, a, s in found.differences],
    }


def _show(facts: dict[str, Any]) -> None:
    print("hit" if facts["hit"] else "miss")
    for attempt in facts["attempts"]:
        count = attempt["found"]
        tell(f"  by {attempt['by']} ({_WAYS[attempt['by']]}): {count or 'no'} module{'s'[: count != 1]}")
        for name, key in attempt["keys"].items():
            tell(f"    {name:<22} {key[:32]}")
        for refused in attempt["refused"]:
            tell(f"    refused {refused['digest'][:16]}: {refused['reason']}")
    if facts["module"] is not None:
        _show_module(facts["module"])
    elif facts["nearest"] is not None:
        nearest = facts["nearest"]
        what = "which differs in" if nearest["differences"] else "which is the same, but was refused"
        tell(f"  nearest: {nearest['module']} {nearest['digest'][:16]}, {what}")
        for difference in nearest["differences"]:
            tell(f"    {difference['field']:<22} asked {difference['asked'][:24]:<24} "
                  f"stored {difference['stored'][:24]}")  # fmt: skip
    else:
        print("  nothing in the store comes near it")


def _show_module(module: dict[str, Any]) -> None:
    tell(f"  module {module['module']}, version {module['version']}, sha256 {module['digest']}")
    tell(f"  manifest sha256 {module['manifest']}, action {module['action_key']}")
    for name, keys in module["exports"].items():
        tell(f"  {name}")
        for key, value in keys.items():
            tell(f"    {key:<22} {value}")
    for signer in module["signers"]:
        scopes = ", ".join(signer["namespaces"])
        tell(f"  signed by {signer['name']} ({signer['id'][:16]}), trusted for {scopes}")
    for rule in module["rules"]:
        tell(f"  rule for {rule['modules']}: {rule['asks']}")
    tell(f"  digest, signature and rules verified {_utc(module['verified_ms'])}")
    certificate = module["certificate"]
    if certificate is not None:
        tell(f"  certified on {certificate['inputs']} inputs by {' and '.join(certificate['engines'])}")
    if module["record"] is not None:
        tell(f"  publication on record as number {module['record']}")
    used = module["last_used_ms"]
    tell(f"  used {module['uses']} times, last {_utc(used) if used else 'never'}")


def _utc(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(milliseconds / 1000))
