"""``rtfsc replay``: a recorded run again, and whether it does the same."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, PROGRAM_ERROR, add_path, add_store, positive, print_json, read_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=positive, help="number of the run, as 'rtfsc audit show' has it")
    parser.add_argument(
        "--engine", choices=["evaluator", "wasm"], help="default: the one that the run was recorded on"
    )
    parser.add_argument(
        "--with", dest="source", metavar="FILE", help="this program instead: would it have done the same?"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_path(parser)
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.cli.audit import own_keys
    from runtime.chain.errors import ChainDamaged
    from runtime.chain.verify import verify
    from runtime.engine import Runtime
    from runtime.replaying import replay

    source = read_source(options.source) if options.source else None
    with Runtime(store=options.store or True, path=options.path) as runtime:
        report = verify(runtime.paths.chain, own_keys(runtime))
        if not report.holds:
            raise ChainDamaged(report.faults[0][1], hint="'rtfsc audit verify' says more")
        found = replay(runtime, options.run, options.engine, source)
    divergence = found.divergence
    if options.json:
        print_json(
            {
                "run": found.run.number, "engine": found.engine, "same": found.same,
                "actions": found.actions, "note": found.note or None,
                "divergence": divergence and divergence._asdict(),
            }
        )  # fmt: skip
    elif divergence is None:
        many = "s"[: found.actions != 1]
        print(f"run {found.run.number}: the same on {found.engine}, {found.actions} action{many} compared")
        if found.note:
            print(f"note: {found.note}")
    else:
        where = f"action {divergence.number}" if divergence.number is not None else "after the last action"
        print(f"run {found.run.number}: differs on {found.engine}, {where}")
        print(f"  recorded: {divergence.recorded}\n  now:      {divergence.now}")
    return OK if found.same else PROGRAM_ERROR
