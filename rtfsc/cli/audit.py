"""``rtfsc audit``: what programs did, and whether that record is what it was."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, TRUST, UsageError, positive, print_json
from rtfsc.cli.failures import show
from rtfsc.diagnostics import Diagnostic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    showing = actions.add_parser("show", help="the runs, or what one of them did")
    showing.add_argument("--run", type=positive, metavar="N", help="the actions of this run")
    showing.add_argument("--last", type=positive, metavar="N", help="only the last N runs")
    verifying = actions.add_parser("verify", help="look for changed, removed, moved and added records")
    verifying.add_argument(
        "--head", metavar="FILE", help="that the chain contains this head, which 'audit head' gave"
    )
    verifying.add_argument(
        "--key", action="append", default=[], metavar="FILE", help="let this public key sign heads too"
    )
    head = actions.add_parser("head", help="the signed head, to be kept elsewhere")
    for action in (showing, verifying, head):
        action.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    with Runtime() as runtime:
        return {"show": _show, "verify": _verify, "head": _head}[options.action](runtime, options)


def _show(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.chain.runs import records, run_of, runs

    folder = runtime.paths.chain
    if options.run is not None:
        found = run_of(folder, options.run)
        if options.json:
            print_json(found.as_json())
        else:
            _print_run(found, folder)
        return OK
    every = runs(records(folder))
    if options.last is not None:
        every = every[-options.last :]
    if options.json:
        print_json([found.as_json() for found in every])
        return OK
    if not every:
        print("no runs on record; 'rtfsc run --audit' makes some")
    for found in every:
        within = sum(1 for _ in found.below()) - 1
        print(
            f"{found.number:>8}  {_when(found.time_ns)}  {found.outcome:<5}  {_took(found):>9}  "
            f"{within:>5} action{'s' if within != 1 else ' '}  {_title(found)}"
            f"{f'  ({found.intent})' if found.intent else ''}"
        )
    return OK


def _print_run(run: Any, folder: Path) -> None:
    from runtime.chain.kept import Kept

    kept = Kept(folder)
    print(f"run {run.number}, {_when(run.time_ns)}, module {run.plan[:16]}, {run.details.get('engine')}")
    if run.intent:
        print(f"intent: {run.intent}")
    for depth, action in run.below():
        cost = f"  cost {action.cost}" if action.cost else ""
        print(f"{action.number:>8}  {'  ' * depth}{_title(action)}  {action.outcome}  {_took(action)}{cost}")
        margin = " " * (10 + 2 * depth + 2)
        if action.inputs:
            print(f"{margin}in   {_value(kept, action.inputs)}")
        if action.outputs:
            print(f"{margin}out  {_value(kept, action.outputs)}")
        if action.error:
            print(f"{margin}{action.error[0]}: {action.error[1]}")


def _value(kept: Any, digest: str) -> str:
    """The value where it was kept, else its digest."""
    from runtime.chain.errors import Unrecorded
    from runtime.chain.values import decoded
    from runtime.printing import printed

    if digest not in kept:
        return digest[:16]
    try:
        text = printed(decoded(kept.get(digest)))
    except Unrecorded as error:
        return f"{digest[:16]} ({error.message})"
    return text if len(text) <= 200 else f"{text[:200]}… ({digest[:16]})"


def _title(action: Any) -> str:
    name = action.name or action.details.get("file") or "program"
    return str(name) if action.type == "program" else f"{action.type} {name}"


def _when(time_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ns // 1_000_000_000))


def _took(action: Any) -> str:
    if action.took_ns is None:
        return "-"
    return f"{action.took_ns / 1e6:.2f} ms" if action.took_ns < 1e9 else f"{action.took_ns / 1e9:.2f} s"


def _verify(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.chain.verify import verify

    given = None
    if options.head:
        from runtime.chain.head import parse

        given = parse(Path(options.head).read_bytes().strip(), options.head)
    report = verify(runtime.paths.chain, own_keys(runtime, options.key), given)
    if options.json:
        print_json(
            {
                "ok": report.holds, "records": report.records, "signed": report.signed,
                "unsigned": report.unsigned, "runs": report.runs, "actions": report.actions,
                "heads": report.heads, "signers": report.signers, "cut": report.cut, "torn": report.torn,
                "faults": [{"record": number, "fault": text} for number, text in report.faults],
            }
        )  # fmt: skip
        return OK if report.holds else TRUST
    if not report.records and report.holds:
        print("nothing is on record; 'rtfsc run --audit' begins a chain")
        return OK
    print(f"{report.records} records, {report.runs} runs, {report.actions} actions")
    if report.holds:
        signers = ", ".join(signer[:16] for signer in report.signers) or "nobody"
        print(f"the chain holds; {report.heads} signed head{'s' if report.heads != 1 else ''}, by {signers}")
    if report.unsigned and report.holds:
        print(f"{report.unsigned} of them after the last signed head")
    if report.cut:
        print(f"{report.cut} torn records were taken away at a later start")
    if report.torn:
        print(f"{report.torn} bytes of a torn record at the end: a crash, the next run takes them away")
    found = [Diagnostic("T024", f"record {number}: {text}", None) for number, text in report.faults]
    if found:
        show(found, None, options.output_format)
    return OK if report.holds else TRUST


def own_keys(runtime: Any, files: Iterable[str] = ()) -> dict[str, Any]:
    """Whose heads count: the user's own keys, those that they succeeded, and what ``--key`` names. Trust in
    the modules of others is no reason to let them sign here."""
    from runtime.trust.keys import PublicKey

    keys = [info.public for info in runtime.keys.list()]
    keys += [PublicKey.from_pem(Path(file).read_bytes(), file) for file in files]
    trust = runtime.trust_file.load()
    found = {key.key_id: key for key in keys}
    left = list(found)
    while left:
        known = trust.find(left.pop())
        former = trust.find(known.succeeds) if known is not None and known.succeeds else None
        if former is not None and former.public.key_id not in found:
            found[former.public.key_id] = former.public
            left.append(former.public.key_id)
    return found


def _head(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.chain import head
    from runtime.chain.chain import HEAD

    path = runtime.paths.chain / HEAD
    found = head.read(path)
    if found is None:
        raise UsageError("there is no signed head; 'rtfsc run --audit' makes the first")
    print(found.text())
    return OK
