"""Facts for the dashboard: much happened, or somebody tries to get into the page."""

from __future__ import annotations

import random
from pathlib import Path

from runtime.dashboard.facts import Facts, HitRow, ModelRow, ModuleRow
from runtime.obs.events import Event
from runtime.obs.statistics import Kept, Statistics, read
from runtime.obs.tally import Tally

NOW = 1_790_000_000.0
DAY = 86_400.0
ATTACKS = (
    "<script>document.title='pwned'</script>",
    '"><img src=x onerror="document.title=\'pwned\'">',
    "'><svg onload=document.title='pwned'>",
    "</title><script>document.title='pwned'</script>",
    "javascript:document.title='pwned'",
    "<style>*{display:none}</style>",
    "--><!--<base href=//evil.example>",
    "\u202egnp.exe \ud800 \x00\x1b[31m \u2028 &lt;b&gt; ]]>",
)


def nothing(place: str = "/home/ada/.local/share/rtfsc/store") -> Facts:
    return Facts(NOW, "1.2.3", place, Kept(Tally(), {}, []))


def busy(path: Path) -> Facts:
    """Two weeks of work, the same in every run. ``path``: where the statistics are kept."""
    chance = random.Random(4)
    for day in range(13, -1, -1):
        at = NOW - day * DAY
        statistics = Statistics(path, interval=999, clock=lambda at=at: at)  # type: ignore[misc]
        _a_day(statistics, chance, at, day)
        statistics.close()
    statistics = Statistics(path, interval=999, clock=lambda: NOW)
    _lately(statistics)
    statistics.close()
    facts = nothing()
    facts.kept = read(path)
    facts.modules = [
        _module("textstats", ("words", "word-counts", "average-length"), 96, NOW - 60),
        _module("pricing", ("tiers", "line-total", "price-order"), 41, NOW - 7200),
        _module(
            "scheduling", ("ready?", "finish-time"), 7, NOW - 3 * DAY, "its key is not trusted here", None
        ),
        _module("draft", ("median",), 0, None, "waits for 1 of 2 signatures", status="Pending"),
    ]
    facts.counts = {"Verified": 3, "Pending": 1}
    facts.hits = [
        HitRow(NOW - 60, "meaning", "the words of a text", "hit", "textstats", "9c" * 32, "ada", 0.963, ""),
        HitRow(NOW - 65, "text", "4b6fa3f4bddca169" * 4, "hit", "pricing", "b3" * 32, "ada", None, ""),
        HitRow(NOW - 900, "action", "77" * 32, "refused", "scheduling", "0e" * 32, None, None,
               "TR004 bad signature"),
    ]  # fmt: skip
    facts.models = [
        ModelRow("gpt4o", "elsewhere", True, "answered"),
        ModelRow("phi-mini", "this machine", False, "no file"),
    ]
    return facts


def _a_day(statistics: Statistics, chance: random.Random, at: float, day: int) -> None:
    def tell(name: str, **attributes: object) -> None:
        statistics(Event(name, at - chance.random() * 3000, attributes))  # type: ignore[arg-type]

    for _ in range(chance.randint(20, 60) + (13 - day) * 6):
        hit = chance.random() < 0.4 + (13 - day) * 0.04
        score = chance.betavariate(9, 2) if hit else chance.betavariate(4, 3)
        tell(
            "store.hit" if hit else "store.miss",
            by="meaning",
            score=score,
            seconds=chance.lognormvariate(-8, 0.7),
        )
    for layer, rate, size in (("L1", 0.95, -15), ("L2", 0.6, -9), ("L3", 0.3, -6)):
        for _ in range(chance.randint(10, 40)):
            seconds = chance.lognormvariate(size, 0.8)
            if chance.random() < rate:
                tell("cache.hit", layer=layer, store="hot" if layer == "L2" else "", seconds=seconds)
            else:
                tell("cache.miss", layer=layer, reason=chance.choice(["absent", "expired"]), seconds=seconds)
    for _ in range(40):
        tell("call.done", function="total", target="wasm", seconds=chance.lognormvariate(-12.5, 1.2))
    for _ in range(10):
        seconds = chance.lognormvariate(0, 0.6)
        tell("call.done", function="classify", target="remote-gpt4o", seconds=seconds)
        tell("model.asked", model="gpt4o", cost=0.002, input_tokens=210, output_tokens=12, seconds=seconds)
        tell(
            "model.asked", model="phi-mini", cost=0.0, input_tokens=120, output_tokens=9, seconds=seconds / 4
        )
    tell("call.failed", function="classify", target="remote-gpt4o", error="timeout", seconds=30.0)
    tell("model.failed", model="gpt4o", error="timeout", seconds=30.0)


def _lately(statistics: Statistics) -> None:
    def tell(name: str, ago: float, **attributes: object) -> None:
        statistics(Event(name, NOW - ago, attributes))  # type: ignore[arg-type]

    tell("call.decided", 48, function="classify-ticket", target="remote-gpt4o",
         reason="tickets go to the big model", decided_by="rule support (delegation.toml:12)", confidence=0.9,
         rejected=("local-phi-mini: 900 ms is above the budget of 500 ms",))  # fmt: skip
    tell("call.decided", 118, function="total", target="l4-9c1f2b7d8e001122", decided_by="L4",
         confidence=0.97,
         reason="the store has it", rejected=("local-pure: 4.1 ms, l4 takes 1.2 µs",))  # fmt: skip
    tell("call.decided", 190, function="mask-name", target="local-phi-mini", reason="the data are private",
         decided_by="rule privacy (delegation.toml:20)", confidence=1.0, rejected=())  # fmt: skip
    tell(
        "cache.hit",
        300,
        layer="L3",
        score=0.971,
        query="sum of these invoices",
        match="total of the invoices",
    )
    task = "the number of vowels in a text"
    steps = [
        ("look up", "miss", "nearest 0.71: number of words"), ("ask", "answered", "gpt4o, 214 characters"),
        ("check", "refused", "T002 expected Int, got String"), ("ask", "answered", "gpt4o, 220 characters"),
        ("check", "ok", ""), ("examples", "ok", "3 of 3 on both engines"), ("publish", "ok", "signed by ada"),
    ]  # fmt: skip
    for i, (step, outcome, detail) in enumerate(steps):
        tell(
            "solve.step", 310 - i, run="r1", task=task, step=step, outcome=outcome, detail=detail, seconds=0.2
        )
    tell("solve.done", 300, run="r1", task=task, outcome="published", module="5d" * 32, rounds=2, seconds=4.1)
    tell("ticket.submitted", 100, ticket="0f3a9c", function="classify-ticket")
    tell("ticket.done", 90, ticket="0f3a9c", function="classify-ticket", seconds=3.0)


def _module(
    name: str, exports: tuple[str, ...], uses: int, used: float | None,
    trouble: str = "", signer: str | None = "ada", status: str = "Verified",
) -> ModuleRow:  # fmt: skip
    digest = (name.encode().hex() * 64)[:64]
    return ModuleRow(name, 1, exports, f"About {name}.", status, trouble, signer, "b7b8eedaf2c74f9e" * 4,
                     digest, "wasm32 O2", uses, used)  # fmt: skip


def hostile() -> Facts:
    """Every text is an attack."""
    facts = nothing(ATTACKS[0])
    tally = Tally()
    for i, attack in enumerate(ATTACKS):
        after = ATTACKS[(i + 1) % len(ATTACKS)]
        events = [
            Event("call.decided", NOW - i, {"function": attack, "target": attack, "reason": after,
                                            "decided_by": attack, "rejected": (attack, after),
                                            "confidence": 0.5}),
            Event("call.done", NOW, {"function": attack, "target": attack, "seconds": 0.1}),
            Event("cache.hit", NOW, {"layer": "L3", "store": attack, "score": 0.97, "query": attack,
                                         "match": after}),
            Event("cache.miss", NOW, {"layer": "L2", "store": attack, "reason": attack}),
            Event("model.failed", NOW, {"model": attack, "error": attack}),
            Event("model.health", NOW, {"model": attack, "ok": False, "detail": attack}),
            Event("solve.step", NOW, {"run": attack, "task": attack, "step": attack, "outcome": attack,
                                          "detail": after}),
            Event("solve.done", NOW, {"run": attack, "task": attack, "outcome": attack, "module": after}),
            Event("ticket.failed", NOW, {"ticket": attack, "function": attack, "error": attack}),
        ]  # fmt: skip
        for event in events:
            tally(event)
        facts.kept.events.extend(events)
        facts.modules.append(
            ModuleRow(
                attack, 1, (attack, after), attack, attack, attack, attack, attack, attack, attack, 1, NOW
            )
        )
        facts.hits.append(HitRow(NOW, "meaning", attack, "hit", attack, attack, attack, 0.9, attack))
        facts.hits.append(HitRow(NOW, attack, attack, "refused", attack, attack, attack, None, attack))
    facts.kept = Kept(tally, {int(NOW // DAY): tally}, facts.kept.events)
    facts.counts = dict.fromkeys(ATTACKS, 1)
    facts.models = [ModelRow(attack, attack, False, attack) for attack in ATTACKS]
    facts.problems = list(ATTACKS)
    return facts
