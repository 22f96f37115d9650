"""L1 of a team on Redis."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from runtime.caches.shared import Redis
from runtime.delegation.context import CallContext, Environment
from runtime.delegation.engine import PolicyDelegationEngine
from runtime.delegation.policy_file import parse
from runtime.delegation.shared import SharedDecisions

TEXT = """
[models.big]
cost = 1
[[rule]]
symbol = "ask-*"
tenant = "acme"
target = "remote-big"
fallback = ["local-pure"]
reason = "it knows"
"""


class Counting:
    """A policy's decisions, counted. The policy itself is what the engine gets."""

    def __init__(self, monkeypatch):
        from runtime.delegation.policy import Policy

        self.made, decide = 0, Policy.decide

        def counted(policy, context):
            self.made += 1
            return decide(policy, context)

        monkeypatch.setattr(Policy, "decide", counted)


def engine(url, text=TEXT, file="delegation.toml"):
    patient = f"{url}&timeout_ms=60000" if "?" in url else url
    return PolicyDelegationEngine(parse(text, file), shared=SharedDecisions(Redis(patient), 60))


def context(tenant="acme", **options):
    return CallContext("shop/ask-price", ("int",), Environment(tenant, **options))


def test_what_one_process_decided_the_other_need_not(redis_url, monkeypatch):
    counting = Counting(monkeypatch)
    first = engine(redis_url).decide(context())
    second = engine(redis_url, file="/elsewhere/delegation.toml")
    assert second.decide(context()) == first == second.decide(context())
    assert (counting.made, first.reasoning, str(first.target)) == (1, "it knows", "remote-big")


@pytest.mark.parametrize(
    "other",
    [context("globex"), context(""), context(task="t"), context(permissions=["p"]), context(privacy="public"),
     CallContext("shop/ask-price", ("float",), Environment("acme")),
     CallContext("shop/ask-prize", ("int",), Environment("acme"))],
)  # fmt: skip
def test_other_contexts_and_tenants_decide_for_themselves(redis_url, monkeypatch, other):
    engine(redis_url).decide(context())
    counting = Counting(monkeypatch)
    engine(redis_url).decide(other)
    assert counting.made == 1


def test_other_rules_decide_for_themselves(redis_url):
    engine(redis_url).decide(context())
    assert str(engine(redis_url, "").decide(context()).target) == "local-pure"


def test_a_server_that_lies_is_not_believed(redis_url):
    honest = engine(redis_url)
    shared = honest._shared
    private = context(privacy="private")
    for where in (context(), private):
        key = shared._key(honest.policy, where)
        lie = {"v": 1, "key": key, "target": "remote-evil", "confidence": 1, "reasoning": "",
               "decided_by": "", "rejected": [], "fallback": [], "timeout_s": 1, "retries": 0}  # fmt: skip
        lies = [lie, {**lie, "target": 3}, {**lie, "retries": 99}, {**lie, "fallback": ["remote-evil"]}]
        if where is private:
            lies.append({**lie, "target": "remote-big"})
        for one in lies:
            data = json.dumps(one)
            shared.cache.redis.ask(
                lambda client, k=key, d=data: client.set(f"{shared.cache.redis.prefix}:l1:{k}", d)
            )
            assert shared.get(honest.policy, where) is None
    assert str(engine(redis_url).decide(private).target) == "local-pure"


def test_rules_on_effects_are_not_shared(redis_url, monkeypatch):
    text = TEXT.replace('tenant = "acme"', 'effect = "pure"')
    engine(redis_url, text).decide(context())
    counting = Counting(monkeypatch)
    engine(redis_url, text).decide(context())
    assert counting.made == 1


def test_redis_that_is_gone_costs_nothing_but_the_decision():
    assert str(engine("redis://127.0.0.1:1/0").decide(context()).target) == "remote-big"


def test_a_decision_of_a_rule_that_does_not_fit_is_not_believed(redis_url):
    """Somebody who may write to Redis cannot have a tenant's calls run where only others' may."""
    policy, shared = parse(TEXT), SharedDecisions(Redis(redis_url), 60)
    acme, other = (CallContext("ask-it", (), Environment(name)) for name in ("acme", "other"))
    paid = policy.decide(acme)
    shared.put(policy, acme, paid)
    assert shared.get(policy, acme) == paid
    shared.put(policy, other, paid)
    assert shared.get(policy, other) is None
    for wrong in (replace(paid, timeout_s=86_400.0), replace(paid, retries=5)):
        shared.put(policy, acme, wrong)
        assert shared.get(policy, acme) is None
    shared.close()
