"""``rtfsc cache``: look into the caches that a ``delegation.toml`` describes, empty them, fill them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import OK, UsageError, positive, print_json
from rtfsc.cli.delegating import VARIABLE, add_file, refused

if TYPE_CHECKING:
    from runtime.caches.manager import CacheManager

_HEADER = ("layer", "store", "hits", "misses", "rate", "entries", "state")
_SHOWN = 300  # characters of a text in the log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help)
        add_file(action, "what describes them")
        action.add_argument("--json", action="store_true", help="as JSON")
        return action

    add("stats", "hits, misses and entries of each layer, of all processes of this user")
    clearing = add("clear", "empty all caches, or one layer, or one tenant's part")
    clearing.add_argument("--layer", choices=["L1", "L2", "L3"], default="", help="this layer alone")
    clearing.add_argument("--tenant", metavar="NAME", help="what is kept for this tenant alone")
    warming = add("warm", "read cold answers into a shared hot store; make graphs over large indexes")
    warming.add_argument("--limit", type=positive, metavar="N", help="so many answers at most")
    logged = add("hits", "the log of answers to like questions (L3): question, match, similarity, answer")
    logged.add_argument("--limit", type=positive, default=20, metavar="N", help="the newest (default 20)")


def run(options: argparse.Namespace) -> int:
    from runtime.caches.opening import open_caches
    from runtime.caches.shared import Redis
    from runtime.delegation.policy_file import load
    from runtime.delegation.shared import SharedDecisions
    from runtime.offline import offline

    if options.delegation is None:
        # One that lies here is not taken by itself: it might name servers to which nobody has agreed.
        raise UsageError(f"--delegation FILE, or {VARIABLE}, says which caches")
    path = Path(options.delegation)
    with refused(options):
        policy = load(path)
    if policy.caches is None:
        raise UsageError(f"{path} has no section [caches]: answers are kept in memory alone")
    address = policy.caches.l1.redis
    shared = SharedDecisions(Redis(address), None).cache if address and not offline() else None
    manager = open_caches(policy.caches, base=path.absolute().parent, shared=shared)
    actions: dict[str, Callable[[CacheManager, argparse.Namespace], int]] = {
        "stats": _stats, "clear": _clear, "warm": _warm, "hits": _hits,
    }  # fmt: skip
    try:
        return actions[options.action](manager, options)
    finally:
        manager.close()


def _stats(manager: CacheManager, options: argparse.Namespace) -> int:
    manager.probe()
    counted = _counted()
    rows = []
    if "L1" in counted:
        rows.append(_of_processes("L1", "memory", counted["L1"]))
    for row in manager.stats():
        entries = None if row.store.startswith("memory") else _entries(manager, row)
        known = _of_processes(row.layer, row.store, counted.get(row.layer, (0, 0)))
        rows.append({**known, "entries": entries, "up": row.up})
    if "L4" in counted:
        rows.append(_of_processes("L4", "rtfsc store stats", counted["L4"]))
    if options.json:
        print_json(rows)
    else:
        _print_table([_HEADER, *(_cells(row) for row in rows)])
    return OK


def _of_processes(layer: str, store: str, counted: tuple[int, int]) -> dict[str, Any]:
    hits, misses = counted
    rate = hits / (hits + misses) if hits + misses else None
    return {"layer": layer, "store": store, "hits": hits, "misses": misses, "hit_rate": rate,
            "entries": None, "up": True}  # fmt: skip


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    rate = "-" if row["hit_rate"] is None else f"{row['hit_rate']:.1%}"
    entries = "-" if row["entries"] is None else str(row["entries"])
    state = "up" if row["up"] else "does not answer"
    return row["layer"], row["store"], str(row["hits"]), str(row["misses"]), rate, entries, state


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADER))]
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= at <= 5 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _entries(manager: CacheManager, row: Any) -> int | None:
    """None where it cannot be told."""
    from runtime.caches.cold import ColdError

    if not row.up:
        return None
    if row.layer != "L2 cold" or manager.l2.cold is None:
        return int(row.stats.size)
    try:
        return manager.l2.cold.size()
    except ColdError:
        return None


def _counted() -> dict[str, tuple[int, int]]:
    """Hits and misses by layer, as far as processes of this user have recorded them."""
    from runtime.obs.statistics import FILE, read
    from runtime.store.paths import user_home

    lookups: dict[tuple[str, str, bool], int] = {}
    for (metric, labels), value in read(user_home() / FILE).total.values.items():
        if metric == "rtfsc_cache_lookups_total":
            layer, store, outcome = labels
            key = (layer, store if outcome == "hit" else "", outcome == "hit")
        elif metric == "rtfsc_store_lookups_total":
            key = ("L4", "", labels[1] == "hit")
        else:
            continue
        lookups[key] = lookups.get(key, 0) + int(value)
    misses = lookups.get(("L2", "", False), 0)
    cold = lookups.get(("L2", "cold", True), 0)
    found = {
        "L2 hot": (lookups.get(("L2", "hot", True), 0), misses + cold),
        "L2 cold": (cold, misses),
        "L3": (lookups.get(("L3", "", True), 0), lookups.get(("L3", "", False), 0)),
    }
    for layer in ("L1", "L4"):
        hits, misses = (
            sum(n for (of, _, hit), n in lookups.items() if (of, hit) == (layer, wanted))
            for wanted in (True, False)
        )
        if hits or misses:
            found[layer] = (hits, misses)
    return found


def _clear(manager: CacheManager, options: argparse.Namespace) -> int:
    if options.tenant is not None and options.layer == "L1":
        raise UsageError("decisions of one tenant alone cannot be cleared; leave --tenant out")
    layers = [options.layer] if options.layer else ["L3", "L2", *([] if options.tenant else ["L1"])]
    for layer in layers:
        with _told(f"{layer} cannot be cleared"):
            manager.clear(layer, options.tenant)
    whose = "" if options.tenant is None else f" of the tenant {options.tenant!r}"
    if options.json:
        print_json({"cleared": sorted(layers), "tenant": options.tenant})
    else:
        print(f"cleared {', '.join(sorted(layers))}{whose}")
    return OK


def _warm(manager: CacheManager, options: argparse.Namespace) -> int:
    read = graphs = 0
    if manager.l2.cold is not None:
        with _told("the cold store cannot be read"):
            read = manager.l2.warm(options.limit)
    if manager.l3 is not None:
        with _told("the index cannot be prepared"):
            graphs = manager.l3.index.prepare()
    hot = next(row.store for row in manager.stats() if row.layer == "L2 hot")
    shared = not hot.startswith("memory")
    if options.json:
        print_json({"answers": read, "shared": shared, "graphs": graphs})
        return OK
    if shared:
        print(f"{read} answers are hot now in {hot}")
    else:
        print(
            f"{read} answers can be read; each process has a hot store of its own, which it fills as it asks"
        )
    print(f"{graphs} graphs made" if graphs else "no group of questions is large enough for a graph")
    return OK


def _hits(manager: CacheManager, options: argparse.Namespace) -> int:
    if manager.l3 is None:
        raise UsageError("there is no section [caches.l3]: no answers to like questions are given")
    with _told("the log cannot be read"):
        hits = manager.l3.index.hits(options.limit)
    if options.json:
        print_json([hit._asdict() for hit in hits])
        return OK
    if not hits:
        print("no answer has been given to a like question yet")
    for hit in hits:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(hit.time_ms / 1000))
        tenant = f"  tenant {hit.tenant}" if hit.tenant else ""
        print(f"{when}  {hit.score:.3f}  {hit.model}  {hit.embedder}{tenant}")
        for name, text in (("asked", hit.query), ("match", hit.match), ("answer", hit.answer)):
            print(f"  {name:<7}{_one_line(text)}")
    return OK


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever a store raises is an error of the store."""
    from runtime.store.errors import StoreError, StoreUnreachable

    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise StoreUnreachable(f"{what}: {error or type(error).__name__}") from error
