"""Models: health, speed, cost, errors, answers taken by meaning."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.dashboard.charts import amount, bar
from runtime.dashboard.facts import Facts
from runtime.dashboard.markup import Markup, Node
from runtime.dashboard.parts import (
    ago,
    attribute,
    badge,
    cell,
    empty,
    head,
    measured,
    moment,
    number,
    percent,
    section,
    table,
    times,
    under,
    words,
)
from runtime.dashboard.sums import by_label, merged, summed


def models(facts: Facts) -> Markup:
    total = facts.kept.total
    ids = [*by_label(total, "rtfsc_model_requests_total", "model")]
    ids += [row.id for row in facts.models or ()]
    ids += [attribute(event.attributes, "model") for event in facts.kept.named("model.health")]
    ids = list(dict.fromkeys(ids))
    if not ids:
        return section(
            "models",
            "Models",
            empty(
                "No model was asked. Models are named in `delegation.toml` under `[models.ID]`; "
                "`rtfsc dashboard --delegation delegation.toml` shows here whether they are in order."
            ),
        )
    heads = (
        "Model",
        "Health",
        "Requests#",
        "Answered",
        "Median#",
        "95 %#",
        "Cost#",
        "Tokens in / out#",
        "Errors",
    )
    parts: list[Node] = [table("Models", heads, [_model(id, facts) for id in ids])]
    similar = [e for e in facts.kept.named("cache.hit") if measured(e.attributes, "score") is not None][:12]
    if similar:
        rows = [
            [
                moment(e.time, facts.time),
                words(attribute(e.attributes, "query")),
                words(attribute(e.attributes, "match")),
                number(f"{measured(e.attributes, 'score'):.3f}"),
            ]
            for e in similar
        ]
        parts.append(
            table(
                "Answers that were taken by meaning (L3)",
                ("When", "Asked", "Answered before", "Score#"),
                rows,
            )
        )
    return section("models", "Models", *parts)


def _model(id: str, facts: Facts) -> list[Markup]:
    total = facts.kept.total
    where = next((row.where for row in facts.models or () if row.id == id), "")
    asked = summed(total, "rtfsc_model_requests_total", model=id)
    answered = summed(total, "rtfsc_model_requests_total", model=id, outcome="ok")
    errors = {
        labels[1]: value
        for (name, labels), value in total.values.items()
        if name == "rtfsc_model_requests_total" and labels[0] == id and labels[1] != "ok"
    }
    tokens = [summed(total, "rtfsc_model_tokens_total", model=id, direction=d) for d in ("input", "output")]
    return [
        head(id, under(where) if where else None),
        cell(*_health(id, facts)),
        number(amount(asked)),
        cell(bar(answered / asked if asked else 0.0, f"{id}: {percent(answered, asked)} answered"), " ",
             percent(answered, asked)),
        *times(merged(total, "rtfsc_model_seconds", "model").get(id)),
        number(f"{summed(total, 'rtfsc_model_cost_total', model=id):.4g}"),
        number(" / ".join(map(amount, tokens))),
        words(", ".join(f"{kind} {amount(n)}" for kind, n in sorted(errors.items())) or "none"),
    ]  # fmt: skip


def _health(id: str, facts: Facts) -> Sequence[Node]:
    """What the model says of itself now, else what was last seen of it."""
    for row in facts.models or ():
        if row.id == id:
            return badge("in order" if row.ok else "not in order", "good" if row.ok else "bad"), under(
                row.detail
            )
    for event in facts.kept.named("model.health", "model.failed"):
        given = event.attributes
        if given.get("model") == id:
            when = ago(facts.time - event.time)
            if event.name == "model.failed":
                return badge("failed", "warn"), under(f"{attribute(given, 'error')} {when}")
            kind = ("in order", "good") if given.get("ok") else ("not in order", "bad")
            return badge(*kind), under(f"{attribute(given, 'detail')}, {when}")
    return (badge("no trouble seen", "good"),)
