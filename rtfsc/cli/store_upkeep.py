"""``rtfsc store stats|gc|fsck|index|embed|hits``: keep the store in order."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from rtfsc.cli.common import OK, days, positive, print_json, tell


def add_arguments(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    add("stats", "counts and sizes")
    collecting = add("gc", "remove old versions and what nobody needs")
    collecting.add_argument(
        "--versions", type=positive, default=3, metavar="N", help="newest of a name that stay (3)"
    )
    collecting.add_argument("--unused-days", type=days, default=90, metavar="N", help="(90)")
    collecting.add_argument("--dry-run", action="store_true", help="say what would go")
    add(
        "fsck", "verify every module, decide pending ones, remove what crashes left; not while others publish"
    )
    add("index", "make the search by meaning fast in large groups")
    add("embed", "embed what functions are for, where it was not done")
    hits = add("hits", "the governance log: what was asked for and what came of it, latest first")
    hits.add_argument("--limit", type=positive, default=20, metavar="N", help="(20)")


def _gc(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.upkeep import collect

    found = collect(
        runtime.store, versions=options.versions, unused_days=options.unused_days, dry_run=options.dry_run
    )
    if options.json:
        gone = [{"name": e.name, "version": e.serial, "digest": e.digest} for e in found.entries]
        print_json({"modules": gone, "blobs": found.blobs, "bytes": found.bytes, "dry_run": options.dry_run})
        return OK
    for entry in found.entries:
        tell(f"{entry.digest[:16]}  {entry.name} version {entry.serial}")
    verb = "would go" if options.dry_run else "went"
    tell(f"{len(found.entries)} modules, {found.blobs} blobs, {found.bytes:,} bytes {verb}")
    return OK


def _fsck(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.store.repair import check_all, repair

    damaged = check_all(runtime.store)
    done = repair(runtime.store)
    if options.json:
        listed = [{"name": e.name, "digest": e.digest, "reason": reason} for e, reason in damaged]
        print_json({"damaged": listed, **done._asdict()})
        return OK
    for entry, reason in damaged:
        tell(f"{entry.digest[:16]}  {entry.name}: {reason}")
    tell(f"{done.restored} pending modules verified again, {done.removed} removed, {done.waiting} wait for "
          f"signatures; {done.orphans} blobs that nobody needs and {done.abandoned} files of crashed writers "
          "removed")  # fmt: skip
    return OK


def _hits(runtime: Any, options: argparse.Namespace) -> int:
    found = runtime.store.index.hits(options.limit)
    if options.json:
        print_json([hit._asdict() for hit in found])
        return OK
    for hit in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(hit.time_ms / 1000))
        score = "" if hit.score is None else f" {hit.score:.3f}"
        tell(f"{when}  {hit.outcome:<8} {hit.kind:<11}{score} {(hit.digest or '-')[:16]}  {hit.key[:60]}")
    return OK


def _stats(runtime: Any, options: argparse.Namespace) -> int:
    stats = runtime.store.stats()
    if options.json:
        print_json(stats)
        return OK
    tell(f"store {runtime.choice.location}")
    tell("modules: " + ", ".join(f"{count} {status.lower()}" for status, count in stats["modules"].items()))
    tell(f"uses: {stats['uses']}")
    for kind, sizes in stats["blobs"].items():
        tell(f"{kind}: {sizes['count']} blobs, {sizes['bytes']:,} bytes")
    return OK


def _index(runtime: Any, options: argparse.Namespace) -> int:
    groups = runtime.store.index.prepare_groups()
    if options.json:
        print_json([{"interface_hash": i, "embedder": e, "functions": n} for i, e, n in groups])
    else:
        tell(f"{len(groups)} large groups" if groups else "no group is large: all are searched exactly")
    return OK


def _embed(runtime: Any, options: argparse.Namespace) -> int:
    from runtime.searching import describe_missing

    count = describe_missing(runtime)
    if options.json:
        print_json({"embedder": runtime.embedder.tag, "functions": count})
    else:
        tell(f"{count} functions embedded by {runtime.embedder.tag}")
    return OK


ACTIONS = {"stats": _stats, "gc": _gc, "fsck": _fsck, "index": _index, "embed": _embed, "hits": _hits}
