"""Modules of the store: who signed them, what uses them."""

from __future__ import annotations

from runtime.dashboard.charts import amount
from runtime.dashboard.facts import Facts, HitRow, ModuleRow
from runtime.dashboard.markup import Markup
from runtime.dashboard.parts import (
    NOTHING,
    badge,
    cell,
    code,
    empty,
    head,
    moment,
    number,
    section,
    table,
    under,
    words,
)


def modules(facts: Facts) -> Markup:
    if not facts.modules:
        return section(
            "modules",
            "Modules",
            empty(
                "The store has no modules. `rtfsc init` makes a key and a project, `rtfsc publish FILE.rtfs` "
                "compiles, certifies, signs and stores; `rtfsc solve` has a model write what is missing."
            ),
        )
    heads = ("Module", "Functions", "Status", "Signer", "Uses#", "Last used")
    rows = [_module(row, facts.time) for row in facts.modules]
    shown = "Most used modules" if sum(facts.counts.values()) > len(rows) else "Modules, most used first"
    return section("modules", "Modules", table(shown, heads, rows), _hits(facts))


def _module(row: ModuleRow, now: float) -> list[Markup]:
    kind = "bad" if row.status == "Revoked" else "warn" if row.trouble or row.status != "Verified" else "good"
    signer = row.signer or badge("unknown key", "warn")
    return [
        head(row.name, under(f"version {row.version} · ", code(row.digest[:16]))),
        words(" ".join(row.exports[:8]) + (" …" if len(row.exports) > 8 else ""),
              under(row.doc[:160]) if row.doc else None),
        cell(badge(row.status, kind), under(row.trouble) if row.trouble else None),
        cell(signer, under(code(row.key[:16]))),
        number(amount(row.uses)),
        moment(row.used, now),
    ]  # fmt: skip


def _hits(facts: Facts) -> Markup:
    found = [row for row in facts.hits if row.outcome != "miss"][:20]
    if not found:
        return empty(
            "No module was taken from the store yet. A program that was published is found when it is run "
            "again, also under other names and in another place: `rtfsc run FILE`."
        )
    heads = ("When", "Asked for", "By", "Got", "Signer", "Score#")
    return table("Recent hits in the store (L4)", heads, [_hit(row, facts.time) for row in found])


def _hit(row: HitRow, now: float) -> list[Markup]:
    request = row.request if row.by in ("meaning", "name", "interface") else code(row.request[:16])
    refused = [badge("refused", "bad"), under(row.detail[:200])] if row.outcome == "refused" else None
    return [
        moment(row.time, now),
        words(request),
        cell(row.by),
        cell(row.module or "gone", " ", refused, under(code(row.digest[:16]))),
        cell(row.signer or NOTHING),
        number(NOTHING if row.score is None else f"{row.score:.3f}"),
    ]
