"""``rtfsc verify``: whether a module may be run, and why."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, TRUST, UsageError, add_store, print_json, tell
from rtfsc.cli.failures import show
from rtfsc.diagnostics import Diagnostic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "modules", nargs="*", help="compiled files, or stored modules by name or beginning of the digest"
    )
    parser.add_argument(
        "--log",
        action="store_true",
        help="that the publication is on record: of a file by the proof beside it (FILE.proof), of a stored"
        " module in the log; without a module: examine the whole log",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    if not options.modules and not options.log:
        raise UsageError("name a file or a stored module; --log alone examines the publication log")
    with Runtime(store=options.store or True) as runtime:
        if not options.modules:
            return _audit(runtime, options)
        results = [_verified(runtime, text, options) for text in options.modules]
    if options.json:
        print_json(results)
    return OK if all(result["ok"] for result in results) else TRUST


def _verified(runtime: Any, text: str, options: argparse.Namespace) -> dict[str, Any]:
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError

    try:
        facts = {"module": text, "ok": True, **_facts(runtime, text, options.log)}
    except (TrustError, StoreError) as error:
        if isinstance(error, StoreError) and error.exit_code != TRUST:
            raise
        refusal = {"code": error.code, "message": error.message, "hint": error.hint}
        if not options.json:
            tell(f"{text}: REFUSED")
            show([Diagnostic(error.code, error.message, None, hint=error.hint)], None, options.output_format)
        return {"module": text, "ok": False, "error": refusal}
    if not options.json:
        _print(text, facts)
    return facts


def _facts(runtime: Any, text: str, log: bool) -> dict[str, Any]:
    if os.path.isfile(text):
        verified, record = _of_file(runtime, text, log)
    else:
        verified, record = _of_store(runtime, text, log)
    stated = verified.statement.predicate.to_json()
    policies = runtime.verifier.trust.policies(stated["name"])
    return {
        "name": stated["name"],
        "digest": verified.statement.digest,
        "signers": [
            {"name": key.name, "id": key.public.key_id, "roles": list(key.roles)} for key in verified.signers
        ],
        **{field: stated[field] for field in ("serial", "signed_at", "certificate", "validity")},
        "policy": [{"modules": policy.modules, **policy.to_json()} for policy in policies],
        "record": record,
    }


def _of_file(runtime: Any, path: str, log: bool) -> tuple[Any, dict[str, Any] | None]:
    from runtime.trust.errors import NotLogged
    from runtime.vouched import proof_beside, verified_file

    verified = verified_file(path, Path(path).read_bytes(), runtime.verifier)
    proof = proof_beside(path)
    if proof is not None:
        return verified, _record(proof, proof.check(verified, runtime.verifier))
    if log:
        raise NotLogged(
            f"There is no proof beside the module ({path}.proof)",
            hint="'rtfsc store get MODULE -o FILE' writes one",
        )
    return verified, None


def _of_store(runtime: Any, text: str, log: bool) -> tuple[Any, dict[str, Any] | None]:
    from rtfsc.cli.store import find
    from runtime.vouched import refuse_undeclared

    entry, _ = find(runtime, text)
    fetched = runtime.store.examine(entry)
    refuse_undeclared(fetched.artifact, fetched.verified)
    verified = fetched.verified
    if not log:
        return verified, None
    proof = runtime.store.log.prove(verified)
    return verified, _record(proof, proof.check(verified, runtime.verifier))


def _record(proof: Any, head: Any) -> dict[str, Any]:
    return {"number": proof.number, "size": head.size, "root": head.root}


def _print(text: str, facts: dict[str, Any]) -> None:
    tell(f"{text}: verified, {facts['name']} sha256 {facts['digest']}")
    for signer in facts["signers"]:
        tell(f"  signed by    {signer['name']} {signer['id'][:16]}, role {' '.join(signer['roles'])}")
    tell(f"  signed at    {facts['signed_at']}" + (f", version {facts['serial']}" * bool(facts["serial"])))
    certificate = facts["certificate"]
    if certificate:
        tell(f"  certificate  {certificate['inputs']} inputs agree on {' and '.join(certificate['engines'])}")
    for bound, value in facts["validity"].items():
        if value:
            tell(f"  {bound.replace('_', ' '):<11}  {value}")
    if facts["record"]:
        record = facts["record"]
        tell(f"  on record    number {record['number']}, under a signed head of {record['size']} records")


def _audit(runtime: Any, options: argparse.Namespace) -> int:
    audit = runtime.store.log.audit()
    if options.json:
        print_json(audit._asdict())
        return OK
    tell(f"log: {audit.size} records, root {audit.root}")
    tell(f"  {audit.heads} signed heads fit, by {', '.join(audit.signers) or 'nobody'}")
    if audit.strange:
        tell(f"  {audit.strange} leaves are no records; they prove nothing")
    return OK
