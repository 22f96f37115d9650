"""``rtfsc models``: which models are configured, who provides them, whether they answer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtfsc.cli.common import OK, PROGRAM_ERROR, UsageError, print_json
from rtfsc.cli.delegating import add_file, delegation_of

if TYPE_CHECKING:
    from runtime.providers.registry import ModelRegistry

_AT_A_TIME = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="these alone (default: all)")
    add_file(parser, "where models are configured")
    parser.add_argument("--no-health", action="store_true", help="ask nobody whether they answer")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from runtime.delegation.setup import open_delegation

    with delegation_of(options) as configured:
        registry = (configured or open_delegation()).registry
        ids = options.id or registry.ids()
        for id in ids:
            if id not in registry:
                raise UsageError(f"there is no model {id!r}; there are: {', '.join(registry.ids())}")
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            rows = list(pool.map(lambda id: _row(registry, id, not options.no_health), ids))
    if options.json:
        print_json(rows)
    else:
        _show(rows)
    return PROGRAM_ERROR if any(row["ok"] is False for row in rows) else OK


def _row(registry: ModelRegistry, id: str, asked: bool) -> dict[str, Any]:
    from runtime.obs.events import BUS, tell
    from runtime.providers.errors import ProviderError

    row: dict[str, Any] = {"id": id, "provider": registry.provider_of(id), "ok": None, "detail": ""}
    try:
        model = registry.get(id)
        if asked:
            row["ok"], row["detail"] = model.health()
            tell(BUS, "model.health", model=id, provider=row["provider"], ok=row["ok"], detail=row["detail"])
        row |= {
            "where": "here" if model.local else "remote", "cost": model.cost_per_call(),
            "capabilities": sorted(model.capabilities()) if asked else None,
        }  # fmt: skip
    except ProviderError as error:
        row |= {"where": "?", "cost": None, "capabilities": None, "ok": False, "detail": error.message}
    return row


def _show(rows: list[dict[str, Any]]) -> None:
    table = [("model", "provider", "where", "cost", "can", "health")]
    for row in rows:
        health = {None: "", True: "ok", False: "failed"}[row["ok"]]
        detail = f": {row['detail']}" if row["detail"] else ""
        cost = "" if row["cost"] is None else f"{row['cost']:g}"
        able = " ".join(row["capabilities"] or ())
        table.append((row["id"], row["provider"], row["where"], cost, able, health + detail))
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
