"""``rtfsc store``: look into the store, keep it in order, and share it."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, TRUST, UsageError, add_store, print_json, tell
from rtfsc.files import write_atomically

_ELSEWHERE = {
    "stats": "store_upkeep", "gc": "store_upkeep", "fsck": "store_upkeep", "index": "store_upkeep",
    "embed": "store_upkeep", "hits": "store_upkeep",
    "history": "store_versions", "pin": "store_versions", "unpin": "store_versions",
    "rollback": "store_versions",
    "export": "store_share", "import": "store_share", "push": "store_share", "pull": "store_share",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help)
        add_store(action)
        action.add_argument("--json", action="store_true", help="as JSON")
        return action

    add("ls", "every module, newest first")
    getting = add("get", "a module by name, digest, or declaration of its interface")
    getting.add_argument("module", help="name, beginning of the digest, or '(declare f [a : Int] : Int)'")
    getting.add_argument(
        "-o", dest="output", metavar="FILE", help="write the module there and its manifest beside it"
    )
    verifying = add("verify", "hash and verify modules again")
    verifying.add_argument("module", nargs="?", help="name or beginning of the digest; none: all")
    for module in dict.fromkeys(_ELSEWHERE.values()):
        import_module(f"rtfsc.cli.{module}").add_arguments(add)
    actions.add_parser("allow", help="agree to the remote store that the project's rtfsc.toml names")


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    if options.action == "allow":
        return _allow(Runtime())
    with Runtime(store=options.store or True) as runtime:
        if options.action in _ELSEWHERE:
            module = import_module(f"rtfsc.cli.{_ELSEWHERE[options.action]}")
            return int(module.ACTIONS[options.action](runtime, options))
        return {"ls": _ls, "get": _get, "verify": _verify}[options.action](runtime, options)


def _allow(runtime: Any) -> int:
    from runtime.store.config import allow

    choice = runtime.choice
    if not choice.project or not choice.location.remote:
        raise UsageError(f"no rtfsc.toml here names a remote store; {choice.location} needs no agreement")
    allow(choice, runtime.paths.home)
    tell(f"allowed {choice.location}, which {choice.origin} names")
    return OK


def _row(entry: Any) -> dict[str, Any]:
    description = entry.description
    return {
        "name": entry.name,
        "digest": entry.digest,
        "status": entry.status,
        "status_reason": entry.status_reason,
        "target": description.target,
        "level": description.level,
        "signer": entry.signer,
        "uses": entry.use_count,
        "created_ms": entry.created_ms,
        "exports": [export.name for export in description.exports],
        "doc": description.doc,
    }


def _ls(runtime: Any, options: argparse.Namespace) -> int:
    rows = [_row(entry) for entry in runtime.store.list()]
    if options.json:
        print_json(rows)
        return OK
    if not rows:
        tell(f"the store in {runtime.choice.location} has no modules")
    for row in rows:
        tell(
            f"{row['digest'][:16]}  {row['status']:<8}  {row['target']} {row['level']}  "
            f"{row['uses']:>5} uses  {row['name']}: {' '.join(row['exports'])}"
        )
    return OK


def _get(runtime: Any, options: argparse.Namespace) -> int:
    entry, functions = find(runtime, options.module)
    exact = is_exact(options.module, entry)
    artifact = runtime.store.fetch(entry) if exact else runtime.store.fetch_current(entry)
    if options.output is not None:
        write_atomically(f"{options.output}.dsse", runtime.store.manifest(entry))
        write_atomically(options.output, artifact.artifact)
        _write_proof(runtime, artifact.verified, f"{options.output}.proof")
        runtime.store.touch(entry)
        print(f"wrote {options.output}, with its manifest and proof beside it", file=sys.stderr)
    if options.output is None or options.json:
        matching = {"functions": functions} if functions else {}
        print_json({**_row(entry), **matching, "signers": list(artifact.signers)})
    return OK


def is_exact(text: str, entry: Any) -> bool:
    """Whether the text names this very module, and not whatever stands for a name or an interface."""
    return text != entry.name and not text.lstrip().startswith("(")


def _write_proof(runtime: Any, verified: Any, path: str) -> None:
    """Where the publication is on record."""
    from runtime.trust.errors import NotLogged

    try:
        write_atomically(path, runtime.store.log.prove(verified).encode())
    except NotLogged:
        Path(path).unlink(missing_ok=True)


def find(runtime: Any, text: str) -> tuple[Any, list[str]]:
    """The newest entry of that name, digest or interface, and which of its functions have the interface."""
    from runtime.store.errors import NotStored

    if text.lstrip().startswith("("):
        found = runtime.find(text)
        if not found:
            raise NotStored("No stored function has that interface")
        return found[0].entry, [f.name for f in found if f.entry is found[0].entry]
    entry = runtime.store.get(text)
    if entry is None:
        raise NotStored(
            f"No module {text!r} in {runtime.choice.location}", hint="'rtfsc store ls' lists them"
        )
    return entry, []


def _verify(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.errors import StoreError
    from runtime.trust.errors import TrustError

    entries = [find(runtime, options.module)[0]] if options.module else runtime.store.list()
    results = []
    for entry in entries:
        try:
            signers = list(runtime.store.examine(entry).signers)
            results.append({"name": entry.name, "digest": entry.digest, "ok": True, "signers": signers})
        except (TrustError, StoreError) as error:
            results.append({"name": entry.name, "digest": entry.digest, "ok": False, "error": str(error)})
    if options.json:
        print_json(results)
    else:
        for result in results:
            verdict = "verified" if result["ok"] else f"REFUSED: {result['error']}"
            tell(f"{result['digest'][:16]}  {result['name']}: {verdict}")
    return OK if all(result["ok"] for result in results) else TRUST
