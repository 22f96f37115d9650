"""``rtfsc store export|import|push|pull``: modules on the move."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtfsc.cli.common import OK, TRUST, print_json, tell

_MODULES = "names, or beginnings of digests; none: every verified module"


def add_arguments(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    exporting = add("export", "write modules to an OCI image layout: FILE.zip, FILE.tar, or a folder")
    exporting.add_argument("bundle", metavar="FILE")
    exporting.add_argument("modules", nargs="*", metavar="MODULE", help=_MODULES)
    importing = add("import", "take in what is trusted of such a bundle")
    importing.add_argument("bundle", metavar="FILE")
    pushing = add("push", "upload modules to an OCI registry")
    pushing.add_argument("reference", help="registry.example/team/modules:tag")
    pushing.add_argument("modules", nargs="*", metavar="MODULE", help=_MODULES)
    add("pull", "take in what is trusted of a registry").add_argument("reference")


def _chosen(runtime: Any, names: list[str]) -> list[Any]:
    from rtfsc.cli.store import find

    if names:
        return [find(runtime, name)[0] for name in names]
    return [entry for entry in runtime.store.list() if entry.status == "Verified"]


def _export(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.bundles.transfer import export

    entries = _chosen(runtime, options.modules)
    return _tell(export(runtime.store, entries, Path(options.bundle)), options, "written", "not written")


def _import(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.bundles.transfer import import_bundle

    return _taken(runtime, import_bundle(runtime.store, Path(options.bundle)), options)


def _push(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.bundles.registry import push

    runtime.forbid_offline(f"push to {options.reference}")
    entries = _chosen(runtime, options.modules)
    return _tell(push(runtime.store, entries, options.reference), options, "pushed", "not pushed")


def _pull(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.bundles.registry import pull

    runtime.forbid_offline(f"pull from {options.reference}")
    return _taken(runtime, pull(runtime.store, options.reference), options)


def _taken(runtime: Any, outcomes: list[Any], options: argparse.Namespace) -> int:
    if any(outcome.outcome == "taken" for outcome in outcomes):
        from runtime.searching import describe_missing

        describe_missing(runtime)
    return _tell(outcomes, options, "taken in", "refused")


def _tell(outcomes: list[Any], options: argparse.Namespace, done: str, refused: str) -> int:
    if options.json:
        print_json([outcome._asdict() for outcome in outcomes])
    else:
        words = {"taken": done, "there": "was there", "refused": refused}
        for outcome in outcomes:
            reason = f": {outcome.reason}" if outcome.reason else ""
            tell(f"{outcome.digest[:16]:<16}  {outcome.name} {words[outcome.outcome]}{reason}")
        if not outcomes:
            print("no modules")
    return TRUST if any(outcome.outcome == "refused" for outcome in outcomes) else OK


ACTIONS = {"export": _export, "import": _import, "push": _push, "pull": _pull}
